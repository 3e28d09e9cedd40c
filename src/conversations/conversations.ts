import { and, eq, sql, type Placeholder, type SQL } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import type {
  Conversation,
  ConversationChange,
  ConversationPage,
  ConversationQuery,
  NewConversation,
} from '#src/conversations/shapes.ts'
import { conversations } from '#src/conversations/tables.ts'
import { descending } from '#src/db/columns.ts'
import { rowsOf } from '#src/db/function-rows.ts'
import { compiled } from '#src/db/recorded-statements.ts'
import { found } from '#src/db/rows.ts'
import { asUser, type Caller, type Db } from '#src/db/scope.ts'
import { claimedResource, claimFor, claimKey, refuseReusedKey, isOurClaim, readClaim } from '#src/http/idempotency.ts'
import { pageFrom, readPosition, type PageQuery } from '#src/http/page.ts'
import { openVault } from '#src/vault/open-vault.ts'
import type { Vault } from '#src/vault/vault.ts'

/** Starts a conversation. Throws `not_found` for a persona that is absent or hidden from the caller. */
export async function createConversation(
  caller: Caller,
  input: NewConversation,
  idempotencyKey: string | undefined,
): Promise<Conversation> {
  const id = uuidv7()
  const vault = await openVault(caller)
  const claim = await claimFor(caller.config, idempotencyKey, id, ['conversation', input])
  const title = await vault.sealOptional(conversations.title, id, input.title)
  const [, , claims, rows] = await asUser(caller, (db) => [
    claimKey(db, claim),
    db.execute(sql`
      insert into ${conversations} (id, persona_id, title, metadata, tags, is_temporary)
      select ${id}::uuid, ${input.persona_id}::uuid, ${title}::bytea, ${JSON.stringify(input.metadata ?? {})}::jsonb,
        ${sql.param(input.tags ?? [])}::text[], ${input.is_temporary ?? false}
      where ${isOurClaim(claim)}`),
    readClaim(db, claim),
    conversationNamed(db, claimedResource(claim)),
  ])
  refuseReusedKey(claim, claims)
  return await conversationFrom(await openVault(caller), found(rows))
}

const After = z.strictObject({ at: z.coerce.date(), id: z.uuid() })

/** The caller's conversations that are as asked for, by their newest activity. */
export async function listConversations(caller: Caller, query: ConversationQuery): Promise<ConversationPage> {
  const { limit, cursor, ...wish } = query
  // A cursor is of one list: what is asked for and in which order is its name.
  const list = `conversations:${JSON.stringify(wish)}`
  const position = await readPosition(caller, list, After, cursor)
  const [page] = await asUser(caller, (db) => [pageOf(db, wish, position.after, limit + 1)])
  position.check()
  const { rows, next_cursor } = await pageFrom(caller, list, limit, page, (last) => ({
    at: last.updatedAt,
    id: last.id,
  }))
  const vault = await openVault(caller)
  return { items: await Promise.all(rows.map((row) => conversationFrom(vault, row))), next_cursor }
}

/** One of the caller's conversations. Throws `not_found`. */
export async function getConversation(caller: Caller, id: string): Promise<Conversation> {
  const [rows] = await asUser(caller, (db) => [conversationNamed(db, id)])
  return await conversationFrom(await openVault(caller), found(rows))
}

/** Renames, archives, pins or tags a conversation. Throws `not_found`. */
export async function updateConversation(
  caller: Caller,
  id: string,
  change: ConversationChange,
): Promise<Conversation> {
  const vault = await openVault(caller)
  const title = await vault.sealOptional(conversations.title, id, change.title)
  const [rows] = await asUser(caller, (db) => [
    db
      .update(conversations)
      .set({
        ...(change.title === undefined ? {} : { title }),
        ...(change.metadata === undefined ? {} : { metadata: change.metadata }),
        ...(change.tags === undefined ? {} : { tags: change.tags }),
        ...(change.is_active === undefined ? {} : { isActive: change.is_active }),
        ...(change.is_pinned === undefined ? {} : { isPinned: change.is_pinned }),
        updatedAt: sql`now()`,
      })
      .where(eq(conversations.id, id))
      .returning(columns),
  ])
  return await conversationFrom(await openVault(caller), found(rows))
}

/** Deletes a conversation and everything said in it. Throws `not_found`. */
export async function deleteConversation(caller: Caller, id: string): Promise<void> {
  const [rows] = await asUser(caller, (db) => [
    db.delete(conversations).where(eq(conversations.id, id)).returning({ id: conversations.id }),
  ])
  found(rows)
}

