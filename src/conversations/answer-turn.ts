import { eq, inArray, sql } from 'drizzle-orm'
import type { Checkpoints, Ending } from '#src/conversations/checkpoints.ts'
import { selectMessages, type MessageRow } from '#src/conversations/stored-messages.ts'
import { messages, turns } from '#src/conversations/tables.ts'
import { asTurn, type Db, type TurnCaller } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import { Problem } from '#src/http/problem.ts'
import type { Reply } from '#src/llm/port.ts'
import { spentTokens } from '#src/llm/tokens.ts'
import type { Vault } from '#src/vault/vault.ts'

/** A turn that this request answers. */
export interface LiveTurn {
  readonly caller: TurnCaller
  readonly vault: Vault
  readonly turnId: string
  readonly conversationId: string
  readonly userMessageId: string
  readonly replyMessageId: string
  /** Who answers; null where the companion is gone. */
  readonly personaId: string | null
  /** Words of the person's to which these are another version. */
  readonly editOf: string | undefined
  /** Whether the words are not to be stored. */
  readonly isHidden: boolean
  readonly checkpoints: Checkpoints
}

/** Says of a turn what its prompt told the companion that it remembers. */
const noteUsed = (db: Db, turnId: string, memoryIds: readonly string[]) =>
  db
    .update(turns)
    .set({ memoryIds: [...memoryIds] })
    .where(eq(turns.id, turnId))

/**
 * Stores what the person said, unless it is hidden; a second time it is there already. Returns whether the session that began
 * the turn still lives. Throws what `asTurn` throws.
 */
export async function storeUserMessage(
  turn: LiveTurn,
  content: string,
  memoryIds: readonly string[],
): Promise<boolean> {
  const used = (db: Db) => (memoryIds.length === 0 ? undefined : noteUsed(db, turn.turnId, memoryIds))
  if (turn.isHidden) return (await asTurn(turn.caller, (db) => [used(db)])).isSessionLive
  const sealed = await turn.vault.seal(messages.content, turn.userMessageId, content)
  const words = sql.param(turn.vault.indexWords(content))
  const { isSessionLive } = await asTurn(turn.caller, (db) => [
    used(db),
    db.execute(sql`
      select app.store_words(${turn.userMessageId}, ${turn.conversationId}, ${turn.editOf ?? null}, ${turn.turnId}, ${sealed},
        ${words}::bigint[])`),
  ])
  return isSessionLive
}

/** How an answer ended, and what is stored of it. */
export interface AnsweredTurn {
  readonly state: 'complete' | 'interrupted'
  readonly said: readonly MessageRow[]
  /** The flights beside the answer. */
  readonly checkpoints: number
}

/**
 * Reads the reply to its end, passing each piece on and keeping each sentence, and stores what there is of it: `complete`,
 * or `interrupted` when the model broke off, the person stopped it, or their session or account ended meanwhile. `before` is
 * what a turn that is continued had said.
 */
export async function answerTurn(
  turn: LiveTurn,
  reply: Reply,
  onText: (delta: string) => void,
  before = '',
): Promise<AnsweredTurn> {
  const startedAt = Date.now()
  const { checkpoints } = turn
  let text = before
  const state = await readReply(turn, reply, checkpoints.ending, (delta) => {
    text += delta
    onText(delta)
    checkpoints.add(text)
  })
  await checkpoints.close()
  const latencyMs = Date.now() - startedAt
  const spent = spentTokens(reply, text.slice(before.length))
  const said = await patiently(async () => await finishTurn(turn, state, text, { reply, latencyMs, spent }))
  return { state, said, checkpoints: checkpoints.flights }
}

const pausesMs = [1_000, 2_000, 4_000]

/** What was said is all here, and nowhere else: a database that is away for a moment must not lose it. */
async function patiently<T>(store: () => Promise<T>): Promise<T> {
  for (const pause of pausesMs) {
    try {
      return await store()
    } catch (error) {
      if (!(error instanceof Problem) || error.status < 500) throw error
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
  return await store()
}

async function readReply(
  { caller }: LiveTurn,
  reply: Reply,
  ending: Promise<Ending>,
  onText: (delta: string) => void,
): Promise<AnsweredTurn['state']> {
  const deltas = reply.deltas[Symbol.asyncIterator]()
  try {
    while (true) {
      const step = deltas.next()
      // It is given up where the turn ends first.
      step.catch(() => undefined)
      const next = await Promise.race([step, ending])
      if (typeof next === 'string') {
        reply.cancel()
        caller.report({ event: 'reply_ended', ending: next })
        return 'interrupted'
      }
      if (next.done === true) return 'complete'
      onText(next.value)
    }
  } catch (error) {
    caller.report({ event: 'reply_broke_off', ...describeFailure(error) })
    return 'interrupted'
  }
}

async function finishTurn(
  turn: LiveTurn,
  state: AnsweredTurn['state'],
  text: string,
  { reply, latencyMs, spent }: { readonly reply: Reply; readonly latencyMs: number; readonly spent: number },
): Promise<readonly MessageRow[]> {
  const content = await turn.vault.seal(messages.content, turn.replyMessageId, text)
  const words = sql.param(turn.vault.indexWords(text))
  const { promptTokens, completionTokens } = reply.usage()
  const { results } = await asTurn(turn.caller, (db) => [
    db.execute(
      sql`select app.finish_turn(${state}, ${content}, ${reply.model}, ${latencyMs}, ${promptTokens}, ${completionTokens},
        ${words}::bigint[], ${spent})`,
    ),
    selectMessages(db).where(inArray(messages.id, [turn.userMessageId, turn.replyMessageId])),
  ])
  return results[1]
}

interface GivenUp {
  readonly vault: Vault | undefined
  readonly replyMessageId: string
  readonly before: string
  /** The tokens that it took all the same. */
  readonly spent: number
}

/**
 * Ends a turn for which the model said nothing: as failed, so that the same key may try again, or as interrupted with what
 * there was of a reply before. Where that cannot be sealed, its checkpoint is left to the sweep.
 */
export async function giveUp(caller: TurnCaller, { vault, replyMessageId, before, spent }: GivenUp): Promise<void> {
  if (before === '') {
    await asTurn(caller, (db) => [
      db.execute(sql`select app.finish_turn('failed', null, null, null, null, null, '{}', ${spent})`),
    ])
  } else if (vault !== undefined) {
    const content = await vault.seal(messages.content, replyMessageId, before)
    const words = sql.param(vault.indexWords(before))
    await asTurn(caller, (db) => [
      db.execute(
        sql`select app.finish_turn('interrupted', ${content}, null, null, null, null, ${words}::bigint[], ${spent})`,
      ),
    ])
  }
}
