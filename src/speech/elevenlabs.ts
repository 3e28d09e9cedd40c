import { z } from 'zod'
import type { Config } from '#src/config.ts'
import { Problem } from '#src/http/problem.ts'
import { callVoice, mostAudioBytes, nonsense, readJson, readPieces } from '#src/speech/call.ts'
import type { SpeechFormat } from '#src/speech/audio-format.ts'
import type { SpeechProvider } from '#src/speech/port.ts'
import type { TimedCharacter } from '#src/speech/timing.ts'

const seconds = z.number().min(0)

const Alignment = z.object({
  characters: z.array(z.string()),
  character_start_times_seconds: z.array(seconds),
  character_end_times_seconds: z.array(seconds),
})

/** One line of the stream: a piece of audio, and when its characters sound, from the beginning of the whole. */
const Piece = z.object({ audio_base64: z.string().nullish(), alignment: Alignment.nullish().catch(null) })

const Voices = z.object({
  voices: z.array(
    z.object({
      voice_id: z.string(),
      name: z.string(),
      description: z.string().nullish(),
      category: z.string().nullish(),
    }),
  ),
})

const outputFormats: Readonly<Partial<Record<SpeechFormat, string>>> = {
  mp3: 'mp3_44100_128',
  opus: 'opus_48000_64',
}

// A base64 of the audio, and about as much again for each of its characters.
const mostStreamBytes = 2 * mostAudioBytes
const mostLineCharacters = 4_000_000
// Numbers and signs may be spelt out.
const mostCharactersPer = 20

/**
 * ElevenLabs, streamed with character timestamps:
 * https://elevenlabs.io/docs/api-reference/text-to-speech/stream-with-timestamps. `SPEECH_BASE_URL` is what stands before `/v1`.
 */
export function elevenLabsSpeech(config: Config): SpeechProvider {
  const model = config.SPEECH_MODEL ?? 'eleven_flash_v2_5'
  const headers = config.SPEECH_API_KEY === undefined ? {} : { 'xi-api-key': config.SPEECH_API_KEY }
  return {
    name: 'elevenlabs',
    formats: ['mp3', 'opus'],
    model,
    defaultVoice: '21m00Tcm4TlvDq8ikWAM',
    speak: async ({ text, voice, format, settings: { rate, ...settings } }, signal) => {
      // It stands in the path.
      if (!/^[\w-]{1,100}$/.test(voice)) throw new Problem('speech_refused', 'There is no such voice.')
      const path = `/v1/text-to-speech/${encodeURIComponent(voice)}/stream/with-timestamps?output_format=${outputFormats[format]}`
      const body = {
        text,
        model_id: model,
        // Faster or slower than this it refuses.
        voice_settings: { ...settings, speed: Math.min(1.2, Math.max(0.7, rate)) },
      }
      const response = await callVoice(config, { path, headers, body, signal })
      const characters: TimedCharacter[] = []
      return {
        audio: readAudio(config, response, characters, mostCharactersPer * text.length + 1_000),
        timing: () => (characters.length === 0 ? undefined : { kind: 'characters', characters }),
      }
    },
    voices: async () => {
      const found = Voices.safeParse(
        await readJson(config, await callVoice(config, { path: '/v2/voices?page_size=100', headers })),
      )
      if (!found.success) throw nonsense('no list of voices', found.error)
      return (
        found.data.voices
          .map(({ voice_id: id, name, description = null, category }) => ({ id, name, description, category }))
          // What the account cloned is nobody's to hear of, unless the configuration names it.
          .filter(({ id, category }) => category === 'premade' || config.SPEECH_VOICES.includes(id))
          .map(({ id, name, description }) => ({ id, name, description }))
      )
    },
  }
}

async function* readAudio(
  config: Config,
  response: Response,
  characters: TimedCharacter[],
  mostCharacters: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for await (const line of readLines(config, response)) {
    const { audio, alignment } = parsePiece(line)
    if (alignment !== null) characters.push(...charactersOf(alignment))
    if (characters.length > mostCharacters) throw nonsense('more characters than were to be spoken')
    if (audio !== undefined) yield audio
  }
}

async function* readLines(config: Config, response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest: string[] = []
  let length = 0
  for await (const piece of readPieces(config, response, mostStreamBytes)) {
    const [first = '', ...lines] = decoder.decode(piece, { stream: true }).split('\n')
    rest.push(first)
    length += first.length
    if (length > mostLineCharacters) throw nonsense('a line without an end')
    if (lines.length === 0) continue
    const last = lines.pop() ?? ''
    yield* [rest.join(''), ...lines].filter((line) => line.trim() !== '')
    rest = [last]
    length = last.length
  }
  if (rest.join('').trim() !== '') yield rest.join('')
}

function parsePiece(line: string) {
  try {
    const { audio_base64: base64, alignment } = Piece.parse(JSON.parse(line))
    const hasAudio = base64 !== null && base64 !== undefined && base64 !== ''
    return { audio: hasAudio ? Uint8Array.fromBase64(base64) : undefined, alignment: alignment ?? null }
  } catch (error) {
    throw nonsense('a line is no piece of speech', error)
  }
}

const charactersOf = (alignment: z.output<typeof Alignment>): TimedCharacter[] =>
  alignment.characters.map((text, at) => ({
    text,
    startMs: (alignment.character_start_times_seconds[at] ?? 0) * 1_000,
    endMs: (alignment.character_end_times_seconds[at] ?? 0) * 1_000,
  }))
