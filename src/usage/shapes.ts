import { z } from '@hono/zod-openapi'
import { momentField } from '#src/http/fields.ts'

const Amounts = z.strictObject({
  spent: z.int(),
  reserved: z.int().openapi({ description: 'What is being made just now may take so much.' }),
  limit: z.int().openapi({ description: 'What may be spent and reserved in a day.' }),
})

const dayField = z.iso.date().openapi({ description: 'A day in UTC.' })

/** What a person used of what costs money: today beside the limits, and the days before. */
export const Usage = z
  .strictObject({
    day: dayField,
    resets_at: momentField,
    llm_tokens: Amounts,
    speech_characters: Amounts,
    stored_bytes: Amounts,
    days: z.array(
      z.strictObject({ day: dayField, llm_tokens: z.int(), speech_characters: z.int(), stored_bytes: z.int() }),
    ),
  })
  .openapi('Usage')
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
