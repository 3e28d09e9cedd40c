import { and, desc, eq, gt, sql, type SQL } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import { found } from '#src/db/rows.ts'
import { asUser, sessionOf, type Caller, type Db } from '#src/db/scope.ts'
import { claimedResource, claimFor, claimKey, isOurClaim, readClaim, refuseReusedKey } from '#src/http/idempotency.ts'
import { describeFailure } from '#src/http/log.ts'
import { pageFrom, readPosition, type PageQuery } from '#src/http/page.ts'
import { Problem } from '#src/http/problem.ts'
import { contentTypeOf } from '#src/speech/audio-format.ts'
import { transcribe } from '#src/speech/transcription.ts'
import { reserveUsage, settleUsage } from '#src/usage/quota.ts'
import { signedAudio } from '#src/voice/signed-audio.ts'
import { audioPrefixOf, speechStorage } from '#src/voice/speech-cache.ts'
import type { Recording, RecordingPage, Transcript } from '#src/voice/shapes.ts'
import { voiceData } from '#src/voice/tables.ts'
import { takeRecording, type TakenRecording } from '#src/voice/take-recording.ts'

/** What an upload says of itself before its first byte. */
export interface Upload {
  readonly body: ReadableStream<Uint8Array> | null
  /** Its Content-Length, if it has one. */
  readonly length: number | undefined
}

/**
 * Keeps what a person recorded, for RECORDING_DAYS. Throws what `takeRecording` does, `quota_exceeded` and
 * `idempotency_key_reused`.
 *
 * Two flights: nothing is taken in before it is known who sends it, and no transaction is open while it comes.
 */
export async function addRecording(
  caller: Caller,
  { body, length }: Upload,
  idempotencyKey: string | undefined,
): Promise<Recording> {
  const { config } = caller
  const { audio: bucket } = speechStorage(config)
  if ((length ?? 0) > config.RECORDING_BYTES) {
    throw new Problem('payload_too_large', `The limit is ${config.RECORDING_BYTES} bytes.`)
  }
  const [id, usageId] = [uuidv7(), uuidv7()]
  const amount = Math.max(1, length ?? config.RECORDING_BYTES)
  await asUser(caller, (db) => [reserveUsage(db, config, { id: usageId, kind: 'stored_bytes', amount })])
  const key = `${audioPrefixOf(sessionOf(caller).userId)}r/${id}`
  try {
    const taken = await takeRecording(config, bucket, key, body)
    return await storeRecording(caller, { id, usageId, key, taken }, idempotencyKey)
  } catch (error) {
    await Promise.allSettled([bucket.delete(key), asUser(caller, (db) => [settleUsage(db, usageId, 0)])])
    throw error
  }
}

interface Storing {
  readonly id: string
  readonly usageId: string
  readonly key: string
  readonly taken: TakenRecording
}

async function storeRecording(
  caller: Caller,
  { id, usageId, key, taken: { format, bytes, durationMs, hash } }: Storing,
  idempotencyKey: string | undefined,
): Promise<Recording> {
  const claim = await claimFor(caller.config, idempotencyKey, id, ['recording', hash.toHex()])
  const [, , , claims, rows] = await asUser(caller, (db) => [
    claimKey(db, claim),
    db.execute(sql`
      insert into ${voiceData} (id, kind, r2_key, audio_bytes, duration_ms, codec, expires_at)
      select ${id}::uuid, 'recording', ${key}, ${bytes}, ${durationMs}, ${format},
        now() + make_interval(days => ${caller.config.RECORDING_DAYS})
      where ${isOurClaim(claim)}`),
    settleUsage(db, usageId, bytes),
    readClaim(db, claim),
    recordingNamed(db, claimedResource(claim)),
  ])
  refuseReusedKey(claim, claims)
  const row = found(rows)
  // The same was sent before: this copy is one too many.
  if (row.id !== id) caller.defer(deleteAudio(caller, key))
  return await recordingFrom(caller, row)
}

const columns = {
  id: voiceData.id,
  r2Key: voiceData.r2Key,
  audioBytes: voiceData.audioBytes,
  durationMs: voiceData.durationMs,
  codec: voiceData.codec,
  createdAt: voiceData.createdAt,
  expiresAt: voiceData.expiresAt,
}

