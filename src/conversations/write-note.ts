import { v7 as uuidv7 } from 'uuid'
import type { Config } from '#src/config.ts'
import type { Db, Statement } from '#src/db/scope.ts'
import { ask } from '#src/llm/ask.ts'
import type { PromptMessage, Reply } from '#src/llm/port.ts'
import { promptTokensOf, spentTokens } from '#src/llm/tokens.ts'
import { reserveUsage, settleUsage } from '#src/usage/quota.ts'

// Within the minute for which a turn's key opens transactions.
const deadlineMs = 25_000
const answerTokens = 400

/** Flies as whoever a note is taken for: a person, or their turn. */
export type Fly = (build: (db: Db) => readonly Statement[]) => Promise<unknown>

/** What a model wrote for a note, and what it took: to be settled with the note. */
export interface Written {
  readonly text: string
  readonly usageId: string
  readonly tokens: number
}

/** Has the model write, out of the day's tokens, so many characters at the most. Throws what asking it throws. */
export async function writeNote(
  config: Config,
  fly: Fly,
  prompt: readonly PromptMessage[],
  mostCharacters: number,
): Promise<Written> {
  const reservation = { id: uuidv7(), kind: 'llm_tokens', amount: promptTokensOf(prompt) + answerTokens } as const
  await fly((db) => [reserveUsage(db, config, reservation)])
  let reply: Reply | undefined
  let text = ''
  try {
    reply = await ask(config, prompt, AbortSignal.timeout(deadlineMs))
    for await (const delta of reply.deltas) {
      text += delta
      if (text.length > mostCharacters) break
    }
    return { text, usageId: reservation.id, tokens: spentTokens(reply, text) }
  } catch (error) {
    const tokens = reply === undefined ? 0 : spentTokens(reply, text)
    await fly((db) => [settleUsage(db, reservation.id, tokens)])
    throw error
  }
}
