import { sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import type { Db } from '#src/db/scope.ts'
import { mostMemories } from '#src/memories/recall.ts'
import { memories } from '#src/memories/tables.ts'
import type { Drawn, Told } from '#src/memories/told.ts'
import type { Vault } from '#src/vault/vault.ts'

/** What is looked through for memories. */
export interface Looked {
  readonly conversationId: string
  /** Up to which message it was looked through before. */
  readonly rememberedSeq: number
  /** What was said, newest first. */
  readonly told: readonly Told[]
}

/** The newest of what was said that was not looked through: with what came before it, so that an answer has its question. */
export function notLookedThrough({ told, rememberedSeq }: Looked): readonly Told[] {
  const oldest = told.findLastIndex(
    ({ role, seq, content }) => role === 'user' && seq > rememberedSeq && content !== null,
  )
  return told.slice(0, oldest + 2)
}

/**
 * The statement that keeps what was drawn, sealed; the database leaves out what cannot be a source any more. Of what was looked
 * through nothing is drawn again.
 */
export async function keepMemories(
  vault: Vault,
  { conversationId, rememberedSeq, told }: Looked,
  drawn: readonly Drawn[],
): Promise<(db: Db) => ReturnType<Db['execute']>> {
  const sealed = await Promise.all(
    drawn.map(async ({ content, sourceIds, replacedIds }) => {
      const id = uuidv7()
      const cell = await vault.seal(memories.content, id, content)
      return { id, content: cell.toHex(), sources: sourceIds, replaces: replacedIds }
    }),
  )
  const upTo = Math.max(rememberedSeq, ...told.map(({ seq }) => seq))
  return (db) =>
    db.execute(sql`
      select app.keep_memories(${conversationId}, ${rememberedSeq}, ${upTo}, ${mostMemories}, ${JSON.stringify(sealed)}::jsonb)`)
}