// What is past its time is gone, whether or not the sweep has been there.
const isKept = and(sql`${voiceData.kind} = 'recording'`, gt(voiceData.expiresAt, sql`now()`))

const selectRecordings = (db: Db, where?: SQL) => db.select(columns).from(voiceData).where(and(isKept, where))

const recordingNamed = (db: Db, id: string | SQL) => selectRecordings(db, eq(voiceData.id, id))
type Row = Awaited<ReturnType<typeof recordingNamed>>[number]

const After = z.strictObject({ at: z.coerce.date(), id: z.uuid() })
const listName = 'recordings'

/** The caller's recordings, newest first. Throws `invalid_cursor`. */
export async function listRecordings(caller: Caller, { limit, cursor }: PageQuery): Promise<RecordingPage> {
  const position = await readPosition(caller, listName, After, cursor)
  const { after } = position
  const beyond =
    after === undefined
      ? undefined
      : sql`(${voiceData.createdAt}, ${voiceData.id}) < (${after.at.toISOString()}::timestamptz, ${after.id}::uuid)`
  const [rows] = await asUser(caller, (db) => [
    selectRecordings(db, beyond)
      .orderBy(desc(voiceData.createdAt), desc(voiceData.id))
      .limit(limit + 1),
  ])
  position.check()
  const page = await pageFrom(caller, listName, limit, rows, (last) => ({ at: last.createdAt, id: last.id }))
  return {
    items: await Promise.all(page.rows.map(async (row) => await recordingFrom(caller, row))),
    next_cursor: page.next_cursor,
  }
}

/** One of the caller's recordings. Throws `not_found`. */
export async function getRecording(caller: Caller, id: string): Promise<Recording> {
  const [rows] = await asUser(caller, (db) => [recordingNamed(db, id)])
  return await recordingFrom(caller, found(rows))
}

/** Deletes a recording, bytes before row. Two flights. Throws `not_found`, and `unavailable` where the bucket keeps it. */
export async function deleteRecording(caller: Caller, id: string): Promise<void> {
  const [rows] = await asUser(caller, (db) => [recordingNamed(db, id)])
  const { r2Key } = found(rows)
  try {
    await speechStorage(caller.config).audio.delete(r2Key)
  } catch (error) {
    throw new Problem('unavailable', 'The audio could not be deleted.', { cause: error })
  }
  await asUser(caller, (db) => [db.delete(voiceData).where(eq(voiceData.id, id))])
}

/**
 * What was said in a recording, as the service that is configured hears it; it is kept nowhere here. Throws `not_found`, and what
 * `transcribe` does.
 */
export async function transcribeRecording(caller: Caller, id: string): Promise<Transcript> {
  // A person's consent to this is asked for in this flight, once there are consents.
  const [rows] = await asUser(caller, (db) => [recordingNamed(db, id)])
  const { r2Key, codec } = found(rows)
  const object = await speechStorage(caller.config)
    .audio.get(r2Key)
    .catch((error: unknown) => {
      throw new Problem('unavailable', 'The audio could not be read.', { cause: error })
    })
  if (object === null) throw new Problem('not_found')
  return { text: await transcribe(caller.config, await object.blob(), codec) }
}

async function deleteAudio(caller: Caller, key: string): Promise<void> {
  await speechStorage(caller.config)
    .audio.delete(key)
    .catch((error: unknown) => caller.report({ event: 'audio_not_deleted', ...describeFailure(error) }))
}

async function recordingFrom({ config }: Caller, row: Row): Promise<Recording> {
  const { id, codec: format, audioBytes: audio_bytes, durationMs: duration_ms, createdAt, expiresAt } = row
  const content_type = contentTypeOf[format]
  const audio = { key: row.r2Key, size: audio_bytes, type: content_type, isShared: false }
  return {
    id,
    ...(await signedAudio(config, id, audio)),
    content_type,
    format,
    audio_bytes,
    duration_ms,
    created_at: createdAt.toISOString(),
    expires_at: (expiresAt ?? createdAt).toISOString(),
  }
}
