import { desc, eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import { messageFrom } from '#src/conversations/messages.ts'
import { selectMessages } from '#src/conversations/stored-messages.ts'
import type { FoundPage, Message, MessageSearch } from '#src/conversations/shapes.ts'
import { conversations, messages } from '#src/conversations/tables.ts'
import { found } from '#src/db/rows.ts'
import { asUser, type Caller } from '#src/db/scope.ts'
import { pageFrom, readPosition } from '#src/http/page.ts'
import { openVault } from '#src/vault/open-vault.ts'
import { placesOf, wordsOf } from '#src/vault/words.ts'

const After = z.strictObject({ id: z.uuid() })

/**
 * The caller's messages that hold every word of the query, newest first. Words are compared whole, without case and
 * accents, by hashes under each of the caller's own keys that opens; a query without a word finds nothing. It asks again
 * where it learns that the person was given another key meanwhile. Throws `invalid_cursor`, `key_unavailable`, or
 * `not_found` for a conversation that is absent or another's.
 */
export async function searchMessages(caller: Caller, search: MessageSearch): Promise<FoundPage> {
  const { query, conversation_id: conversationId, limit, cursor } = search
  const vault = await openVault(caller)
  const list = `search:${conversationId ?? ''}:${(await vault.nameOf(query)).toHex()}`
  const position = await readPosition(caller, list, After, cursor)
  const wanted = vault.wordQueries(query).map((hashes) => `{${hashes.join(',')}}`)
  // As an array each hit is looked up by its id; joined, all that the person ever said may be read instead.
  const hits = sql`array(select message_id from app.find_messages(
    ${sql.param(wanted)}::text[], ${conversationId ?? null}::uuid, ${position.after?.id ?? null}::uuid, ${limit + 1}))`
  const [owned, page] = await asUser(caller, (db) => [
    db
      .select({ id: conversations.id })
      .from(conversations)
      .where(eq(conversations.id, sql`${conversationId ?? null}::uuid`)),
    selectMessages(db)
      .where(sql`${messages.id} = any(${hits})`)
      .orderBy(desc(messages.id)),
  ])
  if (conversationId !== undefined) found(owned)
  position.check()
  const newest = await openVault(caller)
  if (newest.newestVersion !== vault.newestVersion) return await searchMessages(caller, search)
  const { rows, next_cursor } = await pageFrom(caller, list, limit, page, (last) => ({ id: last.id }))
  const words = wordsOf(query)
  const items = rows.map(async (row) => highlighted(await messageFrom(vault, row), words))
  return { items: await Promise.all(items), next_cursor }
}

const highlighted = (message: Message, words: ReadonlySet<string>): FoundPage['items'][number] => ({
  ...message,
  highlights: placesOf(message.content ?? '', words),
})
