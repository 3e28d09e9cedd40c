import { z } from '@hono/zod-openapi'
import { nameField, User } from '#src/accounts/shapes.ts'
import { providers } from '#src/auth/providers/verified-identity.ts'
import {
  dateField,
  idField,
  jsonObjectField,
  languageField,
  linkField,
  momentField,
  timeZoneField,
} from '#src/http/fields.ts'
import { pageOf } from '#src/http/page.ts'

const deviceInfoField = jsonObjectField.openapi({
  description: 'What the client says of its device: shown in the list of sessions.',
})

// It stands in the audit log, which outlives the person: nothing that could be an address, a token or words.
const documentVersionField = z
  .string()
  .regex(/^[\w.:-]{1,40}$/)
  .refine((text) => !/\bnf_/.test(text), 'must not be a token')
  .openapi({ description: 'Which version of the document the person has accepted.', example: '2026-01' })

/** A provider's token, presented for a session. */
export const LoginRequest = z
  .strictObject({
    provider: z.enum(providers),
    token: z.string().min(1).max(16_000).openapi({ description: 'The ID token that the provider gave the client.' }),
    nonce: z.string().min(1).max(255).optional(),
    authorization_code: z.string().min(1).max(4_000).optional(),
    device_info: deviceInfoField.optional(),
  })
  .openapi('LoginRequest')
export type LoginRequest = z.output<typeof LoginRequest>

/** A session, just made. The token is shown once. */
export const Authenticated = z
  .strictObject({ status: z.literal('authenticated'), session_token: z.string(), expires_at: momentField, user: User })
  .openapi('Authenticated')
export type Authenticated = z.output<typeof Authenticated>

/** The provider vouches for somebody who has no account yet. */
export const RegistrationRequired = z
  .strictObject({
    status: z.literal('registration_required'),
    registration_ticket: z.string(),
    expires_at: momentField,
    suggested: z.strictObject({
      first_name: z.string().nullable(),
      last_name: z.string().nullable(),
      email: z.string().nullable(),
      avatar_url: z.string().nullable(),
    }),
  })
  .openapi('RegistrationRequired')
export type RegistrationRequired = z.output<typeof RegistrationRequired>

export const LoginAnswer = z.discriminatedUnion('status', [Authenticated, RegistrationRequired]).openapi('LoginAnswer')
export type LoginAnswer = z.output<typeof LoginAnswer>

/** What a new person says of themselves. Who they are comes from the ticket alone. */
export const RegisterRequest = z
  .strictObject({
    registration_ticket: z.string().min(1).max(8_000),
    first_name: nameField,
    last_name: nameField,
    birthdate: dateField,
    timezone: timeZoneField.optional(),
    language_preference: languageField.optional(),
    avatar_url: linkField.optional(),
    terms_version: documentVersionField,
    privacy_version: documentVersionField,
    device_info: deviceInfoField.optional(),
  })
  .openapi('RegisterRequest')
export type RegisterRequest = z.output<typeof RegisterRequest>

/** How another backend of the operator checks a session. */
export const SessionState = z
  .strictObject({ session_id: idField, user_id: idField, expires_at: momentField, role: z.enum(['user', 'admin']) })
  .openapi('SessionState')
export type SessionState = z.output<typeof SessionState>

/** A live session, as its owner sees it. */
export const SessionSummary = z
  .strictObject({
    id: idField,
    is_current: z.boolean(),
    provider: z.enum(providers),
    device_info: jsonObjectField.nullable().openapi({ type: ['object', 'null'] }),
    user_agent: z.string().nullable(),
    ip_prefix: z.string().nullable(),
    created_at: momentField,
    last_active_at: momentField,
    expires_at: momentField,
  })
  .openapi('SessionSummary')
export type SessionSummary = z.output<typeof SessionSummary>

export const SessionPage = pageOf(SessionSummary).openapi('SessionPage')
export type SessionPage = z.output<typeof SessionPage>

/** Codes and names of what happened; never words. */
export const EventDetails = z.record(z.string(), z.union([z.string(), z.boolean()])).openapi('EventDetails')

/** One entry of the caller's security log. */
export const SecurityEvent = z
  .strictObject({
    seq: z.int().openapi({ description: 'Its place on the chain, from 1, without gaps.' }),
    action: z.string().openapi({ description: 'What happened, such as `sign_in.succeeded`.' }),
    target: z.string().nullable().openapi({ description: 'What was acted upon, as `kind:id`.' }),
    details: EventDetails,
    request_id: idField.nullable(),
    occurred_at: momentField,
    hash: z.hex().openapi({ description: 'SHA-256 of the entry (RFC 8785) and of the hash before it.' }),
  })
  .openapi('SecurityEvent')
export type SecurityEvent = z.output<typeof SecurityEvent>

/** A page of the caller's security log, and whether the whole chain holds together. */
export const SecurityLog = pageOf(SecurityEvent)
  .extend({
    chain: z.strictObject({
      id: idField
        .nullable()
        .openapi({ description: 'Random; it stays when the account goes, and then names nobody. Null for no chain.' }),
      entries: z.int(),
      head_hash: z.hex(),
      broken_at: z
        .int()
        .nullable()
        .openapi({
          description:
            'The first place that was tampered with: in front of the first entry (below 1), at the first, or among the newest ' +
            '500; 1 where there is no chain; null for none.',
        }),
    }),
  })
  .openapi('SecurityLog')
export type SecurityLog = z.output<typeof SecurityLog>

export const LogoutQuery = z.strictObject({
  scope: z
    .enum(['current', 'others', 'all'])
    .default('current')
    .openapi({ description: 'Which of your sessions end.' }),
})

/** What the service notes of the request that signs in. */
export interface Device {
  readonly deviceInfo: LoginRequest['device_info']
  readonly userAgent: string | undefined
  readonly ipPrefix: string | undefined
  /** The hash of a session token presented with the sign-in; that session ends. */
  readonly presentedTokenHash: Uint8Array | undefined
}
