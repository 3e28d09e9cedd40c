import { and, desc, eq, lt, sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import { messages } from '#src/conversations/tables.ts'
import { found, rowOf } from '#src/db/rows.ts'
import { asUser, type Caller, type Db } from '#src/db/scope.ts'
import { claimedResource, claimFor, claimKey, isOurClaim, readClaim, refuseReusedKey } from '#src/http/idempotency.ts'
import { pageFrom, readPosition } from '#src/http/page.ts'
import { Problem } from '#src/http/problem.ts'
import { mostMemories } from '#src/memories/recall.ts'
import type {
  Forgotten,
  Memory,
  MemoryChange,
  MemoryPage,
  MemoryQuery,
  MemoryReason,
  NewMemory,
} from '#src/memories/shapes.ts'
import { memories, memorySources } from '#src/memories/tables.ts'
import { openVault } from '#src/vault/open-vault.ts'
import type { Vault } from '#src/vault/vault.ts'

const After = z.strictObject({ id: z.uuid() })

/** What is remembered about the caller, newest first. Throws `invalid_cursor`. */
export async function listMemories(caller: Caller, query: MemoryQuery): Promise<MemoryPage> {
  const { limit, cursor, persona_id: personaId } = query
  const list = `memories:${personaId ?? ''}`
  const position = await readPosition(caller, list, After, cursor)
  const [page] = await asUser(caller, (db) => [
    selectMemories(db)
      .where(
        and(
          personaId === undefined
            ? undefined
            : sql`(${memories.personaId} is null or ${memories.personaId} = ${personaId})`,
          position.after === undefined ? undefined : lt(memories.id, position.after.id),
        ),
      )
      // Read backwards, the index begins with the nulls that are not there.
      .orderBy(desc(memories.id))
      .limit(limit + 1),
  ])
  position.check()
  const { rows, next_cursor } = await pageFrom(caller, list, limit, page, (last) => ({ id: last.id }))
  const vault = await openVault(caller)
  return { items: await Promise.all(rows.map((row) => memoryFrom(vault, row))), next_cursor }
}

/** One of the caller's memories. Throws `not_found`. */
export async function getMemory(caller: Caller, id: string): Promise<Memory> {
  const [rows] = await asUser(caller, (db) => [memoryNamed(db, id)])
  return await memoryFrom(await openVault(caller), found(rows))
}

/**
 * Has something remembered that the caller wrote. Throws `not_found` for a companion that is absent or hidden, `conflict` where
 * as much is remembered as may be, and `idempotency_key_reused`.
 */
export async function createMemory(
  caller: Caller,
  { content, persona_id: personaId = null }: NewMemory,
  idempotencyKey: string | undefined,
): Promise<Memory> {
  const id = uuidv7()
  const vault = await openVault(caller)
  const claim = await claimFor(caller.config, idempotencyKey, id, ['memory', content, personaId])
  const sealed = await vault.seal(memories.content, id, content)
  const [, , , claims, rows] = await asUser(caller, (db) => [
    claimKey(db, claim),
    db.execute(sql`select app.require_room_for_memory(${mostMemories}) where ${isOurClaim(claim)}`),
    db.execute(sql`
      insert into ${memories} (id, persona_id, content)
      select ${id}::uuid, ${personaId}::uuid, ${sealed}::bytea where ${isOurClaim(claim)}`),
    readClaim(db, claim),
    selectMemories(db).where(eq(memories.id, claimedResource(claim))),
  ])
  refuseReusedKey(claim, claims)
  return await memoryFrom(await openVault(caller), found(rows))
}

/** Changes a memory, or who has it. Throws `not_found`, also for a companion that is absent or hidden. */
export async function updateMemory(caller: Caller, id: string, change: MemoryChange): Promise<Memory> {
  const vault = await openVault(caller)
  const content = await vault.sealOptional(memories.content, id, change.content)
  const [changed, rows] = await asUser(caller, (db) => [
    db
      .update(memories)
      .set({
        ...(content === null ? {} : { content }),
        ...(change.persona_id === undefined ? {} : { personaId: change.persona_id }),
        editedAt: sql`now()`,
      })
      .where(eq(memories.id, id))
      .returning({ id: memories.id }),
    memoryNamed(db, id),
  ])
  found(changed)
  return await memoryFrom(await openVault(caller), found(rows))
}

const Count = z.object({ forgotten: z.int() })

/** Forgets a memory, for good: it is not drawn from the same words once more. Throws `not_found`. */
export async function forgetMemory(caller: Caller, id: string): Promise<void> {
  const [answer] = await asUser(caller, (db) => [
    db.execute(sql`select app.forget_memories(${id}::uuid, null) as forgotten`),
  ])
  if (rowOf(Count, answer).forgotten === 0) throw new Problem('not_found')
}

/** Forgets everything, or what one companion alone remembers. */
export async function forgetMemories(caller: Caller, personaId: string | undefined): Promise<Forgotten> {
  const [answer] = await asUser(caller, (db) => [
    db.execute(sql`select app.forget_memories(null, ${personaId ?? null}::uuid) as forgotten`),
  ])
  return rowOf(Count, answer)
}

/** Why something is remembered. Throws `not_found`. */
export async function getMemoryReason(caller: Caller, id: string): Promise<MemoryReason> {
  const [rows, sources] = await asUser(caller, (db) => [
    memoryNamed(db, id),
    db
      .select({
        id: messages.id,
        conversationId: messages.conversationId,
        content: messages.content,
        createdAt: messages.createdAt,
      })
      .from(memorySources)
      .innerJoin(messages, eq(messages.id, memorySources.messageId))
      .where(eq(memorySources.memoryId, id))
      .orderBy(messages.createdAt, messages.id),
  ])
  const row = found(rows)
  const vault = await openVault(caller)
  return {
    memory: await memoryFrom(vault, row),
    sources: await Promise.all(
      sources.map(async (source) => ({
        message_id: source.id,
        conversation_id: source.conversationId,
        content: await vault.read(messages.content, source.id, source.content),
        created_at: source.createdAt.toISOString(),
      })),
    ),
  }
}

const selectMemories = (db: Db) =>
  db
    .select({
      id: memories.id,
      personaId: memories.personaId,
      content: memories.content,
      origin: memories.origin,
      createdAt: memories.createdAt,
      editedAt: memories.editedAt,
      sourceIds: sql<
        string[]
      >`array(select s.message_id::text from ${memorySources} s where s.memory_id = ${memories.id} order by 1)`,
    })
    .from(memories)

const memoryNamed = (db: Db, id: string) => selectMemories(db).where(eq(memories.id, id))

type MemoryRow = Awaited<ReturnType<typeof selectMemories>>[number]

async function memoryFrom(vault: Vault, row: MemoryRow): Promise<Memory> {
  return {
    id: row.id,
    persona_id: row.personaId,
    content: await vault.read(memories.content, row.id, row.content),
    origin: row.origin,
    source_message_ids: row.sourceIds,
    created_at: row.createdAt.toISOString(),
    edited_at: row.editedAt?.toISOString() ?? null,
  }
}
