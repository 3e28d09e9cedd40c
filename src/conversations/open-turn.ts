import { and, eq, isNull, ne, or, sql, type SQL } from 'drizzle-orm'
import { isAbandoned, selectTurns, type TurnRow } from '#src/conversations/follow-turn.ts'
import { selectMessages, type MessageRow } from '#src/conversations/messages.ts'
import type { Speaker } from '#src/conversations/prompt.ts'
import { conversations, messages, turns } from '#src/conversations/tables.ts'
import { descending } from '#src/db/columns.ts'
import { found } from '#src/db/rows.ts'
import { again, asUser, type Caller, type Db, type Results } from '#src/db/scope.ts'
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
  /** A reply of the companion's to which this is another version: it answers the same words. */
  readonly anotherOf?: string
}

/** A turn as the first flight left it. */
export interface OpenedTurn {
  readonly row: TurnRow
  /** Whether this request answers it; otherwise it is another's that ended, or still runs. */
  readonly isOurs: boolean
  /** Undefined where the companion is gone. */
  readonly speaker: Speaker | undefined
  /** Newest first, without what the turn has stored. */
  readonly history: readonly MessageRow[]
  /** The words that it answers and the reply, as far as they are stored. */
  readonly said: readonly MessageRow[]
}

/**
 * The first flight of a turn: claims the key, opens the turn (or takes up one that failed under the same key), and
 * brings persona, newest history and what the turn has stored. Throws `not_found` or `idempotency_key_reused`. Flown again,
 * it finds the turn that it opened.
 */
export async function openTurn(caller: Caller, plan: TurnPlan, claim: Claim): Promise<OpenedTurn> {
  const [, , , claims, ...about] = await again(
    async () =>
      await asUser(caller, (db) => [
        claimKey(db, claim),
        plan.anotherOf === undefined ? insertTurn(db, plan, claim) : insertVersion(db, plan, claim, plan.anotherOf),
        takeUp(db, plan.keyHash, and(isSameRequest(claim), eq(turns.id, claimedResource(claim)), hasSaidNothing)),
        readClaim(db, claim),
        ...selectAbout(db, claimedResource(claim), plan.conversationId),
      ]),
  )
  refuseReusedKey(claim, claims)
  return openedFrom(about, plan.conversationId, plan.keyHash)
}

/**
 * Opens a turn that was interrupted, or whose Worker died, to go on with what it said, in one flight as above. Throws
 * `not_found`, `turn_in_progress`, or `conflict` for one that said all or nothing.
 */
export async function reopenTurn(
  caller: Caller,
  { conversationId, turnId, keyHash }: { conversationId: string; turnId: string; keyHash: Uint8Array },
): Promise<OpenedTurn> {
  const [, ...about] = await again(
    async () =>
      await asUser(caller, (db) => [
        takeUp(
          db,
          keyHash,
          and(
            eq(turns.id, turnId),
            eq(turns.conversationId, conversationId),
            or(eq(turns.state, 'interrupted'), isAbandoned),
          ),
        ),
        ...selectAbout(db, sql`${turnId}::uuid`, conversationId),
      ]),
  )
  const opened = openedFrom(about, conversationId, keyHash)
  if (opened.isOurs) return opened
  if (opened.row.state === 'streaming') throw new Problem('turn_in_progress')
  throw new Problem('conflict', opened.row.state === 'complete' ? 'The reply is complete.' : 'Nothing was said.')
}

const selectAbout = (db: Db, turnId: SQL, conversationId: string) =>
  [
    selectTurns(db).where(eq(turns.id, turnId)),
    selectSpeaker(db, conversationId),
    selectMessages(db)
      .where(
        and(
          eq(messages.conversationId, conversationId),
          or(isNull(messages.turnId), ne(messages.turnId, turnId)),
          isBefore(turnId),
          isNewestVersion,
        ),
      )
      .orderBy(descending(messages.seq))
      .limit(historyMessages),
    selectMessages(db).where(or(eq(messages.turnId, turnId), eq(messages.id, wordsOf(turnId)))),
  ] as const

const wordsOf = (turnId: SQL) => sql`(select ${turns.userMessageId} from ${turns} where ${turns.id} = ${turnId})`

// Once the words are stored, what came after them is no history of theirs.
const isBefore = (turnId: SQL) =>
  sql`${messages.seq} < coalesce((select u.seq from ${messages} u where u.id = ${wordsOf(turnId)}), 9007199254740991)`

const isNewestVersion = sql`not (${messages.role} = 'assistant' and ${messages.parentId} is not null and exists (
  select from ${messages} v where v.parent_id = ${messages.parentId} and v.conversation_id = ${messages.conversationId}
    and v.role = 'assistant' and v.seq > ${messages.seq}))`

function openedFrom(
  [turnRows, speakers, history, said]: Results<ReturnType<typeof selectAbout>>,
  conversationId: string,
  keyHash: Uint8Array,
): OpenedTurn {
  // Asked for in the query, a conversation would be looked through from end to end for its one turn.
  const row = found(turnRows.filter((turn) => turn.conversationId === conversationId))
  const { displayName, description, systemPrompt } = found(speakers)
  const isGone = displayName === null || description === null || systemPrompt === null
  const isOurs = Buffer.compare(row.keyHash, keyHash) === 0
  return { row, isOurs, speaker: isGone ? undefined : { displayName, description, systemPrompt }, history, said }
}

const insertTurn = (db: Db, plan: TurnPlan, claim: Claim) =>
  db.execute(sql`
    insert into ${turns} (id, conversation_id, key_hash, user_message_id, reply_message_id)
    select ${claim.resourceId}::uuid, ${plan.conversationId}::uuid, ${plan.keyHash}::bytea, ${plan.userMessageId}::uuid,
      ${plan.replyMessageId}::uuid
    where ${isOurClaim(claim)} on conflict (id) do nothing`)

const insertVersion = (db: Db, plan: TurnPlan, claim: Claim, anotherOf: string) =>
  db.execute(sql`
    insert into ${turns} (id, conversation_id, key_hash, user_message_id, reply_message_id)
    select ${claim.resourceId}::uuid, m.conversation_id, ${plan.keyHash}::bytea, m.parent_id, ${plan.replyMessageId}::uuid
    from ${messages} m where m.id = ${anotherOf} and m.conversation_id = ${plan.conversationId} and m.origin = 'companion'
      and m.parent_id is not null and ${isOurClaim(claim)} on conflict (id) do nothing`)

// A turn whose Worker died before its first sentence was kept is as good as one that failed.
const hasSaidNothing = sql`(${turns.state} = 'failed' or (${isAbandoned} and ${turns.checkpoint} is null
  and not exists (select 1 from ${messages} where ${messages.id} = ${turns.replyMessageId})))`

const takeUp = (db: Db, keyHash: Uint8Array, where: SQL | undefined) =>
  db
    .update(turns)
    .set({
      state: 'streaming',
      keyHash,
      sessionId: sql`app.current_session_id()`,
      startedAt: sql`now()`,
      checkedAt: sql`now()`,
      stopRequestedAt: null,
      endedAt: null,
    })
    .where(where)

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
