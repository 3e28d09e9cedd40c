import type { ServerSentEvent } from '#src/http/sse.ts'

/** The header by which the AI SDK knows its UI message stream protocol, version 1. */
export const uiMessageStreamHeaders = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store',
  'X-Accel-Buffering': 'no',
  'x-vercel-ai-ui-message-stream': 'v1',
}

/** What the first and the last part of a turn's stream say of it. */
export interface TurnMetadata {
  readonly turn_id: string
  readonly user_message_id: string
  /** What the companion was told that it remembers. */
  readonly memory_ids: readonly string[]
  readonly state?: 'complete' | 'interrupted'
  readonly flights?: number
}

interface StreamedTurn {
  readonly turnId: string
  readonly userMessageId: string
  readonly replyMessageId: string
  readonly memoryIds: readonly string[]
}

/**
 * Writes one reply in the AI SDK's UI message stream protocol. Every event's id is `{turn_id}.{characters sent so far}`,
 * counted in UTF-16 units, so that a client knows to the character what it has.
 */
export class UiMessageWriter {
  readonly #turn: StreamedTurn
  readonly #send: (event: ServerSentEvent) => void
  #characters: number
  #memoryIds: readonly string[]

  /** `from` is how many characters the client has already. */
  constructor(turn: StreamedTurn, send: (event: ServerSentEvent) => void, from = 0) {
    this.#turn = turn
    this.#send = send
    this.#characters = from
    this.#memoryIds = turn.memoryIds
  }

  start(): void {
    this.#part({
      type: 'start',
      messageId: this.#turn.replyMessageId,
      messageMetadata: this.#metadata({}),
    })
    this.#part({ type: 'text-start', id: this.#turn.replyMessageId })
  }

  text(delta: string): void {
    this.#characters += delta.length
    this.#part({ type: 'text-delta', id: this.#turn.replyMessageId, delta })
  }

  /** A part that is no text, beside it: what `useChat` calls a data part. */
  data(name: string, id: string, data: unknown): void {
    this.#part({ type: `data-${name}`, id, data })
  }

  /** Less of the text stands than the client has heard: the id of what follows says how much. */
  cutBack(characters: number): void {
    this.#characters = Math.min(this.#characters, characters)
  }

  /** Whoever only follows a turn may hear late what its prompt told the companion. */
  remembered(memoryIds: readonly string[]): void {
    this.#memoryIds = memoryIds
  }

  /** Ends the text. An interrupted reply says so, without a word of why that could hold what was said. */
  end(state: 'complete' | 'interrupted', flights: number): void {
    this.#part({ type: 'text-end', id: this.#turn.replyMessageId })
    if (state === 'interrupted') this.#part({ type: 'error', errorText: 'The reply was interrupted.' })
    this.#part({
      type: 'finish',
      finishReason: state === 'complete' ? 'stop' : 'error',
      messageMetadata: this.#metadata({ state, flights }),
    })
    this.#send({ data: '[DONE]' })
  }

  #metadata(more: Pick<TurnMetadata, 'state' | 'flights'>): TurnMetadata {
    const { turnId, userMessageId } = this.#turn
    return { turn_id: turnId, user_message_id: userMessageId, memory_ids: this.#memoryIds, ...more }
  }

  #part(part: Record<string, unknown>): void {
    this.#send({ id: `${this.#turn.turnId}.${this.#characters}`, data: JSON.stringify(part) })
  }
}
