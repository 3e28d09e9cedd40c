import { eq, sql } from 'drizzle-orm'
import { selectMessages, type MessageRow } from '#src/conversations/messages.ts'
import { conversations, messages } from '#src/conversations/tables.ts'
import { asTurn, type TurnCaller } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import type { Reply } from '#src/llm/port.ts'
import type { Vault } from '#src/vault/vault.ts'

/** A turn that this request answers. */
export interface LiveTurn {
  readonly caller: TurnCaller
  readonly vault: Vault
  readonly turnId: string
  readonly conversationId: string
  readonly userMessageId: string
  readonly replyMessageId: string
}

/**
 * Stores what the person said; a second time it is there already. Returns whether the session that began the turn still
 * lives. Throws what `asTurn` throws.
 */
export async function storeUserMessage(turn: LiveTurn, content: string): Promise<boolean> {
  const sealed = await turn.vault.seal(messages.content, turn.userMessageId, content)
  const words = sql.param(turn.vault.indexWords(content))
  const { isSessionLive } = await asTurn(turn.caller, (db) => [
    // Whoever writes to this conversation waits here, so that a second try sees what the first one wrote.
    db
      .select({ id: conversations.id })
      .from(conversations)
      .where(eq(conversations.id, turn.conversationId))
      .for('no key update'),
    db.execute(sql`
      insert into ${messages} (id, conversation_id, turn_id, role, content, words)
      select ${turn.userMessageId}::uuid, ${turn.conversationId}::uuid, ${turn.turnId}::uuid, 'user', ${sealed}::bytea,
        ${words}::bigint[]
      where not exists (select 1 from ${messages} where ${messages.id} = ${turn.userMessageId})`),
  ])
  return isSessionLive
}

/** How an answer ended, and what is stored of it. */
export interface AnsweredTurn {
  readonly state: 'complete' | 'interrupted'
  readonly said: readonly MessageRow[]
}

/**
 * Reads the reply to its end, passing each piece on, and stores what there is of it: `complete`, or `interrupted` when
 * the model broke off or the account ended meanwhile.
 */
export async function answerTurn(turn: LiveTurn, reply: Reply, onText: (delta: string) => void): Promise<AnsweredTurn> {
  const startedAt = Date.now()
  let text = ''
  let state: AnsweredTurn['state'] = 'complete'
  try {
    for await (const delta of reply.deltas) {
      text += delta
      onText(delta)
    }
  } catch (error) {
    turn.caller.report({ event: 'reply_broke_off', ...describeFailure(error) })
    state = 'interrupted'
  }
  return { state, said: await finishTurn(turn, state, text, reply, Date.now() - startedAt) }
}

async function finishTurn(
  turn: LiveTurn,
  state: AnsweredTurn['state'],
  text: string,
  reply: Reply,
  latencyMs: number,
): Promise<readonly MessageRow[]> {
  const content = await turn.vault.seal(messages.content, turn.replyMessageId, text)
  const words = sql.param(turn.vault.indexWords(text))
  const { promptTokens, completionTokens } = reply.usage()
  const { results } = await asTurn(turn.caller, (db) => [
    db.execute(
      sql`select app.finish_turn(${state}, ${content}, ${reply.model}, ${latencyMs}, ${promptTokens}, ${completionTokens},
        ${words}::bigint[])`,
    ),
    selectMessages(db).where(eq(messages.turnId, turn.turnId)),
  ])
  return results[1]
}

/** Ends a turn that got no reply at all; what the person said stays, and the same key may try again. */
export async function failTurn(caller: TurnCaller): Promise<void> {
  await asTurn(caller, (db) => [db.execute(sql`select app.finish_turn('failed', null, null, null, null, null)`)])
}
