import { z } from '@hono/zod-openapi'
import { users } from '#src/accounts/tables.ts'
import { providers } from '#src/auth/providers/verified-identity.ts'
import type { JsonObject } from '#src/db/columns.ts'
import {
  idField,
  jsonObjectField,
  languageField,
  linkField,
  momentField,
  textField,
  timeZoneField,
} from '#src/http/fields.ts'
import type { Vault } from '#src/vault/vault.ts'

export const nameField = textField({ max: 100 })

const named = {
  id: idField,
  first_name: z.string().nullable(),
  last_name: z.string().nullable(),
  email: z.string().nullable(),
}
const settings = {
  avatar_url: z.string().nullable(),
  timezone: z.string(),
  language_preference: z.string(),
  auth_provider: z.enum(providers),
  notification_preferences: jsonObjectField,
  ui_preferences: jsonObjectField,
  terms_accepted_at: momentField,
  privacy_policy_accepted_at: momentField,
  created_at: momentField,
  updated_at: momentField,
}

/** A person as sign-in answers them: everything of the profile but the birthdate. */
export const User = z.strictObject({ ...named, ...settings }).openapi('User')
export type User = z.output<typeof User>

/** A person as they see themselves. A name, address or date that cannot be opened any more is null. */
export const Profile = z.strictObject({ ...named, birthdate: z.string().nullable(), ...settings }).openapi('Profile')
export type Profile = z.output<typeof Profile>

/** What a person may change of themselves. */
export const ProfileChange = z
  .strictObject({
    first_name: nameField,
    last_name: nameField,
    avatar_url: linkField.nullable(),
    timezone: timeZoneField,
    language_preference: languageField,
    notification_preferences: jsonObjectField,
    ui_preferences: jsonObjectField,
  })
  .partial()
  .refine((change) => Object.keys(change).length > 0, 'must name at least one field')
  .openapi('ProfileChange')
export type ProfileChange = z.output<typeof ProfileChange>

/** The stored columns behind a User. */
export interface UserRow {
  readonly id: string
  readonly firstName: Uint8Array
  readonly lastName: Uint8Array
  readonly email: Uint8Array | null
  readonly avatarUrl: string | null
  readonly timezone: string
  readonly languagePreference: string
  readonly provider: (typeof providers)[number]
  readonly notificationPreferences: JsonObject
  readonly uiPreferences: JsonObject
  readonly termsAcceptedAt: Date
  readonly privacyPolicyAcceptedAt: Date
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** Opens a stored person. */
export async function userFrom(vault: Vault, row: UserRow): Promise<User> {
  const [firstName, lastName, email] = await Promise.all([
    vault.read(users.firstName, row.id, row.firstName),
    vault.read(users.lastName, row.id, row.lastName),
    vault.read(users.email, row.id, row.email),
  ])
  return {
    id: row.id,
    first_name: firstName,
    last_name: lastName,
    email,
    avatar_url: row.avatarUrl,
    timezone: row.timezone,
    language_preference: row.languagePreference,
    auth_provider: row.provider,
    notification_preferences: row.notificationPreferences,
    ui_preferences: row.uiPreferences,
    terms_accepted_at: row.termsAcceptedAt.toISOString(),
    privacy_policy_accepted_at: row.privacyPolicyAcceptedAt.toISOString(),
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  }
}
