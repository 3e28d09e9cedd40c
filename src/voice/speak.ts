import { eq, sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import type { JsonObject } from '#src/db/columns.ts'
import { found } from '#src/db/rows.ts'
import { asUser, sessionOf, type Caller, type Db } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import { Problem } from '#src/http/problem.ts'
import { personas } from '#src/personas/tables.ts'
import type { SpeechProvider, SpeechRequest } from '#src/speech/port.ts'
import { speechProvider } from '#src/speech/provider.ts'
import { reserveUsage, settleUsage } from '#src/usage/quota.ts'
import { openVault } from '#src/vault/open-vault.ts'
import { issueSealedToken } from '#src/vault/sealed-token.ts'
import { audioKeyOf, findCached, forget, remember, speechStorage } from '#src/voice/speech-cache.ts'
import type { IndexEntry, Speech, SpeechInput } from '#src/voice/shapes.ts'
import { voiceData } from '#src/voice/tables.ts'

const algorithm = 'speech/1'

/**
 * Speaks a text and answers where to hear it. What was spoken before for this person costs no provider call. Throws
 * `not_found` for a hidden persona, `speech_refused`, `quota_exceeded`, `upstream_unavailable`, `upstream_nonsense`, `deadline_exceeded`.
 *
 * A hit takes one flight, which authenticates and brings the voice. A miss takes two more: only now is it known that it
 * costs something, which is set aside first; and nothing is open while the provider works.
 */
export async function speak(caller: Caller, input: SpeechInput): Promise<Speech> {
  const provider = speechProvider(caller.config)
  const request = await speechRequest(caller, provider, input)
  const vault = await openVault(caller)
  const cacheKey = await vault.nameOf(
    JSON.stringify([algorithm, provider.name, request.voice, request.rate, 'wav', request.text]),
  )
  const cached = await findCached(caller.config, sessionOf(caller).userId, cacheKey)
  if (cached !== undefined) return await speechFrom(caller, cached, 'hit')
  const entry = await synthesise(caller, provider, request, cacheKey)
  return await speechFrom(caller, entry, 'miss')
}

/** A persona's voice has a name of its own with each vendor. */
const VoiceConfig = z.object({
  voices: z.record(z.string(), z.string()).optional(),
  rate: z.number().min(0.5).max(2).optional(),
})

async function speechRequest(caller: Caller, provider: SpeechProvider, input: SpeechInput): Promise<SpeechRequest> {
  const text = normalised(input.text)
  const { persona_id: personaId } = input
  if (personaId === undefined) {
    await asUser(caller, () => [])
    return { text, voice: input.voice ?? provider.defaultVoice, rate: 1 }
  }
  const [rows] = await asUser(caller, (db) => [
    db.select({ voiceConfig: personas.voiceConfig }).from(personas).where(eq(personas.id, personaId)),
  ])
  const { voices, rate = 1 } = voiceOf(found(rows).voiceConfig)
  return { text, voice: voices?.[provider.name] ?? provider.defaultVoice, rate }
}

const voiceOf = (config: JsonObject) => VoiceConfig.safeParse(config).data ?? {}

const normalised = (text: string) => text.normalize('NFC').replaceAll(/\s+/g, ' ').trim()

// 48 kB a second, and hardly anybody speaks slower than six characters in one.
const bytesPerCharacter = 8_000

interface SpeechUsage {
  readonly characters: string
  readonly bytes: string
}

/** Sets aside what speaking a text may take of the day. Throws `quota_exceeded`. */
async function reserve(caller: Caller, text: string): Promise<SpeechUsage> {
  const usage = { characters: uuidv7(), bytes: uuidv7() }
  await asUser(caller, (db) => [
    reserveUsage(db, caller.config, { id: usage.characters, kind: 'speech_characters', amount: text.length }),
    reserveUsage(db, caller.config, { id: usage.bytes, kind: 'stored_bytes', amount: text.length * bytesPerCharacter }),
  ])
  return usage
}

const settle = (db: Db, usage: SpeechUsage, characters: number, bytes: number) =>
  [settleUsage(db, usage.characters, characters), settleUsage(db, usage.bytes, bytes)] as const

async function synthesise(
  caller: Caller,
  provider: SpeechProvider,
  request: SpeechRequest,
  cacheKey: Uint8Array,
): Promise<IndexEntry> {
  const { audio: bucket } = speechStorage(caller.config)
  const usage = await reserve(caller, request.text)
  const id = uuidv7()
  const { userId } = sessionOf(caller)
  const spoken = await provider
    .synthesise(request)
    .catch(async (error: unknown) => await unsettled(caller, usage, 0, error))
  const r2Key = audioKeyOf(userId, id)
  const entry = { id, r2_key: r2Key, audio_bytes: spoken.audio.length, duration_ms: spoken.durationMs }
  const paid = async (reason: unknown) => await unsettled(caller, usage, request.text.length, reason)
  await store(bucket, r2Key, spoken.audio).catch(paid)
  // The entry comes before the row: once the row is refused because the account has ended, both stores are cleaned.
  await remember(caller.config, userId, cacheKey, entry).catch(paid)
  const row = { id, r2Key, audioBytes: entry.audio_bytes, durationMs: entry.duration_ms }
  try {
    await asUser(caller, (db) => [
      db
        .insert(voiceData)
        .values({
          ...row,
          kind: 'speech',
          cacheKey,
          codec: spoken.codec,
          voice: request.voice,
          provider: provider.name,
        })
        // Two requests for one line at once: the later row replaces the earlier, whose bytes go with the account.
        .onConflictDoUpdate({
          target: [voiceData.userId, voiceData.cacheKey],
          set: { ...row, createdAt: sql`now()` },
        }),
      ...settle(db, usage, request.text.length, entry.audio_bytes),
    ])
  } catch (error) {
    // Only a refusal says that the row is not there; bytes that no row knows go with the account.
    if (error instanceof Problem && error.code === 'unauthenticated') {
      caller.defer(forget(caller, userId, cacheKey, r2Key))
    }
    throw error
  }
  return entry
}

/** Says what a synthesis took of which nothing is kept, and throws what was in its way. The sweep does where this cannot. */
async function unsettled(caller: Caller, usage: SpeechUsage, characters: number, reason: unknown): Promise<never> {
  await asUser(caller, (db) => settle(db, usage, characters, 0)).catch((failure: unknown) =>
    caller.report({ event: 'usage_not_settled', ...describeFailure(failure) }),
  )
  throw reason
}

async function store(bucket: R2Bucket, r2Key: string, audio: Uint8Array): Promise<void> {
  try {
    await bucket.put(r2Key, audio, { httpMetadata: { contentType: 'audio/wav' } })
  } catch (error) {
    throw new Problem('unavailable', 'The audio could not be stored.', { cause: error })
  }
}

async function speechFrom(caller: Caller, entry: IndexEntry, cache: Speech['cache']): Promise<Speech> {
  const lifetimeSeconds = caller.config.AUDIO_URL_SECONDS
  const token = await issueSealedToken(caller.config, 'audio', { key: entry.r2_key }, lifetimeSeconds)
  return {
    id: entry.id,
    audio_url: `${caller.config.PUBLIC_ORIGIN ?? ''}/voice/audio/${entry.id}?token=${token}`,
    audio_url_expires_at: new Date(Date.now() + lifetimeSeconds * 1_000).toISOString(),
    content_type: 'audio/wav',
    audio_bytes: entry.audio_bytes,
    duration_ms: entry.duration_ms,
    cache,
  }
}
