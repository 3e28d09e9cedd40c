/** One message of a prompt. */
export interface PromptMessage {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

/** What a finished reply cost, as the model counted it; null where it did not say. */
export interface ReplyUsage {
  readonly promptTokens: number | null
  readonly completionTokens: number | null
}

/** A reply as it is being made. */
export interface Reply {
  readonly model: string
  /** About what the prompt cost, where the model does not say. */
  readonly estimatedPromptTokens: number
  /** Pieces of text in order. Throws Problem when the model stalls, breaks off or makes no sense. */
  readonly deltas: AsyncIterable<string>
  /** What is known of the cost; complete once `deltas` has ended. */
  usage(): ReplyUsage
  /** Tells the model that nobody needs the rest. */
  cancel(): void
}
