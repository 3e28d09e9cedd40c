import { and, eq, gt, lt, sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import { noteAppendedMemories } from '#src/conversations/note-memories.ts'
import type { Feedback, Message, MessagePage, MessageQuery, NewMessage } from '#src/conversations/shapes.ts'
import { alongPath, leafOf, selectMessages, selectPath, type MessageRow } from '#src/conversations/stored-messages.ts'
import { conversations, messages } from '#src/conversations/tables.ts'
import { compiled } from '#src/db/recorded-statements.ts'
import { found } from '#src/db/rows.ts'
import { asUser, type Caller, type Db } from '#src/db/scope.ts'
import {
  claimedResource,
  claimFor,
  claimKey,
  refuseReusedKey,
  isOurClaim,
  readClaim,
  type Claim,
} from '#src/http/idempotency.ts'
import { pageFrom, readPosition } from '#src/http/page.ts'
import { openVault } from '#src/vault/open-vault.ts'
import { descending, type Sealed } from '#src/db/columns.ts'
import type { Vault } from '#src/vault/vault.ts'

/**
 * Appends a message: the caller's own words, or a reply that the caller's backend made, marked as such. Throws
 * `not_found` for a conversation that is absent or another's.
 */
export async function appendMessage(
  caller: Caller,
  conversationId: string,
  input: NewMessage,
  idempotencyKey: string | undefined,
): Promise<Message> {
  const id = uuidv7()
  const vault = await openVault(caller)
  const claim = await claimFor(caller.config, idempotencyKey, id, ['message', conversationId, input])
  const content = await vault.seal(messages.content, id, input.content)
  const words = vault.indexWords(input.content)
  const [, , claims, rows] = await asUser(caller, (db) => [
    claimKey(db, claim),
    insertMessage(db, claim, conversationId, input, { content, words }),
    readClaim(db, claim),
    selectMessages(db).where(eq(messages.id, claimedResource(claim))),
  ])
  refuseReusedKey(claim, claims)
  const message = await messageFrom(await openVault(caller), found(rows))
  if (input.role === 'assistant') caller.defer(noteAppendedMemories(caller, vault, conversationId))
  return message
}

interface StoredWords {
  readonly content: Sealed
  readonly words: readonly bigint[]
}

function insertMessage(db: Db, claim: Claim, conversationId: string, input: NewMessage, stored: StoredWords) {
  const { content } = stored
  const words = sql.param(stored.words)
  const contentType = input.content_type ?? 'text'
  const metadata = JSON.stringify(input.metadata ?? {})
  const model = input.model ?? null
  // A person's grant covers their own words only; a reply goes through the function that marks it.
  return input.role === 'user'
    ? db.execute(sql`
        insert into ${messages} (id, conversation_id, role, content, words, content_type, metadata)
        select ${claim.resourceId}::uuid, ${conversationId}::uuid, 'user', ${content}::bytea, ${words}::bigint[],
          ${contentType}, ${metadata}::jsonb
        where ${isOurClaim(claim)}`)
    : db.execute(sql`
        select app.record_external_reply(
          ${claim.resourceId}, ${conversationId}, ${content}, ${contentType}, ${metadata}::jsonb, ${model},
          ${words}::bigint[])
        where ${isOurClaim(claim)}`)
}

const After = z.strictObject({ seq: z.int() })

/** What was said in one of the caller's conversations, in either order. Throws `not_found`. */
export async function listMessages(
  caller: Caller,
  conversationId: string,
  { limit, cursor, order: asked, branch, after_seq: afterSeq }: MessageQuery,
): Promise<MessagePage> {
  if (branch === 'current') return await listPath(caller, conversationId, { limit, cursor })
  const order = afterSeq === undefined ? asked : 'oldest'
  const list = `messages:${conversationId}:${order}`
  const position = await readPosition(caller, list, After, cursor)
  const seq = position.after?.seq
  const [owned, page] = await asUser(caller, () => [
    ownConversation({ conversationId }),
    order === 'newest'
      ? pageBefore({ conversationId, seq: seq ?? beyondEverySeq, limit: limit + 1 })
      : pageAfter({ conversationId, seq: seq ?? afterSeq ?? 0, limit: limit + 1 }),
  ])
  found(owned)
  position.check()
  const { rows, next_cursor } = await pageFrom(caller, list, limit, page, (last) => ({ seq: last.seq }))
  const vault = await openVault(caller)
  return { items: await Promise.all(rows.map((row) => messageFrom(vault, row))), next_cursor }
}

const AfterOnPath = z.strictObject({ parent: z.uuid() })

/** The path that counts, newest first: a page goes on with what the last message of the one before follows. */
async function listPath(
  caller: Caller,
  conversationId: string,
  { limit, cursor }: { readonly limit: number; readonly cursor: string | undefined },
): Promise<MessagePage> {
  const list = `path:${conversationId}`
  const position = await readPosition(caller, list, AfterOnPath, cursor)
  const from = position.after === undefined ? leafOf(conversationId) : sql`${position.after.parent}::uuid`
  const [owned, page] = await asUser(caller, () => [
    ownConversation({ conversationId }),
    selectPath(conversationId, from, limit + 1),
  ])
  found(owned)
  position.check()
  const { rows, next_cursor } = await pageFrom(caller, list, limit, alongPath(page), (last) => ({
    parent: last.parentId,
  }))
  const vault = await openVault(caller)
  return { items: await Promise.all(rows.map((row) => messageFrom(vault, row))), next_cursor }
}

/** Says what the caller thinks of a message of theirs, or of their companion's. Throws `not_found`. */
export async function giveFeedback(
  caller: Caller,
  conversationId: string,
  messageId: string,
  { feedback }: Feedback,
): Promise<Message> {
  const [, rows] = await asUser(caller, (db) => [
    db
      .update(messages)
      .set({ feedback })
      .where(and(eq(messages.id, messageId), eq(messages.conversationId, conversationId))),
    selectMessages(db).where(and(eq(messages.id, messageId), eq(messages.conversationId, conversationId))),
  ])
  return await messageFrom(await openVault(caller), found(rows))
}

const ownConversation = compiled<{ id: string }[], { conversationId: string }>((db, value) =>
  db
    .select({ id: conversations.id })
    .from(conversations)
    .where(eq(conversations.id, value('conversationId'))),
)

interface SeqPage extends Record<string, unknown> {
  readonly conversationId: string
  readonly seq: number
  readonly limit: number
}

const pageBefore = compiled<MessageRow[], SeqPage>((db, value) =>
  selectMessages(db)
    .where(and(eq(messages.conversationId, value('conversationId')), lt(messages.seq, value('seq'))))
    .orderBy(descending(messages.seq))
    .limit(value('limit')),
)

const pageAfter = compiled<MessageRow[], SeqPage>((db, value) =>
  selectMessages(db)
    .where(and(eq(messages.conversationId, value('conversationId')), gt(messages.seq, value('seq'))))
    .orderBy(sql`${messages.seq} nulls first`)
    .limit(value('limit')),
)

/** No message is numbered so. */
const beyondEverySeq = Number.MAX_SAFE_INTEGER

/** Opens a stored message. */
export async function messageFrom(vault: Vault, row: MessageRow): Promise<Message> {
  return {
    id: row.id,
    conversation_id: row.conversationId,
    parent_id: row.parentId,
    turn_id: row.turnId,
    seq: row.seq,
    role: row.role,
    origin: row.origin,
    content: await vault.read(messages.content, row.id, row.content),
    content_type: row.contentType,
    metadata: row.metadata,
    status: row.status,
    tokens: row.tokens,
    model: row.model,
    latency_ms: row.latencyMs,
    feedback: row.feedback,
    memory_ids: row.memoryIds,
    created_at: row.createdAt.toISOString(),
  }
}
