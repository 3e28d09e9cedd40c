import { and, eq, isNull, ne, or, sql } from 'drizzle-orm'
import { selectMessages, type MessageRow } from '#src/conversations/messages.ts'
import type { Speaker } from '#src/conversations/prompt.ts'
import { conversations, messages, turns } from '#src/conversations/tables.ts'
import { descending } from '#src/db/columns.ts'
import { found } from '#src/db/rows.ts'
import { again, asUser, type Caller, type Db } from '#src/db/scope.ts'
import {
  claimedResource,
  claimKey,
  refuseReusedKey,
  isOurClaim,
  isSameRequest,
  readClaim,
  type Claim,
} from '#src/http/idempotency.ts'
import { Problem } from '#src/http/problem.ts'
import { personas } from '#src/personas/tables.ts'

const historyMessages = 40

/** What a turn is made of before anything is said. */
export interface TurnPlan {
  readonly conversationId: string
  readonly keyHash: Uint8Array
  readonly userMessageId: string
  readonly replyMessageId: string
}

/** A turn as the first flight left it. */
export interface OpenedTurn {
  readonly turnId: string
  readonly conversationId: string
  readonly state: 'streaming' | 'complete' | 'interrupted' | 'failed'
  /** Whether this request answers it; otherwise it is another's that ended, or still runs. */
  readonly isOurs: boolean
  readonly userMessageId: string
  readonly replyMessageId: string
  readonly speaker: Speaker
  readonly history: readonly MessageRow[]
  /** What the turn has stored so far. */
  readonly said: readonly MessageRow[]
}

/**
 * The first flight of a turn: claims the key, opens the turn (or takes up one that failed under the same key), and
 * brings persona, newest history and what the turn has stored. Throws `not_found`, `idempotency_key_reused` or, where
 * the persona is gone, `conflict`. Flown again, it finds the turn that it opened.
 */
export async function openTurn(caller: Caller, plan: TurnPlan, claim: Claim): Promise<OpenedTurn> {
  const [, , , claims, turnRows, speakers, history, said] = await again(
    async () =>
      await asUser(caller, (db) => [
        claimKey(db, claim),
        insertTurn(db, plan, claim),
        takeUpFailedTurn(db, plan, claim),
        readClaim(db, claim),
        selectTurn(db, claim),
        selectSpeaker(db, plan.conversationId),
        selectMessages(db)
          .where(and(eq(messages.conversationId, plan.conversationId), isNotOf(claim)))
          .orderBy(descending(messages.seq))
          .limit(historyMessages),
        selectMessages(db).where(eq(messages.turnId, claimedResource(claim))),
      ]),
  )
  refuseReusedKey(claim, claims)
  const turn = found(turnRows)
  const { displayName, description, systemPrompt } = found(speakers)
  if (displayName === null || description === null || systemPrompt === null) {
    throw new Problem('conflict', 'The companion of this conversation is gone.')
  }
  return {
    turnId: turn.id,
    conversationId: plan.conversationId,
    state: turn.state,
    isOurs: Buffer.compare(turn.keyHash, plan.keyHash) === 0,
    userMessageId: turn.userMessageId,
    replyMessageId: turn.replyMessageId,
    speaker: { displayName, description, systemPrompt },
    history,
    said,
  }
}

const insertTurn = (db: Db, plan: TurnPlan, claim: Claim) =>
  db.execute(sql`
    insert into ${turns} (id, conversation_id, key_hash, user_message_id, reply_message_id)
    select ${claim.resourceId}::uuid, ${plan.conversationId}::uuid, ${plan.keyHash}::bytea, ${plan.userMessageId}::uuid,
      ${plan.replyMessageId}::uuid
    where ${isOurClaim(claim)} on conflict (id) do nothing`)

const takeUpFailedTurn = (db: Db, plan: TurnPlan, claim: Claim) =>
  db
    .update(turns)
    .set({
      state: 'streaming',
      keyHash: plan.keyHash,
      sessionId: sql`app.current_session_id()`,
      startedAt: sql`now()`,
      endedAt: null,
    })
    // The same request names the same conversation; asked for once more, it would be looked through from end to end.
    .where(and(isSameRequest(claim), eq(turns.id, claimedResource(claim)), eq(turns.state, 'failed')))

const selectTurn = (db: Db, claim: Claim) =>
  db
    .select({
      id: turns.id,
      state: turns.state,
      keyHash: turns.keyHash,
      userMessageId: turns.userMessageId,
      replyMessageId: turns.replyMessageId,
    })
    .from(turns)
    .where(eq(turns.id, claimedResource(claim)))

const selectSpeaker = (db: Db, conversationId: string) =>
  db
    .select({
      displayName: personas.displayName,
      description: personas.description,
      systemPrompt: personas.systemPrompt,
    })
    .from(conversations)
    .leftJoin(personas, eq(personas.id, conversations.personaId))
    .where(eq(conversations.id, conversationId))

const isNotOf = (claim: Claim) => or(isNull(messages.turnId), ne(messages.turnId, claimedResource(claim)))
