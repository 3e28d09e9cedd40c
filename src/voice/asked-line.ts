import { sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import type { Config } from '#src/config.ts'
import { rowOf } from '#src/db/rows.ts'
import { again, asUser, type Caller } from '#src/db/scope.ts'
import { Problem } from '#src/http/problem.ts'
import { speechFormats, type SpeechFormat } from '#src/speech/audio-format.ts'
import type { SpeechProvider, VoiceSettings } from '#src/speech/port.ts'
import { speechProvider } from '#src/speech/provider.ts'
import { spokenLine, type SpokenLine } from '#src/speech/spoken-line.ts'
import { limitsOf } from '#src/usage/quota.ts'
import { openVault } from '#src/vault/open-vault.ts'
import type { OpenAiSpeechRequest, SpeechInput } from '#src/voice/shapes.ts'

const algorithm = 'speech/2'
const utf8 = new TextEncoder()

/** How long a line is kept for whoever has it spoken, after they were last heard of. */
export const leaseSeconds = 30

// 48 kB a second, and hardly anybody speaks slower than six characters in one.
const bytesPerCharacter = 8_000

/** A line that somebody wants to hear, before it is known whether it was spoken before. */
export interface AskedLine {
  readonly provider: SpeechProvider
  readonly line: SpokenLine
  readonly format: SpeechFormat
  /** A persona by id or slug, or a voice of the vendor's; where it is both, the persona. */
  readonly speaker: Speaker
  /** Of vendor, format and text: by the person's own key, by none, and of the text as it was written. */
  readonly hashes: { readonly own: Uint8Array; readonly shared: Uint8Array; readonly written: Uint8Array | null }
  /** The audio's id if this request makes it, which is also the name of its lease. */
  readonly id: string
  readonly usage: { readonly characters: string; readonly bytes: string }
}

/** Who is to speak. */
interface Speaker {
  readonly persona: string | null
  readonly voice: string | null
}

/** What somebody wants to hear, and from whom. */
export interface Wish {
  readonly text: string
  readonly speaker: Speaker
  readonly format: SpeechFormat | undefined
}

/** Who a request of the service's own dialect wants to hear, and what. */
export const wishOf = ({ text, persona_id: persona, voice, format }: SpeechInput): Wish => ({
  text,
  speaker: { persona: persona ?? null, voice: voice ?? null },
  format,
})

/**
 * The same of the OpenAI dialect. A format that was not asked for is the vendor's best. Throws `speech_refused` for one that no
 * vendor here makes.
 */
export function openAiWishOf({ input, voice, response_format: format }: OpenAiSpeechRequest): Wish {
  const known = speechFormats.find((one) => one === format)
  if (known === undefined && typeof format === 'string') {
    throw new Problem('speech_refused', `The formats are ${speechFormats.join(', ')}.`)
  }
  return { text: input, speaker: { persona: voice, voice }, format: known }
}

/**
 * What a request wants to hear. It costs no flight where the isolate holds the person's key. Throws `speech_refused` where
 * nothing of the text can be spoken or the vendor does not make the format, `not_configured`, and what `openVault` throws.
 */
export async function askedLine(caller: Caller, wish: Wish): Promise<AskedLine> {
  const provider = speechProvider(caller.config)
  const line = spokenLine(wish.text)
  if (line.text === '') throw new Problem('speech_refused', 'There is nothing to say in this text.')
  const format = wish.format ?? provider.formats[0]
  if (!provider.formats.includes(format)) {
    throw new Problem('speech_refused', `This voice makes ${provider.formats.join(', ')}.`)
  }
  const speaker = allowedSpeaker(caller.config, wish.speaker)
  const { SPEECH_BASE_URL: from, SPEECH_VOICE_REVISION: revision } = caller.config
  // Emotions are of the track, and so of the line: the same words are another line with another cue.
  const named = JSON.stringify([algorithm, provider.name, from, provider.model, revision, format, line.text, line.cues])
  const vault = await openVault(caller)
  return {
    provider,
    line,
    format,
    speaker,
    hashes: {
      own: await vault.nameOf(named),
      shared: await sha256(named),
      written:
        wish.speaker.persona === null ? null : await sha256(wish.text.replaceAll(/^[ \t\r\n]+|[ \t\r\n]+$/g, '')),
    },
    id: uuidv7(),
    usage: { characters: uuidv7(), bytes: uuidv7() },
  }
}

// A name that may be a persona's is looked up as one, and then no more.
function allowedSpeaker({ SPEECH_VOICES: voices }: Config, { persona, voice }: Speaker): Speaker {
  if (voice === null || voices.length === 0 || voices.includes(voice)) return { persona, voice }
  if (persona === null) throw new Problem('speech_refused', 'There is no such voice.')
  return { persona, voice: null }
}

const sha256 = async (text: string) => new Uint8Array(await crypto.subtle.digest('SHA-256', utf8.encode(text)))

/** A persona's settings are its author's: what makes no sense counts as not said. */
const part = z.number().min(0).max(1).optional().catch(undefined)
const Settings = z
  .object({
    rate: z.number().min(0.5).max(2).default(1).catch(1),
    stability: part,
    similarity_boost: part,
    style: part,
  })
  .transform((settings): VoiceSettings => settings)

const Codec = z.enum(speechFormats)

const Claimed = z.object({
  voice: z.string(),
  settings: Settings,
  cache_key: z.instanceof(Uint8Array),
  is_shared: z.boolean(),
  persona_id: z.uuid().nullable(),
})

const Claim = z.discriminatedUnion('state', [
  z.object({
    state: z.literal('cached'),
    id: z.uuid(),
    r2_key: z.string(),
    audio_bytes: z.int(),
    duration_ms: z.int(),
    codec: Codec,
    ...Claimed.shape,
  }),
  z.object({ state: z.literal('ours'), ...Claimed.shape }),
  z.object({ state: z.literal('busy'), ...Claimed.shape }),
])

/** A line that was spoken before, one that is ours to speak, or one that another request is having spoken. */
export type Claim = z.output<typeof Claim>
export type CachedLine = Claim & { readonly state: 'cached' }
export type ClaimedLine = Claim & { readonly state: 'ours' }

/** Audio that the stores do not hold as its row says; whether it was counted as heard, and that is to be taken back. */
export interface BrokenAudio {
  readonly id: string
  readonly wasCounted: boolean
}

/**
 * Authenticates, and finds the line or claims it, in one flight; for one that is claimed, what speaking it may take of the day
 * is set aside. Throws `not_found` for a hidden persona and `quota_exceeded`.
 */
export async function claimLine(caller: Caller, asked: AskedLine, broken?: BrokenAudio): Promise<Claim> {
  const { config } = caller
  const { hashes, usage, provider } = asked
  const limits = limitsOf(config)
  const characters = asked.line.text.length
  const [answer] = await again(
    async () =>
      await asUser(caller, (db) => [
        db.execute(sql`select * from app.open_speech(${asked.speaker.persona}, ${asked.speaker.voice}, ${provider.name},
          ${config.SPEECH_VOICE ?? provider.defaultVoice}, ${hashes.own}::bytea, ${hashes.shared}::bytea, ${hashes.written}::bytea, ${asked.id},
          ${leaseSeconds}, ${usage.characters}, ${usage.bytes}, ${characters}, ${characters * bytesPerCharacter},
          ${limits.speech_characters}, ${limits.stored_bytes}, ${broken?.id ?? null}, ${broken?.wasCounted ?? false},
          ${sql.param(config.SPEECH_VOICES)}::text[])`),
      ]),
  )
  return rowOf(Claim, answer)
}

/** Holds the lease for longer. */
export async function keepLease(caller: Caller, { id }: AskedLine, { cache_key: key }: ClaimedLine): Promise<void> {
  await asUser(caller, (db) => [db.execute(sql`select app.keep_speech_lease(${key}::bytea, ${id}, ${leaseSeconds})`)])
}

/** Gives the lease back for a line of which nothing is kept; `characters` is what it took all the same. */
export async function dropLine(
  caller: Caller,
  { id, usage }: AskedLine,
  { cache_key: key }: ClaimedLine,
  characters: number,
): Promise<void> {
  await asUser(caller, (db) => [
    db.execute(sql`select app.drop_speech(${key}::bytea, ${id}, ${usage.characters}, ${usage.bytes}, ${characters})`),
  ])
}

interface StoredAudio {
  readonly bytes: number
  readonly durationMs: number
}

/**
 * Says where the line's audio lies and what it took. Returns where the audio lay that it replaces, or, where another request has
 * taken the line over, this audio's own place. Flown again it does nothing more.
 */
export async function storeLine(
  caller: Caller,
  { id, usage, line, format, provider }: AskedLine,
  { cache_key: key, is_shared: isShared, persona_id: personaId, voice }: ClaimedLine,
  { bytes, durationMs }: StoredAudio,
): Promise<string | null> {
  const [answer] = await again(
    async () =>
      await asUser(caller, (db) => [
        db.execute(sql`select app.store_speech(${key}::bytea, ${isShared}, ${personaId}, ${id}, ${usage.characters},
          ${usage.bytes}, ${line.text.length}, ${id}, ${bytes}, ${durationMs}, ${format}, ${voice}, ${provider.name},
          ${caller.config.SPEECH_CACHE_BYTES}) as replaced`),
      ]),
  )
  return rowOf(z.object({ replaced: z.string().nullable() }), answer).replaced
}
