import { z } from '@hono/zod-openapi'
import { idField, momentField, spokenField, textField } from '#src/http/fields.ts'

/** What to say, in a persona's voice or in one of the vendor's. */
export const SpeechInput = z
  .strictObject({
    text: spokenField(3_000),
    persona_id: idField.optional(),
    voice: textField({ max: 100 }).optional(),
    format: z.enum(['wav']).optional(),
  })
  .refine(
    (input) => (input.persona_id === undefined) !== (input.voice === undefined),
    'must name a persona_id or a voice',
  )
  .openapi('SpeechInput')
export type SpeechInput = z.output<typeof SpeechInput>

/** Spoken audio. `audio_url` plays in an `<audio>` element until `audio_url_expires_at`, without a credential. */
export const Speech = z
  .strictObject({
    id: idField,
    audio_url: z.string(),
    audio_url_expires_at: momentField,
    content_type: z.literal('audio/wav'),
    audio_bytes: z.int(),
    duration_ms: z.int(),
    cache: z.enum(['hit', 'miss']),
  })
  .openapi('Speech')
export type Speech = z.output<typeof Speech>

export const AudioQuery = z.strictObject({ token: z.string().max(2_000) })

/** What the KV index keeps of one cached line: where its bytes are, and none of its words. */
export const IndexEntry = z.strictObject({
  id: z.uuid(),
  r2_key: z.string(),
  audio_bytes: z.int(),
  duration_ms: z.int(),
})
export type IndexEntry = z.output<typeof IndexEntry>
