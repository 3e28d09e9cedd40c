import { and, eq, sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import { conversationFrom, conversationNamed } from '#src/conversations/conversations.ts'
import { messageFrom } from '#src/conversations/messages.ts'
import { alongPath, lockConversation, selectPath } from '#src/conversations/stored-messages.ts'
import type { Conversation, Fork } from '#src/conversations/shapes.ts'
import { conversations, messages } from '#src/conversations/tables.ts'
import { found, rowOf } from '#src/db/rows.ts'
import { asUser, type Caller } from '#src/db/scope.ts'
import { claimedResource, claimFor, claimKey, isOurClaim, readClaim, refuseReusedKey } from '#src/http/idempotency.ts'
import { Problem } from '#src/http/problem.ts'
import { openVault } from '#src/vault/open-vault.ts'

/**
 * Makes a message one of those that count: the path of its conversation leads over it, and from there on over the newest
 * version of each. Returns the conversation as it is then. Throws `not_found`.
 */
export async function chooseVersion(caller: Caller, conversationId: string, messageId: string): Promise<Conversation> {
  const [, changed, rows] = await asUser(caller, (db) => [
    // Whoever writes to this conversation has written when the path is looked for.
    lockConversation(db, conversationId),
    db
      .update(conversations)
      .set({
        leafMessageId: sql`(with recursive path (id, depth) as (
          select ${messageId}::uuid, 1
          union all
          select newest.id, path.depth + 1 from path cross join lateral (
            select m.id from ${messages} m where m.parent_id = path.id and m.conversation_id = ${conversationId}
            order by m.seq desc limit 1) newest
        ) select path.id from path order by path.depth desc limit 1)`,
        // It may tell of what is not on this path.
        summary: null,
        summarySeq: 0,
        updatedAt: sql`now()`,
      })
      .where(
        and(
          eq(conversations.id, conversationId),
          sql`exists (select from ${messages} m where m.id = ${messageId} and m.conversation_id = ${conversationId})`,
        ),
      )
      .returning({ id: conversations.id }),
    conversationNamed(db, conversationId),
  ])
  found(changed)
  return await conversationFrom(await openVault(caller), found(rows))
}

const Deleted = z.object({ deleted: z.int() })

/**
 * Deletes a message and what follows it, with what was drawn from that to be remembered; the path goes on over the newest version
 * of what is left. Returns the conversation as it is then. Throws `not_found`, and `turn_in_progress` while a reply is being made.
 */
export async function deleteMessage(caller: Caller, conversationId: string, messageId: string): Promise<Conversation> {
  const [answer, rows] = await asUser(caller, (db) => [
    db.execute(sql`select app.delete_messages(${messageId}, ${conversationId}) as deleted`),
    conversationNamed(db, conversationId),
  ])
  if (rowOf(Deleted, answer).deleted === 0) throw new Problem('not_found')
  return await conversationFrom(await openVault(caller), found(rows))
}

const mostCopied = 1_000

/**
 * Begins another conversation with what was said up to a message, the newest 1,000 of it: both go on by themselves. Throws
 * `not_found`, `conflict` for what cannot be opened any more, or `idempotency_key_reused`.
 *
 * Two flights: what is sealed for one row is opened and sealed anew for another, and only the Worker can.
 */
export async function forkConversation(
  caller: Caller,
  conversationId: string,
  messageId: string,
  { title }: Fork,
  idempotencyKey: string | undefined,
): Promise<Conversation> {
  const id = uuidv7()
  const [path] = await asUser(caller, () => [selectPath(conversationId, sql`${messageId}::uuid`, mostCopied)])
  found(path)
  const vault = await openVault(caller)
  const claim = await claimFor(caller.config, idempotencyKey, id, ['fork', conversationId, messageId, title])
  const copies = await Promise.all(
    alongPath(path)
      .toReversed()
      .map(async (row) => {
        const copyId = uuidv7()
        const { content } = await messageFrom(vault, row)
        if (content === null) throw new Problem('conflict', 'What was said cannot be opened any more.')
        return { sourceId: row.id, copyId, content: await vault.seal(messages.content, copyId, content) }
      }),
  )
  const sealedTitle = await vault.sealOptional(conversations.title, id, title)
  const [, , , claims, rows] = await asUser(caller, (db) => [
    claimKey(db, claim),
    db.execute(sql`
      insert into ${conversations} (id, persona_id, title, metadata, tags, is_temporary)
      select ${id}::uuid, c.persona_id, ${sealedTitle}::bytea, c.metadata, c.tags, c.is_temporary
      from ${conversations} c where c.id = ${conversationId} and ${isOurClaim(claim)}`),
    db.execute(sql`
      select app.copy_messages(${id}, ${sql.param(copies.map(({ sourceId }) => sourceId))}::uuid[],
        ${sql.param(copies.map(({ copyId }) => copyId))}::uuid[], ${sql.param(copies.map(({ content }) => content))}::bytea[])
      where ${isOurClaim(claim)}`),
    readClaim(db, claim),
    conversationNamed(db, claimedResource(claim)),
  ])
  refuseReusedKey(claim, claims)
  return await conversationFrom(await openVault(caller), found(rows))
}
