import { and, eq, or, sql, type Placeholder, type SQL } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import type { Config } from '#src/config.ts'
import { isAbandoned, turnColumns, type TurnRow } from '#src/conversations/follow-turn.ts'
import {
  alongPath,
  selectHistory,
  selectSaid,
  type HistoryRow,
  type MessageRow,
} from '#src/conversations/stored-messages.ts'
import type { Speaker } from '#src/conversations/describe-speaker.ts'
import { conversations, messages, turns } from '#src/conversations/tables.ts'
import type { Sealed } from '#src/db/columns.ts'
import { rowsOf } from '#src/db/function-rows.ts'
import { compiled } from '#src/db/recorded-statements.ts'
import { found, only } from '#src/db/rows.ts'
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
import { tokensOf } from '#src/llm/tokens.ts'
import { selectMemoriesFor, type MemoriesRow } from '#src/memories/recall.ts'
import { speakerColumns } from '#src/personas/tables.ts'
import { limitsOf } from '#src/usage/quota.ts'

const historyMessages = 40

/** What a turn is made of before anything is said. */
export interface TurnPlan {
  readonly conversationId: string
  readonly keyHash: Uint8Array
  readonly userMessageId: string
  readonly replyMessageId: string
  /** What is said; undefined where it is stored already. */
  readonly content?: string
  /** A reply of the companion's, made here or imported, to which this is another version: it answers the same words. */
  readonly anotherOf?: string
  /** Words of the person's to which these are another version: they follow what those follow. */
  readonly editOf?: string
}

/** What the conversation of a turn says of itself; texts are sealed. */
interface Talk {
  readonly personaId: string | null
  readonly title: Sealed | null
  readonly summary: Sealed | null
  readonly summarySeq: number
}

/** A turn as the first flight left it. */
export interface OpenedTurn {
  readonly row: TurnRow
  /** Whether this request answers it; otherwise it is another's that ended, or still runs. */
  readonly isOurs: boolean
  /** Undefined where the companion is gone. */
  readonly speaker: Speaker | undefined
  readonly talk: Talk
  /** What was said before the words that it answers, newest first, on the way that leads to them. */
  readonly history: readonly HistoryRow[]
  /** The words that it answers and the reply, as far as they are stored. */
  readonly said: readonly MessageRow[]
  /** What the companion may remember, and whether more is to be. */
  readonly memories: MemoriesRow
}

/**
 * The first flight of a turn: claims the key, opens the turn (or takes up one that failed under the same key), sets tokens
 * aside for it, and brings persona, newest history and what the turn has stored. Throws `not_found`, `quota_exceeded` or
 * `idempotency_key_reused`; nothing is claimed then. Flown again, it finds the turn that it opened.
 */
export async function openTurn(caller: Caller, plan: TurnPlan, claim: Claim): Promise<OpenedTurn> {
  const { conversationId, keyHash, anotherOf, editOf } = plan
  const turnId = claimedResource(claim)
  const usage = { usageId: uuidv7(), words: plan.content }
  const [, , , , , claims, ...about] = await again(
    async () =>
      await asUser(caller, (db) => [
        claimKey(db, claim),
        requireMessage(
          db,
          claim,
          conversationId,
          anotherOf === undefined ? [editOf, 'user'] : [anotherOf, 'assistant'],
        ),
        anotherOf === undefined
          ? insertTurn(db, caller.config, plan, claim, usage)
          : insertVersion(db, plan, claim, anotherOf),
        // Without a key this turn is new: there is none to take up.
        claim.key === undefined
          ? undefined
          : takeUp(db, keyHash, and(isSameRequest(claim), eq(turns.id, turnId), hasSaidNothing), { memoryIds: [] }),
        claim.key === undefined && anotherOf === undefined
          ? undefined
          : reserveTurn(db, caller.config, turnId, keyHash, usage),
        readClaim(db, claim),
        ...selectAbout(claim, { conversationId, editOf: editOf ?? null }, anotherOf !== undefined),
      ]),
  )
  refuseReusedKey(claim, claims)
  return openedFrom(about, conversationId, keyHash)
}

const requireMessage = (
  db: Db,
  claim: Claim,
  conversationId: string,
  [id, role]: readonly [string | undefined, MessageRow['role']],
) =>
  id === undefined
    ? undefined
    : db.execute(sql`select app.require_message(${id}::uuid, ${conversationId}, ${role}) where ${isOurClaim(claim)}`)

interface TurnUsage {
  readonly usageId: string
  /** What is said, as far as it is known before the flight: a prompt holds it whole, whatever its budget. */
  readonly words?: string | undefined
}

const amountOf = (config: Config, { words = '' }: TurnUsage) =>
  config.LLM_PROMPT_TOKENS + tokensOf(words) + config.LLM_REPLY_TOKENS

const reserveTurn = (db: Db, config: Config, turnId: SQL, keyHash: Uint8Array, usage: TurnUsage) =>
  db.execute(
    sql`select app.reserve_turn(${turnId}, ${keyHash}::bytea, ${usage.usageId}, ${amountOf(config, usage)}, ${limitsOf(config).llm_tokens})`,
  )

/**
 * Opens a turn that was interrupted, or whose Worker died, to go on with what it said, in one flight as above. Throws
 * `not_found`, `quota_exceeded`, `turn_in_progress`, or `conflict` for one that said all or nothing.
 */
