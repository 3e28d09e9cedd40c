import { z } from '@hono/zod-openapi'
import { idField, momentField, spokenField, textField } from '#src/http/fields.ts'
import { PageQuery, pageOf } from '#src/http/page.ts'
import { audioFormats, speechFormats } from '#src/speech/audio-format.ts'
import { expressions } from '#src/speech/spoken-line.ts'
import { visemes } from '#src/speech/track.ts'

const formatField = z.enum(speechFormats).openapi({
  description: 'Where none is named, what the vendor makes best. AVPlayer plays no `opus` (Opus in Ogg).',
})

/** What to say, in a persona's voice or in one of the vendor's. */
export const SpeechInput = z
  .strictObject({
    text: spokenField(3_000).openapi({
      description:
        'As it was written: Markdown, emoji and stage directions (`*smiles*`) are not spoken, and become emotions where they are any.',
    }),
    persona_id: idField.optional(),
    voice: textField({ max: 100 }).optional(),
    format: formatField.optional(),
  })
  .refine(
    (input) => (input.persona_id === undefined) !== (input.voice === undefined),
    'must name a persona_id or a voice',
  )
  .openapi('SpeechInput', {
    example: { text: '*smiles* Good evening, little star.', persona_id: '0198f000-0000-7000-8000-000000000001' },
  })
export type SpeechInput = z.output<typeof SpeechInput>

const ms = z.int().min(0)
const weight = z.number().min(0).max(1)

const Word = z.strictObject({ t: ms, d: ms, text: z.string() })
const VisemeCue = z.strictObject({ t: ms, d: ms, v: z.enum(visemes), w: weight })
const EmotionCue = z.strictObject({ t: ms, expression: z.enum(expressions), weight })

const trackShape = {
  text: z.string().openapi({ description: 'What is spoken of the text.' }),
  words: z
    .array(Word)
    .openapi({ description: 'When each word begins (`t`) and how long it lasts (`d`), in milliseconds.' }),
  visemes: z.array(VisemeCue).openapi({
    description: 'The shape of the mouth (VRM, and `sil` for a closed one) and how open it is, without a gap.',
  }),
  emotions: z.array(EmotionCue).openapi({ description: 'The expression (VRM) from `t` on, until the next one.' }),
  source: z.enum(['provider', 'aligned', 'estimated']).openapi({
    description:
      '`provider`: the vendor says when each character sounds; `aligned`: when each sound does, and words are laid over them; `estimated`: by the text and the exact length of the audio.',
  }),
}

/** What an avatar does while a line is heard. */
export const Track = z.strictObject(trackShape)
export type Track = z.output<typeof Track>

const playable = {
  id: idField,
  audio_url: z.string().openapi({
    description:
      'Plays in an `<audio>` element without a credential, until it expires. A `data:` URL where the store is away.',
  }),
  audio_url_expires_at: momentField,
  content_type: z.string(),
  audio_bytes: z.int(),
  duration_ms: z.int(),
}

/** Spoken audio and what an avatar does while it is heard, in one. */
export const Speech = z.strictObject({ ...playable, ...trackShape, cache: z.enum(['hit', 'miss']) }).openapi('Speech', {
  example: {
    id: '01a20b62-e3cd-7000-8000-000000000001',
    audio_url: 'https://api.example.com/voice/audio/01a20b62-e3cd-7000-8000-000000000001?token=eyJhbGciOiJkaXIi',
    audio_url_expires_at: '2026-01-31T13:00:00.000Z',
    content_type: 'audio/wav',
    audio_bytes: 30_764,
    duration_ms: 960,
    text: 'Good evening.',
    words: [
      { t: 40, d: 260, text: 'Good' },
      { t: 300, d: 560, text: 'evening.' },
    ],
    visemes: [
      { t: 0, d: 110, v: 'sil', w: 0 },
      { t: 110, d: 190, v: 'ou', w: 0.7 },
      { t: 300, d: 560, v: 'ee', w: 0.6 },
      { t: 860, d: 100, v: 'sil', w: 0 },
    ],
    emotions: [{ t: 0, expression: 'happy', weight: 1 }],
    source: 'aligned',
    cache: 'miss',
  },
})
export type Speech = z.output<typeof Speech>

export const AudioQuery = z.strictObject({ token: z.string().max(2_000) })

/** A voice that may be named as `voice`. */
const Voice = z.strictObject({ id: z.string(), name: z.string(), description: z.string().nullable() })

/** The voices of the vendor that is configured. */
export const VoiceCatalogue = z
  .strictObject({
    provider: z.enum(['elevenlabs', 'openai', 'offline']),
    default_voice: z.string(),
    formats: z.array(z.enum(speechFormats)).openapi({ description: 'The first is made where none is asked for.' }),
    items: z.array(Voice),
  })
  .openapi('VoiceCatalogue', {
    example: {
      provider: 'openai',
      default_voice: 'alloy',
      formats: ['mp3', 'wav', 'opus'],
      items: [{ id: 'nova', name: 'nova', description: null }],
    },
  })
export type VoiceCatalogue = z.output<typeof VoiceCatalogue>

/** What the OpenAI API asks for speech with; what is not named here counts for nothing. */
export const OpenAiSpeechRequest = z
  .object({
    model: z.string().max(200),
    input: spokenField(3_000),
    voice: z
      .union([textField({ max: 100 }), z.strictObject({ id: textField({ max: 100 }) }).transform(({ id }) => id)])
      .openapi({
        description: 'A persona by id or, for one that everybody has, by slug; or a voice of the catalogue.',
      }),
    response_format: z.enum(['mp3', 'opus', 'aac', 'flac', 'wav', 'pcm']).nullish(),
    speed: z.literal(1).nullish().openapi({ description: 'A persona has its own pace.' }),
    stream_format: z.literal('audio').nullish(),
  })
  .openapi('OpenAiSpeechRequest', {
    example: { model: 'tts-1', input: 'Good evening.', voice: 'fuka', response_format: 'mp3' },
  })
export type OpenAiSpeechRequest = z.output<typeof OpenAiSpeechRequest>

/** What a person said, as it was recorded. */
export const Recording = z
  .strictObject({
    ...playable,
    format: z.enum(audioFormats),
    created_at: momentField,
    expires_at: momentField.openapi({ description: 'When it is deleted.' }),
  })
  .openapi('Recording', {
    example: {
      id: '01a20b62-e3cd-7000-8000-000000000002',
      audio_url: 'https://api.example.com/voice/audio/01a20b62-e3cd-7000-8000-000000000002?token=eyJhbGciOiJkaXIi',
      audio_url_expires_at: '2026-01-31T13:00:00.000Z',
      content_type: 'audio/webm',
      audio_bytes: 18_204,
      duration_ms: 2_340,
      format: 'webm',
      created_at: '2026-01-31T12:00:00.000Z',
      expires_at: '2026-03-02T12:00:00.000Z',
    },
  })
export type Recording = z.output<typeof Recording>

export const RecordingPage = pageOf(Recording).openapi('RecordingPage')
export type RecordingPage = z.output<typeof RecordingPage>
export const RecordingQuery = PageQuery

/** What was said in a recording. */
export const Transcript = z
  .strictObject({ text: z.string() })
  .openapi('Transcript', { example: { text: 'How was your day?' } })
export type Transcript = z.output<typeof Transcript>
