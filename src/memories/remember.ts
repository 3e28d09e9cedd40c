import { sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import type { Db } from '#src/db/scope.ts'
import { mostMemories } from '#src/memories/recall.ts'
import { memories } from '#src/memories/tables.ts'
import type { Drawn } from '#src/memories/told.ts'
import type { Vault } from '#src/vault/vault.ts'

/** What was looked through, and what was drawn from it. */
export interface LookedThrough {
  readonly conversationId: string
  readonly messageIds: readonly string[]
  /** The memories of which whoever drew was told: where one is forgotten meanwhile, nothing is kept. */
  readonly shownIds: readonly string[]
  readonly drawn: readonly Drawn[]
}

/**
 * The statement that keeps what was drawn, sealed; the database leaves out what cannot be a source any more. What was looked
 * through is not looked through again.
 */
export async function keepMemories(
  vault: Vault,
  { conversationId, messageIds, shownIds, drawn }: LookedThrough,
): Promise<(db: Db) => ReturnType<Db['execute']>> {
  const sealed = await Promise.all(
    drawn.map(async ({ content, sourceIds, replacedIds }) => {
      const id = uuidv7()
      const cell = await vault.seal(memories.content, id, content)
      return { id, content: cell.toHex(), sources: sourceIds, replaces: replacedIds }
    }),
  )
  return (db) =>
    db.execute(sql`
      select app.keep_memories(${conversationId}, ${sql.param([...messageIds])}::uuid[], ${sql.param([...shownIds])}::uuid[],
        ${mostMemories}, ${JSON.stringify(sealed)}::jsonb)`)
}