export async function reopenTurn(
  caller: Caller,
  { conversationId, turnId, keyHash }: { conversationId: string; turnId: string; keyHash: Uint8Array },
): Promise<OpenedTurn> {
  const usageId = uuidv7()
  const [, , ...about] = await again(
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
        reserveTurn(db, caller.config, sql`${turnId}::uuid`, keyHash, { usageId }),
        ...aboutTurn({ turn: turnId, conversationId, editOf: null }),
      ]),
  )
  const opened = openedFrom(about, conversationId, keyHash)
  if (opened.isOurs) return opened
  if (opened.row.state === 'streaming') throw new Problem('turn_in_progress')
  throw new Problem('conflict', opened.row.state === 'complete' ? 'The reply is complete.' : 'Nothing was said.')
}

/** Where the words of a turn come from. */
interface Place {
  readonly conversationId: string
  readonly editOf: string | null
}

/** The same, and which turn: by its key or its id. */
interface About extends Place, Record<string, unknown> {
  readonly turn: string
}

const memoriesFor = compiled<MemoriesRow[], About>((db, value) =>
  selectMemoriesFor(db, value('conversationId'), value('editOf')),
)

/** The statements that bring what a turn is about, by functions that PostgreSQL plans once. */
function compileAbout(idFrom: (turn: Placeholder) => SQL) {
  const turn = compiled<OpenedRow[], About>((_db, value) => selectOpened(idFrom(value('turn'))))
  const history = compiled<HistoryRow[], About>((_db, value) =>
    selectHistory(
      value('conversationId'),
      sql`app.beginning_of_turn(${idFrom(value('turn'))}, ${value('conversationId')}, ${value('editOf')})`,
      historyMessages,
    ),
  )
  const said = compiled<MessageRow[], About>((_db, value) => selectSaid(idFrom(value('turn'))))
  return (about: About, isNew = false) =>
    [turn(about), history(about), isNew ? undefined : said(about), memoriesFor(about)] as const
}

const aboutClaimed = compileAbout((key) => sql`app.claimed_resource(${key})`)

const aboutTurn = compileAbout((id) => sql`${id}::uuid`)

// Without a key the turn is new: of its own it has stored nothing.
const selectAbout = ({ key, resourceId }: Claim, place: Place, answersStored: boolean) =>
  key === undefined ? aboutTurn({ ...place, turn: resourceId }, !answersStored) : aboutClaimed({ ...place, turn: key })

function openedFrom(
  [turnRows, history, said, memories]: Results<ReturnType<typeof selectAbout>>,
  conversationId: string,
  keyHash: Uint8Array,
): OpenedTurn {
  // Asked for in the query, a conversation would be looked through from end to end for its one turn.
  const row = found(turnRows.filter((turn) => turn.conversationId === conversationId))
  const { hasSpeaker, speaker, personaId, title, summary, summarySeq } = row
  const talk = { personaId, title, summary, summarySeq }
  const isOurs = Buffer.compare(row.keyHash, keyHash) === 0
  return {
    row,
    isOurs,
    speaker: hasSpeaker ? speaker : undefined,
    talk,
    history: alongPath(history),
    said: said ?? [],
    memories: only(memories),
  }
}

const insertTurn = (db: Db, config: Config, plan: TurnPlan, claim: Claim, usage: TurnUsage) =>
  db.execute(sql`
    select app.open_turn(${claim.resourceId}, ${plan.conversationId}, ${plan.keyHash}, ${plan.userMessageId},
      ${plan.replyMessageId}, ${usage.usageId}, ${amountOf(config, usage)}, ${limitsOf(config).llm_tokens})
    where ${isOurClaim(claim)}`)

const insertVersion = (db: Db, plan: TurnPlan, claim: Claim, anotherOf: string) =>
  db.execute(sql`
    insert into ${turns} (id, conversation_id, key_hash, user_message_id, reply_message_id)
    select ${claim.resourceId}::uuid, m.conversation_id, ${plan.keyHash}::bytea, m.parent_id, ${plan.replyMessageId}::uuid
    from ${messages} m join ${messages} u on u.id = m.parent_id and u.role = 'user'
    where m.id = ${anotherOf} and m.conversation_id = ${plan.conversationId} and m.origin in ('companion', 'imported') and ${isOurClaim(claim)}
    on conflict do nothing`)

// A turn whose Worker died before its first sentence was kept is as good as one that failed.
const hasSaidNothing = sql`(${turns.state} = 'failed' or (${isAbandoned} and ${turns.checkpoint} is null
  and not exists (select 1 from ${messages} where ${messages.id} = ${turns.replyMessageId})))`

const takeUp = (db: Db, keyHash: Uint8Array, where: SQL | undefined, anew: { memoryIds?: string[] } = {}) =>
  db
    .update(turns)
    .set({
      ...anew,
      state: 'streaming',
      keyHash,
      sessionId: sql`app.current_session_id()`,
      startedAt: sql`now()`,
      checkedAt: sql`now()`,
      stopRequestedAt: null,
      endedAt: null,
    })
    .where(where)

const selectOpened = (turnId: SQL) =>
  rowsOf(
    {
      ...turnColumns,
      ...talkColumns,
      hasSpeaker: sql<boolean>`display_name is not null`,
      speaker: speakerColumns,
    },
    sql`app.opened_turn(${turnId}) ${turns}`,
  )

const talkColumns = {
  personaId: conversations.personaId,
  title: conversations.title,
  summary: conversations.summary,
  summarySeq: conversations.summarySeq,
}

type OpenedRow = Awaited<ReturnType<typeof selectOpened>>[number]
