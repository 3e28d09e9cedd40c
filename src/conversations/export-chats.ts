import { eq, sql } from 'drizzle-orm'
import { conversationFrom, conversationNamed } from '#src/conversations/conversations.ts'
import { messageFrom } from '#src/conversations/messages.ts'
import type { Message } from '#src/conversations/shapes.ts'
import { selectMessages } from '#src/conversations/stored-messages.ts'
import { conversations, messages } from '#src/conversations/tables.ts'
import type { ExportedChat, TranscriptWriter } from '#src/conversations/transcripts/exported-chat.ts'
import { markdownWriter } from '#src/conversations/transcripts/markdown.ts'
import { neuraformWriter } from '#src/conversations/transcripts/neuraform.ts'
import { openAiWriter } from '#src/conversations/transcripts/openai-export.ts'
import { sillyTavernWriter } from '#src/conversations/transcripts/sillytavern.ts'
import type { TranscriptFormat } from '#src/conversations/transcripts/transcript.ts'
import { found } from '#src/db/rows.ts'
import { asUser, type Caller } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import { Problem } from '#src/http/problem.ts'
import { personas } from '#src/personas/tables.ts'
import { openVault } from '#src/vault/open-vault.ts'

const writers: Readonly<Record<TranscriptFormat | 'markdown', TranscriptWriter>> = {
  neuraform: neuraformWriter,
  openai: openAiWriter,
  sillytavern: sillyTavernWriter,
  markdown: markdownWriter,
}

/** A file on its way to the client. */
export interface ExportedFile {
  readonly name: string
  readonly contentType: string
  readonly body: ReadableStream<Uint8Array>
}

/** How many messages are held at once. */
const pageSize = 100

/**
 * One of the caller's conversations as a file, which is read from the database as the client takes it. Throws `not_found`, and
 * `conflict` for a temporary one. Each page's flight looks at the session anew: what cannot be read to its end ends as a
 * stream that failed, never as a file that looks whole.
 */
export async function exportChat(
  caller: Caller,
  id: string,
  format: TranscriptFormat | 'markdown',
): Promise<ExportedFile> {
  const chat = await readChat(caller, id)
  if (chat.conversation.is_temporary) throw new Problem('conflict', 'A temporary conversation is not exported.')
  return fileOf(caller, writers[format], `conversation-${id}`, [async () => chat])
}

/** All of the caller's conversations but temporary ones, the oldest first, in the same way: one that is deleted meanwhile is left out. */
export async function exportChats(caller: Caller, format: 'neuraform' | 'openai'): Promise<ExportedFile> {
  const [rows] = await asUser(caller, (db) => [
    db
      .select({ id: conversations.id })
      .from(conversations)
      .where(eq(conversations.isTemporary, false))
      .orderBy(conversations.createdAt, conversations.id),
  ])
  const readers = rows.map(
    ({ id }) =>
      async () =>
        await unlessGone(readChat(caller, id)),
  )
  return fileOf(caller, writers[format], 'conversations', readers)
}

async function unlessGone(work: Promise<ExportedChat>): Promise<ExportedChat | undefined> {
  try {
    return await work
  } catch (error) {
    if (error instanceof Problem && error.code === 'not_found') return undefined
    throw error
  }
}

type Reader = () => Promise<ExportedChat | undefined>

function fileOf(caller: Caller, writer: TranscriptWriter, name: string, readers: readonly Reader[]): ExportedFile {
  const { contentType, extension } = writer
  return { name: `${name}.${extension}`, contentType, body: streamOf(caller, piecesOf(writer, readers)) }
}

async function* piecesOf(writer: TranscriptWriter, readers: readonly Reader[]): AsyncGenerator<string> {
  yield writer.begin(new Date())
  let between = ''
  for (const read of readers) {
    const chat = await read()
    if (chat === undefined) continue
    yield between
    yield* writer.write(chat)
    ;({ between } = writer)
  }
  yield writer.end
}

const utf8 = new TextEncoder()

// Nothing is read before somebody takes it, so that the answer's head tells the flights before it.
function streamOf(caller: Caller, pieces: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  const tell = (how: object) => caller.report({ event: 'export_ended', flights: caller.database.flights, ...how })
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const { done, value } = await pieces.next()
          if (done !== true) return controller.enqueue(utf8.encode(value))
          controller.close()
          tell({})
        } catch (error) {
          controller.error(new Error('the export could not be finished'))
          tell(describeFailure(error))
        }
        return undefined
      },
      cancel: async () => {
        await pieces.return(undefined)
      },
    },
    { highWaterMark: 0 },
  )
}

/** A conversation without what was said, but for its first page. Throws `not_found`. */
async function readChat(caller: Caller, id: string): Promise<ExportedChat> {
  const [rows, named, places, first] = await asUser(caller, (db) => [
    conversationNamed(db, id),
    db
      .select({ id: personas.id, display_name: personas.displayName })
      .from(personas)
      .innerJoin(conversations, eq(conversations.personaId, personas.id))
      .where(eq(conversations.id, id)),
    db
      .select({ id: messages.id, parentId: messages.parentId, role: messages.role })
      .from(messages)
      .where(eq(messages.conversationId, id))
      .orderBy(sql`${messages.seq} nulls first`),
    selectMessages(db)
      .where(eq(messages.conversationId, id))
      .orderBy(sql`${messages.seq} nulls first`)
      .limit(pageSize),
  ])
  const vault = await openVault(caller)
  const known = new Map(first.map((row) => [row.id, row]))
  return {
    conversation: await conversationFrom(vault, found(rows)),
    persona: named[0] ?? null,
    places,
    messages: async function* read(ids) {
      for (let from = 0; from < ids.length; from += pageSize) {
        const page = ids.slice(from, from + pageSize)
        if (!page.every((one) => known.has(one))) {
          known.clear()
          for (const row of await readPage(caller, page)) known.set(row.id, row)
        }
        for (const one of page) yield await messageOf(caller, known.get(one))
      }
    },
  }
}

async function readPage(caller: Caller, ids: readonly string[]) {
  const [rows] = await asUser(caller, (db) => [
    selectMessages(db).where(sql`${messages.id} = any(${sql.param(ids)}::uuid[])`),
  ])
  return rows
}

type Row = Awaited<ReturnType<typeof readPage>>[number]

async function messageOf(caller: Caller, row: Row | undefined): Promise<Message> {
  if (row === undefined) throw new Problem('conflict', 'What was said was deleted while it was read.')
  return await messageFrom(await openVault(caller), row)
}
