import { and, eq, sql, type SQL } from 'drizzle-orm'
import { deadAfterSeconds } from '#src/conversations/checkpoints.ts'
import { messageFrom } from '#src/conversations/messages.ts'
import { selectSaid, type MessageRow } from '#src/conversations/stored-messages.ts'
import { turns } from '#src/conversations/tables.ts'
import { found } from '#src/db/rows.ts'
import { asUser, type Caller, type Db } from '#src/db/scope.ts'
import { openVault } from '#src/vault/open-vault.ts'
import type { Vault } from '#src/vault/vault.ts'

const pollMs = 500

/** True of a turn that nobody answers any more. */
export const isAbandoned: SQL<boolean> = sql`(${turns.state} = 'streaming'
  and ${turns.checkedAt} < now() - make_interval(secs => ${sql.raw(String(deadAfterSeconds))}))`

/** The columns of a turn that say how far it is. */
export const turnColumns = {
  id: turns.id,
  conversationId: turns.conversationId,
  state: turns.state,
  keyHash: turns.keyHash,
  userMessageId: turns.userMessageId,
  replyMessageId: turns.replyMessageId,
  checkpoint: turns.checkpoint,
  memoryIds: turns.memoryIds,
  isAbandoned: sql<boolean>`${isAbandoned}`,
}

const selectTurns = (db: Db) => db.select(turnColumns).from(turns)

export type TurnRow = Awaited<ReturnType<typeof selectTurns>>[number]

/** A turn as it is at a moment. */
export interface SeenTurn {
  readonly turnId: string
  readonly conversationId: string
  readonly userMessageId: string
  readonly replyMessageId: string
  readonly state: TurnRow['state']
  /** Whether the Worker that answered it has died. */
  readonly isAbandoned: boolean
  /** What the companion has said so far: kept sentence by sentence, and whole once the turn has ended. */
  readonly text: string
  /** What its prompt told the companion that it remembers. */
  readonly memoryIds: readonly string[]
  readonly said: readonly MessageRow[]
}

/** Opens what was read of a turn. */
export async function seenTurnFrom(vault: Vault, row: TurnRow, said: readonly MessageRow[]): Promise<SeenTurn> {
  const reply = said.find(({ id }) => id === row.replyMessageId)
  const kept = await vault.read(turns.checkpoint, row.id, row.checkpoint)
  const stored = reply === undefined ? null : (await messageFrom(vault, reply)).content
  return {
    turnId: row.id,
    conversationId: row.conversationId,
    userMessageId: row.userMessageId,
    replyMessageId: row.replyMessageId,
    state: row.state,
    isAbandoned: row.isAbandoned,
    // What is continued is kept anew from its beginning.
    text: kept ?? stored ?? '',
    memoryIds: row.memoryIds,
    said,
  }
}

/** One of the caller's turns. Throws `not_found`. */
export async function readTurn(caller: Caller, conversationId: string, turnId: string): Promise<SeenTurn> {
  const [rows, said] = await asUser(caller, (db) => [
    selectTurns(db).where(and(eq(turns.id, turnId), eq(turns.conversationId, conversationId))),
    selectSaid(sql`${turnId}::uuid`),
  ])
  const row = found(rows)
  return await seenTurnFrom(await openVault(caller), row, said)
}

/**
 * Passes on what a turn says from a character on, as another request keeps it; returns the turn once it has ended, was
 * abandoned, or nobody hears it any more. A flight every half second until then. Throws what `readTurn` throws.
 */
export async function followTurn(
  caller: Caller,
  first: SeenTurn,
  from: number,
  onText: (text: string) => void,
  isHeard: () => boolean = () => true,
): Promise<SeenTurn> {
  let seen = first
  let characters = from
  while (true) {
    if (seen.text.length > characters) {
      onText(seen.text.slice(characters))
      characters = seen.text.length
    }
    if (seen.state !== 'streaming' || seen.isAbandoned || !isHeard()) return seen
    await new Promise((resolve) => setTimeout(resolve, pollMs))
    seen = await readTurn(caller, seen.conversationId, seen.turnId)
  }
}
