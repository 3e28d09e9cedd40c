import type { PromptMessage, Reply } from '#src/llm/port.ts'

/**
 * About how many tokens a text is to a language model, and rather more than fewer: one for each three bytes of UTF-8. English
 * has four bytes and more to a token, and what is written without spaces about three.
 */
export const tokensOf = (text: string): number => Math.ceil(Buffer.byteLength(text) / 3)

// What a message costs beside its words.
const tokensAround = 4

/** About how many tokens a prompt has. */
export const promptTokensOf = (prompt: readonly PromptMessage[]): number =>
  prompt.reduce((sum, { content }) => sum + tokensOf(content) + tokensAround, 0)

// A tokenizer may be other than we think, and not as much as this.
const mostOfEstimate = 10

/** What a reply took, as the model counted it, or about so much where it did not say or makes no sense. */
export function spentTokens(reply: Reply, text: string): number {
  const { promptTokens, completionTokens } = reply.usage()
  const estimated = reply.estimatedPromptTokens + tokensOf(text)
  const counted = (promptTokens ?? reply.estimatedPromptTokens) + (completionTokens ?? tokensOf(text))
  return counted > mostOfEstimate * (estimated + 100) ? estimated : counted
}
