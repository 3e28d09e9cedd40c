import { z } from '@hono/zod-openapi'
import type { JsonObject, JsonValue } from '#src/db/columns.ts'

const isStorable = (text: string) => text.isWellFormed() && !text.includes('\0')

/** A text that PostgreSQL stores byte for byte: trimmed, bounded in characters, no NUL and no lone surrogate. */
export function textField(options: { min?: number; max: number }) {
  return z
    .string()
    .trim()
    .min(options.min ?? 1)
    .max(options.max)
    .refine(isStorable, 'must not hold NUL or a lone surrogate')
}

/** What somebody said: kept as it is, surrounding white space included. */
export function spokenField(max: number) {
  return z
    .string()
    .max(max)
    .refine((text) => text.trim() !== '', 'must not be blank')
    .refine(isStorable, 'must not hold NUL or a lone surrogate')
}

/** A UUID in canonical lower case. */
export const idField = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, 'must be a canonical UUID')
  .openapi({ format: 'uuid' })

export const IdParams = z.strictObject({ id: idField })

/** A moment on the wire: RFC 3339, UTC. */
export const momentField = z.string().openapi({ format: 'date-time', example: '2026-01-31T12:00:00.000Z' })

/** A calendar date (`YYYY-MM-DD`) that exists. */
export const dateField = z.iso.date().refine((text) => text >= '1900-01-01', 'must be a date since 1900')

/** An IANA time zone that this runtime knows. */
export const timeZoneField = z
  .string()
  .max(64)
  .refine(
    (name) => /^[A-Za-z]/.test(name) && isKnown(() => new Intl.DateTimeFormat('en', { timeZone: name })),
    'must be an IANA time zone',
  )

/** A BCP 47 language tag. */
export const languageField = z
  .string()
  .max(35)
  .refine((tag) => isKnown(() => Intl.getCanonicalLocales(tag)), 'must be a BCP 47 language tag')

/** A link to show, never fetched by the service: https, with a host name, without credentials. */
export const linkField = z
  .url({ protocol: /^https$/, hostname: /^(?=.*[a-z])[a-z0-9-]+(\.[a-z0-9-]+)+$/i })
  .max(2_048)
  .refine(isStorable)
  .refine(
    (text) => isKnown(() => new URL(text)) && new URL(text).username === '' && new URL(text).password === '',
    'must not hold credentials',
  )

const JsonValue: z.ZodType<JsonValue> = z.lazy(() =>
  z.union([z.string().refine(isStorable), z.number(), z.boolean(), z.null(), z.array(JsonValue), JsonRecord]),
)
const JsonRecord: z.ZodType<JsonObject> = z.lazy(() => z.record(z.string().max(200).refine(isStorable), JsonValue))

/** Whether PostgreSQL stores a JSON value as it is: no deeper than 10, no NUL and no lone surrogate in it. */
export const isStorableJson = (value: unknown): boolean => !isDeeper(value, 10) && JsonValue.safeParse(value).success

// What is too long is looked at no further.
const first = (error: string) => ({ error, abort: true })

/** A small JSON object of the client's own: at most 10 levels and 100 names, 16,000 characters. */
export const jsonObjectField = z
  .custom<JsonObject>((value) => typeof value === 'object' && value !== null && !Array.isArray(value))
  .refine((value) => JSON.stringify(value).length <= 16_000, first('must not be longer than 16,000 characters'))
  .refine((value) => !isDeeper(value, 10), first('must not be nested deeper than 10'))
  .refine((value) => namesIn(value) <= 100, first('must not hold more than 100 names'))
  .refine((value) => JsonRecord.safeParse(value).success, 'must hold only text without NUL or lone surrogates')
  .openapi({ type: 'object', additionalProperties: true })

function isDeeper(value: unknown, most: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return most === 0 || Object.values(value).some((item) => isDeeper(item, most - 1))
}

function namesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const own = Array.isArray(value) ? 0 : Object.keys(value).length
  return Object.values(value).reduce((sum: number, item) => sum + namesIn(item), own)
}

function isKnown(attempt: () => unknown): boolean {
  try {
    attempt()
    return true
  } catch {
    return false
  }
}
