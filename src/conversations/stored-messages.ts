import { sql, type Placeholder, type SQL } from 'drizzle-orm'
import { conversations, messages, turns } from '#src/conversations/tables.ts'
import type { Db } from '#src/db/scope.ts'

/** The stored columns behind a Message. */
export const selectMessages = (db: Db) =>
  db
    .select({
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
      createdAt: messages.createdAt,
    })
    .from(messages)

export type MessageRow = Awaited<ReturnType<typeof selectMessages>>[number]

/** Where what was said in a conversation ends, on the way that was chosen; null before anything was. */
export const leafOf = (conversationId: string | Placeholder): SQL =>
  sql`(select ${conversations.leafMessageId} from ${conversations} where ${conversations.id} = ${conversationId})`

/** A message of the conversation and what it follows, up to the first one: newest first, so many at the most. */
export const selectPath = (db: Db, conversationId: string | Placeholder, from: SQL, limit: number) =>
  selectMessages(db)
    .innerJoin(
      sql`(with recursive path (id, parent_id, depth) as (
        select m.id, m.parent_id, 1 from ${messages} m where m.id = ${from} and m.conversation_id = ${conversationId}
        union all
        select m.id, m.parent_id, path.depth + 1 from path join ${messages} m on m.id = path.parent_id where path.depth < ${limit}
      ) select path.id, path.depth from path) path`,
      sql`path.id = ${messages.id}`,
    )
    .orderBy(sql`path.depth`)

/** What a turn has stored: the words that it answers, and its reply. */
export const selectSaid = (db: Db, turnId: SQL) =>
  selectMessages(db).where(sql`${messages.id} = any(array(
    select unnest(array[t.user_message_id, t.reply_message_id]) from ${turns} t where t.id = ${turnId}))`)
