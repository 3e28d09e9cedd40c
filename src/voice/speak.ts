import { eq, sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import type { JsonObject } from '#src/db/columns.ts'
import { found } from '#src/db/rows.ts'
import { asUser, sessionOf, type Caller } from '#src/db/scope.ts'
import { Problem } from '#src/http/problem.ts'
import { personas } from '#src/personas/tables.ts'
import type { SpeechProvider, SpeechRequest } from '#src/speech/port.ts'
import { speechProvider } from '#src/speech/provider.ts'
import { openVault } from '#src/vault/open-vault.ts'
import { issueSealedToken } from '#src/vault/sealed-token.ts'
import { audioKeyOf, findCached, forget, remember, speechStorage } from '#src/voice/speech-cache.ts'
import type { IndexEntry, Speech, SpeechInput } from '#src/voice/shapes.ts'
import { voiceData } from '#src/voice/tables.ts'

const algorithm = 'speech/1'

/**
 * Speaks a text and answers where to hear it. What was spoken before for this person costs no provider call. Throws
 * `not_found` for a hidden persona, `speech_refused`, `upstream_unavailable`, `upstream_nonsense`, `deadline_exceeded`.
 *
 * A hit takes one flight, which authenticates and brings the voice; a miss a second one, since nothing is open while
 * the provider works.
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

async function synthesise(
  caller: Caller,
  provider: SpeechProvider,
  request: SpeechRequest,
  cacheKey: Uint8Array,
): Promise<IndexEntry> {
  const { audio: bucket } = speechStorage(caller.config)
  const spoken = await provider.synthesise(request)
  const id = uuidv7()
  const { userId } = sessionOf(caller)
  const r2Key = audioKeyOf(userId, id)
  const entry = { id, r2_key: r2Key, audio_bytes: spoken.audio.length, duration_ms: spoken.durationMs }
  await store(bucket, r2Key, spoken.audio)
  // The entry comes before the row: once the row is refused because the account has ended, both stores are cleaned.
  await remember(caller.config, userId, cacheKey, entry)
  try {
    await asUser(caller, (db) => [
      db
        .insert(voiceData)
        .values({
          id,
          kind: 'speech',
          r2Key,
          cacheKey,
          audioBytes: entry.audio_bytes,
          durationMs: entry.duration_ms,
          codec: spoken.codec,
          voice: request.voice,
          provider: provider.name,
        })
        // Two requests for one line at once: the later row replaces the earlier, whose bytes go with the account.
        .onConflictDoUpdate({
          target: [voiceData.userId, voiceData.cacheKey],
          set: { id, r2Key, audioBytes: entry.audio_bytes, durationMs: entry.duration_ms, createdAt: sql`now()` },
        }),
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
