import { sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import { compare, identify, leafAfter, type KnownChat, type KnownMessage } from '#src/conversations/known-chat.ts'
import { conversations, messages } from '#src/conversations/tables.ts'
import type { ImportQuery, ImportResult } from '#src/conversations/transcript-shapes.ts'
import { openTranscripts } from '#src/conversations/transcripts/read-transcripts.ts'
import {
  keepable,
  type Refused,
  type Transcript,
  type TranscriptFormat,
} from '#src/conversations/transcripts/transcript.ts'
import { found, rowOf } from '#src/db/rows.ts'
import { again, asUser, type Caller } from '#src/db/scope.ts'
import { Problem } from '#src/http/problem.ts'
import { personas } from '#src/personas/tables.ts'
import { reserveUsage } from '#src/usage/quota.ts'
import { openVault } from '#src/vault/open-vault.ts'
import type { Vault } from '#src/vault/vault.ts'

/** How much is sent in one flight, as messages and as characters of them. */
const mostInFlight = 200
const mostCharactersInFlight = 300_000

/**
 * Takes in a file of conversations, one after the other as they come. What is here already is found and left as it is, so
 * that a file may be sent again. Throws `not_found` for a companion that is absent or hidden, `invalid_parameter` where one is
 * to be named, `malformed_body`, `invalid_body`, `payload_too_large` and `quota_exceeded`; what came before it was stored.
 *
 * Flights: one that authenticates, and says nothing of the file to anybody else; one for each conversation, which finds what is
 * here; one for each 200 messages that are not.
 */
export async function importChats(
  caller: Caller,
  body: ReadableStream<Uint8Array> | null,
  { format: asked, persona_id: personaId }: ImportQuery,
): Promise<ImportResult> {
  const [named] = await asUser(caller, (db) => [
    db
      .select({ id: personas.id })
      .from(personas)
      .where(sql`${personas.id} = ${personaId ?? null}::uuid and ${personas.isActive}`),
  ])
  if (personaId !== undefined) found(named)
  const { format, transcripts } = await openTranscripts(body, asked)
  if (format !== 'neuraform' && personaId === undefined) {
    const errors = [{ pointer: '/persona_id', detail: 'must name with whom the conversations of this file were held' }]
    throw new Problem('invalid_parameter', undefined, { errors })
  }
  const counted: ImportResult = {
    format,
    conversations: { added: 0, found: 0, skipped: 0, refused: 0 },
    messages: { added: 0, found: 0, skipped: 0, altered: 0 },
    refused: [],
  }
  try {
    for await (const one of transcripts) {
      if ('refused' in one) refuse(one, counted)
      else await importChat(caller, one, { format, personaId }, counted)
    }
  } catch (error) {
    throw resumable(error, counted.conversations.added + counted.conversations.found)
  }
  return counted
}

const mostRefusedTold = 10

function refuse({ refused }: Refused, counted: ImportResult): void {
  counted.conversations.refused += 1
  if (counted.refused.length < mostRefusedTold) counted.refused.push(refused)
}

interface Origin {
  readonly format: TranscriptFormat
  readonly personaId: string | undefined
}

async function importChat(
  caller: Caller,
  transcript: Transcript,
  origin: Origin,
  counted: ImportResult,
): Promise<void> {
  counted.messages.skipped += transcript.skipped
  // Where nothing was said there is nothing to go on with.
  if (transcript.messages.length === 0) {
    counted.conversations.skipped += 1
    return
  }
  const chat = await findChat(caller, transcript, origin)
  const missing = chat.messages.filter(({ isHere }) => !isHere)
  counted.messages.found += chat.messages.length - missing.length
  counted.messages.altered += chat.messages.filter(({ said }) => said.isAltered).length
  let leaf = chat.leafId
  for (const batch of batchesOf(missing)) {
    const next = leafAfter(chat, batch, leaf)
    // What the conversation takes itself is counted with what is first said in it.
    const more = chat.isNew && batch[0] === missing[0] ? chat.ownBytes : 0
    const added = await storeBatch(caller, chat.id, batch, { from: leaf, to: next, more })
    leaf = next
    counted.messages.added += added
    counted.messages.found += batch.length - added
  }
  counted.conversations[chat.isNew ? 'added' : 'found'] += 1
}

const mostTitle = 200

/** Makes the conversation unless it is here, and says what it has. One that is the caller's own under its own id is that one. */
async function findChat(caller: Caller, transcript: Transcript, { format, personaId }: Origin): Promise<KnownChat> {
  const vault = await openVault(caller)
  const { messageIds, chatId, ownId } = await identify(caller.config, vault.userId, format, transcript)
  const title = keepable(transcript.title?.trim() ?? '', mostTitle).text
  const sealedTitle = await vault.sealOptional(conversations.title, chatId, title === '' ? null : title)
  const metadata = JSON.stringify({ imported_from: format, ...transcript.metadata })
  const ownBytes = Buffer.byteLength(metadata) + (sealedTitle?.length ?? 0) + Buffer.byteLength(transcript.tags.join())
  const isEither = sql`${conversations.id} in (${chatId}::uuid, ${ownId}::uuid) and not ${conversations.isTemporary}`
  let flown = 0
  // Two at once may meet in any of its unique keys, of which all hold the id: naming one would leave the others to fail.
  const [made, places, said] = await again(async () => {
    flown += 1
    return await asUser(caller, (db) => [
      db.execute(sql`
          insert into ${conversations} (id, persona_id, title, metadata, tags, is_active, is_pinned, created_at)
          select ${chatId}::uuid, coalesce((
              select ${personas.id} from ${personas} where ${personas.id} = ${transcript.personaId}::uuid and ${personas.isActive}),
            ${personaId ?? null}::uuid), ${sealedTitle}::bytea, ${metadata}::jsonb, ${sql.param(transcript.tags)}::text[],
            ${transcript.isActive}, ${transcript.isPinned},
            least(coalesce(${momentOrNull(transcript.at)}::timestamptz, now()), now())
          where not exists (select from ${conversations} where ${isEither})
          on conflict do nothing
          returning id`),
      db.select({ id: conversations.id, leafId: conversations.leafMessageId }).from(conversations).where(isEither),
      db
        .select({ id: messages.id, chatId: messages.conversationId })
        .from(messages)
        .where(sql`${messages.conversationId} in (${chatId}::uuid, ${ownId}::uuid)`),
    ])
  })
  const place = places.find(({ id }) => id === ownId) ?? found(places)
  const here = new Set(said.filter((one) => one.chatId === place.id).map(({ id }) => id))
  // Whose answer was lost has made it, unless it was here with what was said.
  const isNew = made.rows.length > 0 || (flown > 1 && here.size === 0)
  return { ...place, isNew, ownBytes, ...compare(transcript, messageIds, here) }
}

function* batchesOf(missing: readonly KnownMessage[]): Generator<readonly KnownMessage[]> {
  let batch: KnownMessage[] = []
  let characters = 0
  for (const message of missing) {
    characters += message.said.content.length
    if (batch.length === mostInFlight || (batch.length > 0 && characters > mostCharactersInFlight)) {
      yield batch
      batch = []
      characters = message.said.content.length
    }
    batch.push(message)
  }
  if (batch.length > 0) yield batch
}

/** Stores messages and counts their bytes; how many were not here yet. Flown again it finds what it did. */
async function storeBatch(
  caller: Caller,
  chatId: string,
  batch: readonly KnownMessage[],
  { from, to, more }: { readonly from: string | null; readonly to: string | null; readonly more: number },
): Promise<number> {
  const vault = await openVault(caller)
  const sealed = await Promise.all(
    batch.map(async (message, place) => await sealedEntry(vault, message, place === 0 ? more : 0)),
  )
  const entries = JSON.stringify(sealed)
  const amount = sealed.reduce((sum, { bytes }) => sum + bytes, 0)
  const id = uuidv7()
  let flown = 0
  const [, answer] = await again(async () => {
    flown += 1
    return await asUser(caller, (db) => [
      reserveUsage(db, caller.config, { id, kind: 'stored_bytes', amount }),
      db.execute(sql`
        with stored as materialized (
          select * from app.import_messages(${chatId}, ${entries}::jsonb, ${from}::uuid, ${to}::uuid)
        ) select s.added, app.settle_usage(${id}, s.bytes) from stored s`),
    ])
  })
  // Whose answer was lost has stored them.
  return flown > 1 ? batch.length : rowOf(Stored, answer).added
}

const Stored = z.object({ added: z.int() })

/** What a row takes beside its words, about. */
const bytesOfRow = 200

async function sealedEntry(vault: Vault, { said, id, parentId }: KnownMessage, more: number) {
  const content = await vault.seal(messages.content, id, said.content)
  const entry = {
    id,
    parent_id: parentId,
    role: said.role,
    content: content.toBase64(),
    // JSON has no integers of 64 bits that everybody reads alike.
    words: vault.indexWords(said.content).map(String),
    content_type: said.contentType,
    metadata: said.metadata,
    status: said.status,
    tokens: said.tokens,
    model: said.model,
    latency_ms: said.latencyMs,
    feedback: said.feedback,
    created_at: momentOrNull(said.placedAt),
  }
  const beside = 8 * entry.words.length + Buffer.byteLength(JSON.stringify(said.metadata)) + bytesOfRow
  return { ...entry, bytes: content.length + beside + more }
}

const momentOrNull = (at: number | null) => (at === null ? null : new Date(at).toISOString())

/** The same problem, saying that the file may be sent again. Somebody without a session is told nothing. */
function resumable(error: unknown, done: number): unknown {
  if (!(error instanceof Problem) || error.code === 'unauthenticated') return error
  const kept = `${done} of its conversations were taken in; sent again, the file adds nothing twice.`
  return new Problem(error.code, error.detail === undefined ? kept : `${error.detail} ${kept}`, {
    cause: error,
    ...(error.errors === undefined ? {} : { errors: error.errors }),
    ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
  })
}
