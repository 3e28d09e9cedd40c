import { and, desc, eq, gt, sql, type SQL } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import { found } from '#src/db/rows.ts'
import { again, asUser, type Caller, type Db } from '#src/db/scope.ts'
import { claimedResource, claimFor, claimKey, isOurClaim, readClaim, refuseReusedKey } from '#src/http/idempotency.ts'
import { describeFailure } from '#src/http/log.ts'
import { pageFrom, readPosition, type PageQuery } from '#src/http/page.ts'
import { Problem } from '#src/http/problem.ts'
import { contentTypeOf } from '#src/speech/audio-format.ts'
import { requireTranscription, transcribe } from '#src/speech/transcription.ts'
import { reserveUsage, settleUsage } from '#src/usage/quota.ts'
import { openVault } from '#src/vault/open-vault.ts'
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
 * Two flights: nothing is taken in before it is known who sends it, and no transaction is open while it comes. The first leaves a
 * row that ends within the hour, so that the sweep finds whatever is left of an upload whose Worker died.
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
  const { userId } = await openVault(caller)
  const key = `${audioPrefixOf(userId)}r/${id}`
  await asUser(caller, (db) => [
    reserveUsage(db, config, { id: usageId, kind: 'stored_bytes', amount }),
    db.insert(voiceData).values({
      id,
      kind: 'recording',
      r2Key: key,
      audioBytes: 0,
      durationMs: 0,
      codec: 'wav',
      expiresAt: sql`now() + interval '1 hour'`,
    }),
  ])
  let taken: TakenRecording
  try {
    taken = await takeRecording(config, bucket, key, body)
  } catch (error) {
    await dropRecording(caller, { id, usageId, key })
    throw error
  }
  return await storeRecording(caller, { id, usageId, key, taken }, idempotencyKey)
}

interface Taking {
  readonly id: string
  readonly usageId: string
  readonly key: string
}

/** Lets go of an upload that came to nothing, bytes before row; the sweep does where this cannot. */
async function dropRecording(caller: Caller, { id, usageId, key }: Taking): Promise<void> {
  try {
    await speechStorage(caller.config).audio.delete(key)
    await asUser(caller, (db) => [db.delete(voiceData).where(eq(voiceData.id, id)), settleUsage(db, usageId, 0)])
  } catch (error) {
    caller.report({ event: 'recording_not_dropped', ...describeFailure(error) })
  }
}

/** The second flight. Flown again it finds what it did; where nobody knows whether it was heard, row and bytes stay as they are. */
async function storeRecording(
  caller: Caller,
  { taken: { format, bytes, durationMs, hash }, ...taking }: Taking & { readonly taken: TakenRecording },
  idempotencyKey: string | undefined,
): Promise<Recording> {
  const { id, usageId, key } = taking
  const claim = await claimFor(caller.config, idempotencyKey, id, ['recording', hash.toHex()])
  const [, , , , claims, rows] = await again(
    async () =>
      await asUser(caller, (db) => [
        claimKey(db, claim),
        db.delete(voiceData).where(and(eq(voiceData.id, id), eq(voiceData.audioBytes, 0), isOurClaim(claim))),
        db.execute(sql`
          insert into ${voiceData} (id, kind, r2_key, audio_bytes, duration_ms, codec, expires_at)
          select ${id}::uuid, 'recording', ${key}, ${bytes}, ${durationMs}, ${format},
            now() + make_interval(days => ${caller.config.RECORDING_DAYS})
          where ${isOurClaim(claim)} on conflict (id) do nothing`),
        db.execute(
          sql`select app.settle_usage(${usageId}, case when ${isOurClaim(claim)} then ${bytes}::int else 0 end)`,
        ),
        readClaim(db, claim),
        recordingNamed(db, claimedResource(claim)),
      ]),
  )
  const [row] = rows
  // The same was sent before, or something else: this copy is one too many.
  if (row?.id !== id) caller.defer(dropRecording(caller, taking))
  refuseReusedKey(claim, claims)
  return await recordingFrom(caller, found(rows))
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

// What is past its time is gone, whether or not the sweep has been there; what is being taken in is not there yet.
const isKept = and(
  sql`${voiceData.kind} = 'recording'`,
  gt(voiceData.expiresAt, sql`now()`),
  gt(voiceData.audioBytes, 0),
)

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
 * What was said in a recording, as the service that is configured hears it; it is kept nowhere here. It takes of a person's
 * seconds. Throws `not_found`, `quota_exceeded`, and what `transcribe` does.
 */
export async function transcribeRecording(caller: Caller, id: string): Promise<Transcript> {
  requireTranscription(caller.config)
  // A person's consent to this is asked for in this flight, once there are consents.
  const [rows] = await asUser(caller, (db) => [recordingNamed(db, id)])
  const { r2Key, codec, audioBytes, durationMs } = found(rows)
  const object = await speechStorage(caller.config)
    .audio.get(r2Key)
    .catch((error: unknown) => {
      throw new Problem('unavailable', 'The audio could not be read.', { cause: error })
    })
  if (object === null) throw new Problem('not_found')
  const usageId = uuidv7()
  const seconds = Math.ceil(durationMs / 1_000)
  // A flight of its own: only now is it known how long it is.
  await asUser(caller, (db) => [
    reserveUsage(db, caller.config, { id: usageId, kind: 'transcribed_seconds', amount: seconds }),
  ]).catch(async (error: unknown) => {
    await object.body.cancel()
    throw error
  })
  const settle = async (spent: number) =>
    await asUser(caller, (db) => [settleUsage(db, usageId, spent)]).catch((error: unknown) =>
      caller.report({ event: 'usage_not_settled', ...describeFailure(error) }),
    )
  try {
    const text = await transcribe(caller.config, { audio: object.body, bytes: audioBytes, format: codec })
    await settle(seconds)
    return { text }
  } catch (error) {
    // What was heard and not understood was paid for all the same.
    const isUnheard = error instanceof Problem && ['upstream_unavailable', 'speech_refused'].includes(error.code)
    await settle(isUnheard ? 0 : seconds)
    throw error
  }
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
