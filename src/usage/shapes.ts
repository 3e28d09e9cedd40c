import { z } from '@hono/zod-openapi'
import { momentField } from '#src/http/fields.ts'

const Amounts = z.strictObject({
  spent: z.int(),
  reserved: z.int().openapi({ description: 'What is being made just now may take so much.' }),
  limit: z.int().openapi({ description: 'What may be spent and reserved in a day.' }),
})

const SpeechCache = z
  .strictObject({
    hits: z.int(),
    characters: z.int().openapi({ description: 'What the voice would have been asked to speak once more.' }),
    saved_usd: z.number().nullable().openapi({
      description:
        'By SPEECH_USD_PER_MILLION, what the vendor takes for a million characters; null where that is not set.',
    }),
  })
  .openapi({ description: 'What was heard again, and asked nobody, in the days that are listed.' })

const dayField = z.iso.date().openapi({ description: 'A day in UTC.' })

/** What a person used of what costs money: today beside the limits, and the days before. */
export const Usage = z
  .strictObject({
    day: dayField,
    resets_at: momentField,
    llm_tokens: Amounts,
    speech_characters: Amounts,
    transcribed_seconds: Amounts,
    stored_bytes: Amounts,
    speech_cache: SpeechCache,
    days: z.array(
      z.strictObject({
        day: dayField,
        llm_tokens: z.int(),
        speech_characters: z.int(),
        transcribed_seconds: z.int(),
        stored_bytes: z.int(),
        speech_cache_hits: z.int(),
      }),
    ),
  })
  .openapi('Usage', {
    example: {
      day: '2026-11-26',
      resets_at: '2026-11-27T00:00:00.000Z',
      llm_tokens: { spent: 12_840, reserved: 0, limit: 1_000_000 },
      speech_characters: { spent: 512, reserved: 0, limit: 100_000 },
      transcribed_seconds: { spent: 41, reserved: 0, limit: 3_600 },
      stored_bytes: { spent: 1_622_316, reserved: 0, limit: 500_000_000 },
      speech_cache: { hits: 9, characters: 1_204, saved_usd: 0.01806 },
      days: [
        {
          day: '2026-11-26',
          llm_tokens: 12_840,
          speech_characters: 512,
          transcribed_seconds: 41,
          stored_bytes: 1_622_316,
          speech_cache_hits: 9,
        },
      ],
    },
  })
export type Usage = z.output<typeof Usage>

/** How many days back. */
export const UsageQuery = z.strictObject({
  days: z.coerce
    .number()
    .int()
    .min(1)
    .max(366)
    .default(30)
    .openapi({ description: 'How many days, today among them.' }),
})
export type UsageQuery = z.output<typeof UsageQuery>
