import { eq, sql, type Placeholder, type SQL } from 'drizzle-orm'
import { conversations, messages } from '#src/conversations/tables.ts'
import { rowsOf } from '#src/db/function-rows.ts'
import type { Db } from '#src/db/scope.ts'
import type { Told } from '#src/memories/told.ts'
import type { Vault } from '#src/vault/vault.ts'

const messageColumns = {
  id: messages.id,
  conversationId: messages.conversationId,
  parentId: messages.parentId,
  turnId: messages.turnId,
  seq: messages.seq,
  role: messages.role,
  origin: messages.origin,
  content: messages.content,
  contentType: messages.contentType,
  metadata: messages.metadata,
  status: messages.status,
  tokens: messages.tokens,
  model: messages.model,
  latencyMs: messages.latencyMs,
  feedback: messages.feedback,
  memoryIds: messages.memoryIds,
  isRecallable: messages.isRecallable,
  isDrawn: messages.isDrawn,
  createdAt: messages.createdAt,
}

/** The stored columns behind a Message. */
export const selectMessages = (db: Db) => db.select(messageColumns).from(messages)

export type MessageRow = Awaited<ReturnType<typeof selectMessages>>[number]

/** Where what was said in a conversation ends, on the way that was chosen; null before anything was. */
export const leafOf = (conversationId: string): SQL =>
  sql`(select ${conversations.leafMessageId} from ${conversations} where ${conversations.id} = ${conversationId})`

type Id = string | Placeholder

/** A message of the conversation and what it follows, up to the first one, so many at the most; `alongPath` puts them in order. */
export const selectPath = (conversationId: Id, from: SQL, limit: number) =>
  rowsOf(messageColumns, onPath(conversationId, from, limit))

/** Of the same what a prompt is made of. */
export const selectHistory = (conversationId: Id, from: SQL, limit: number) =>
  rowsOf(historyColumns, onPath(conversationId, from, limit))

const historyColumns = {
  id: messages.id,
  parentId: messages.parentId,
  seq: messages.seq,
  role: messages.role,
  content: messages.content,
  isRecallable: messages.isRecallable,
  isDrawn: messages.isDrawn,
}

export type HistoryRow = Awaited<ReturnType<typeof selectHistory>>[number]

/** Opens the messages of a prompt; content that cannot be opened is null. */
export const openHistory = async (vault: Vault, rows: readonly HistoryRow[]): Promise<readonly Told[]> =>
  await Promise.all(
    rows.map(async ({ id, seq, role, content, isRecallable, isDrawn }) => ({
      id,
      seq,
      role,
      content: await vault.read(messages.content, id, content),
      isRecallable,
      isDrawn,
    })),
  )

const onPath = (conversationId: Id, from: SQL, limit: number) =>
  sql`app.messages_on_path(${from}, ${conversationId}, ${limit})`

/** The messages of a path, newest first. */
export function alongPath<T extends { readonly id: string; readonly parentId: string | null }>(
  rows: readonly T[],
): T[] {
  const followed = new Set(rows.map(({ parentId }) => parentId))
  const byId = new Map(rows.map((row) => [row.id, row]))
  const path: T[] = []
  let next = rows.find(({ id }) => !followed.has(id))
  while (next !== undefined) {
    path.push(next)
    next = next.parentId === null ? undefined : byId.get(next.parentId)
  }
  return path
}

/** What a turn has stored: the words that it answers, and its reply. */
export const selectSaid = (turnId: SQL) => rowsOf(messageColumns, sql`app.messages_of_turn(${turnId})`)

/** Waits for whoever writes to a conversation, so that the next statement sees what they wrote. */
export const lockConversation = (db: Db, conversationId: string) =>
  db
    .select({ id: conversations.id })
    .from(conversations)
    .where(eq(conversations.id, conversationId))
    .for('no key update')