const columns = {
  id: conversations.id,
  personaId: conversations.personaId,
  title: conversations.title,
  summary: conversations.summary,
  metadata: conversations.metadata,
  tags: conversations.tags,
  isActive: conversations.isActive,
  isPinned: conversations.isPinned,
  isTemporary: conversations.isTemporary,
  messageCount: conversations.messageCount,
  lastSeq: conversations.lastSeq,
  leafMessageId: conversations.leafMessageId,
  lastMessageAt: conversations.lastMessageAt,
  createdAt: conversations.createdAt,
  updatedAt: conversations.updatedAt,
}

const selectConversations = (db: Db) => db.select(columns).from(conversations)

/** The stored columns behind one Conversation. */
export const conversationNamed = (db: Db, id: string | SQL) => selectConversations(db).where(eq(conversations.id, id))
type ConversationRow = Awaited<ReturnType<typeof selectConversations>>[number]

const newestFirst = [descending(conversations.updatedAt), descending(conversations.id)]

const pages = (db: Db, limit: number | Placeholder) =>
  selectConversations(db)
    .orderBy(...newestFirst)
    .limit(limit)
    .$dynamic()

type Wish = Omit<ConversationQuery, keyof PageQuery>
type After = z.output<typeof After>

// The plain list, which an app reads at each start, is compiled once, and planned once; any other is built for its request.
function pageOf(db: Db, wish: Wish, after: After | undefined, limit: number): PromiseLike<ConversationRow[]> {
  const { order, ...asked } = wish
  const isPlain = order === 'newest' && Object.values(asked).every((value) => value === undefined)
  if (isPlain) {
    return after === undefined ? firstPage({ limit }) : laterPage({ limit, at: after.at.toISOString(), id: after.id })
  }
  const wanted = [
    asked.persona_id === undefined ? undefined : eq(conversations.personaId, asked.persona_id),
    // Written as the partial indexes are.
    asked.is_active === undefined ? undefined : asked.is_active ? sql`is_active` : sql`not is_active`,
    asked.is_pinned === undefined ? undefined : asked.is_pinned ? sql`is_pinned` : sql`not is_pinned`,
    asked.is_temporary === undefined ? undefined : eq(conversations.isTemporary, asked.is_temporary),
    asked.tag === undefined ? undefined : sql`${asked.tag} = any (${conversations.tags})`,
    after === undefined ? undefined : isBeyond(order, after.at.toISOString(), after.id),
  ]
  const listed = pages(db, limit).where(and(...wanted))
  return order === 'newest'
    ? listed
    : listed.orderBy(sql`${conversations.updatedAt} nulls first`, sql`${conversations.id} nulls first`)
}

// One comparison of rows is where the index begins; “earlier, or as early and …” is a filter over all that came before.
const isBeyond = (order: Wish['order'], at: unknown, id: unknown) =>
  sql`(${conversations.updatedAt}, ${conversations.id}) ${sql.raw(order === 'newest' ? '<' : '>')} (${at}::timestamptz, ${id}::uuid)`

const firstPage = compiled<ConversationRow[], { limit: number }>((_db, value) =>
  rowsOf(
    columns,
    sql`app.newest_conversations(${value('limit')}) ${conversations} order by ${sql.join(newestFirst, sql`, `)}`,
  ),
)

/** Those after a moment of activity and an id, oldest first. */
export const changedAfter = (db: Db, at: Date, id: string, limit: number) =>
  selectConversations(db)
    .where(isBeyond('oldest', at.toISOString(), id))
    .orderBy(sql`${conversations.updatedAt} nulls first`, sql`${conversations.id} nulls first`)
    .limit(limit)

const laterPage = compiled<ConversationRow[], { limit: number; at: string; id: string }>((db, value) =>
  pages(db, value('limit')).where(isBeyond('newest', value('at'), value('id'))),
)

/** Opens a stored conversation. */
export async function conversationFrom(vault: Vault, row: ConversationRow): Promise<Conversation> {
  return {
    id: row.id,
    persona_id: row.personaId,
    title: await vault.read(conversations.title, row.id, row.title),
    summary: await vault.read(conversations.summary, row.id, row.summary),
    metadata: row.metadata,
    tags: row.tags,
    is_active: row.isActive,
    is_pinned: row.isPinned,
    is_temporary: row.isTemporary,
    message_count: row.messageCount,
    last_seq: row.lastSeq,
    leaf_message_id: row.leafMessageId,
    last_message_at: row.lastMessageAt?.toISOString() ?? null,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  }
}
