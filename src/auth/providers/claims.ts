import * as z from 'zod'
import { linkField, textField } from '#src/http/fields.ts'

/** A subject: 1 to 255 characters that PostgreSQL stores as they are (OpenID Connect Core §2). */
export const SubjectClaim = z
  .string()
  .min(1)
  .max(255)
  .refine((text) => text.isWellFormed() && !text.includes('\0'))

/** An email address; undefined for what is none. A full-width @ is an @ to whoever delivers mail. */
export const EmailClaim = z
  .string()
  .transform((text) => text.normalize('NFKC'))
  .pipe(z.email().max(320))
  .optional()
  .catch(undefined)

/** A part of a person's name, to be suggested; undefined for what is no such text. */
export const NameClaim = textField({ max: 100 }).optional().catch(undefined)

/** The address of a picture, to be suggested; undefined for what is no link. */
export const PictureClaim = linkField.optional().catch(undefined)

/** A truth value, which Apple spells as a text too; false for anything else. */
export const FlagClaim = z
  .union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')])
  .optional()
  .transform((flag) => flag ?? false)
  .catch(false)
