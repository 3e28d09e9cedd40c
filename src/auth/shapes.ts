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
  textField,
  timeZoneField,
} from '#src/http/fields.ts'
import { pageOf } from '#src/http/page.ts'

const deviceInfoField = jsonObjectField.openapi({
  description: 'What the client says of its device: shown in the list of sessions.',
})

const nonceField = z
  .string()
  .min(1)
  .max(400)
  .openapi({ description: 'The nonce of `POST /auth/nonce` that the client gave the provider, as it was issued.' })

const proof = {
  provider: z.enum(providers),
  token: z
    .string()
    .min(1)
    .max(16_000)
    .openapi({ description: 'The ID token that the provider gave the client; for Facebook also an access token.' }),
  nonce: nonceField.optional(),
  authorization_code: z.string().min(1).max(4_000).optional().openapi({
    description: 'What the provider gave beside the token: Apple’s lets the account be disconnected later.',
  }),
  redirect_uri: z.string().min(1).max(2_000).optional().openapi({
    description:
      'The redirect URI under which the authorization code was asked for: Apple’s SDK for the web, and Android, need one. A code of an iOS app has none.',
  }),
}

/** What a native client brings from a provider. */
export const ProviderProof = z.strictObject(proof).openapi('ProviderProof')
export type ProviderProof = z.output<typeof ProviderProof>

/** The same of a sign-in that must be new: what shows it was made for a nonce of this service's. */
export const FreshProof = z.strictObject({ ...proof, nonce: nonceField }).openapi('FreshProof')
export type FreshProof = z.output<typeof FreshProof>

const sessionModeField = z
  .enum(['bearer', 'cookie'])
  .default('bearer')
  .openapi({ description: 'Whether the session’s token comes in the body, or as a cookie that scripts cannot read.' })

// It stands in the audit log, which outlives the person: nothing that could be an address, a token or words.
const documentVersionField = z
  .string()
  .regex(/^[\w.:-]{1,40}$/)
  .refine((text) => !/\bnf_/.test(text), 'must not be a token')
  .openapi({ description: 'Which version of the document the person has accepted.', example: '2026-01' })

/** A provider's token, presented for a session. */
export const LoginRequest = z
  .strictObject({ ...proof, device_info: deviceInfoField.optional(), session_mode: sessionModeField })
  .openapi('LoginRequest')
export type LoginRequest = z.output<typeof LoginRequest>

/** A nonce for one native sign-in. */
export const Nonce = z.strictObject({ nonce: z.string(), expires_at: momentField }).openapi('Nonce')
export type Nonce = z.output<typeof Nonce>

/** A session, just made. The token is shown once. */
export const Authenticated = z
  .strictObject({ status: z.literal('authenticated'), session_token: z.string(), expires_at: momentField, user: User })
  .openapi('Authenticated')
export type Authenticated = z.output<typeof Authenticated>

/** A session, just made in cookie mode: its token is in the cookie, and nowhere else. */
export const AuthenticatedByCookie = Authenticated.omit({ session_token: true }).openapi('AuthenticatedByCookie')
export type AuthenticatedByCookie = z.output<typeof AuthenticatedByCookie>

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

/** What a sign-in answers, in either mode. */
export const LoginReply = z.union([Authenticated, AuthenticatedByCookie, RegistrationRequired]).openapi('LoginReply')
export const RegisterReply = z.union([Authenticated, AuthenticatedByCookie]).openapi('RegisterReply')

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
    session_mode: sessionModeField,
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
    platform: z.string().nullable().openapi({ description: 'The operating system, as its user agent names it.' }),
    browser: z.string().nullable(),
    user_agent: z.string().nullable(),
    ip_prefix: z.string().nullable(),
    city: z.string().nullable().openapi({ description: 'Where the network said that the sign-in came from.' }),
    country: z.string().nullable().openapi({ description: 'ISO 3166-1 alpha-2.' }),
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

/** A place, as coarse as a city. */
export const Location = z.strictObject({ city: z.string().max(200).nullable(), country: z.string().max(10).nullable() })
export type Location = z.output<typeof Location>

/** The session under its new token; in cookie mode the token is in the cookie alone. */
export const Refreshed = z
  .strictObject({ session_token: z.string().optional(), expires_at: momentField })
  .openapi('Refreshed')
export type Refreshed = z.output<typeof Refreshed>

/** How a sign-in in a browser is to end. */
export const StartQuery = z
  .strictObject({
    return_to: z.string().min(1).max(2_000).openapi({ description: 'One of the allowed return URLs, exactly.' }),
    code_challenge: z
      .string()
      .regex(/^[\w-]{43}$/)
      .optional()
      .openapi({
        description: 'SHA-256 of the code verifier in base64url (S256). Needed unless the session goes into a cookie.',
      }),
    session_mode: sessionModeField,
    registration: z.enum(['hosted', 'client']).optional().openapi({
      description: 'Who asks a new person for their name and date of birth; hosted where the service can.',
    }),
  })
  .refine((query) => query.session_mode === 'cookie' || query.code_challenge !== undefined, {
    path: ['code_challenge'],
    error: 'is needed',
  })
export type StartQuery = z.output<typeof StartQuery>

export const ProviderParams = z.strictObject({ provider: z.enum(providers) })

/** The code that a redirect ended with. */
export const ExchangeRequest = z
  .strictObject({
    code: z.string().min(1).max(8_000),
    code_verifier: z
      .string()
      .regex(/^[\w.~-]{43,128}$/, 'must be 43 to 128 unreserved characters')
      .openapi({ description: 'What the code challenge was made of (RFC 7636 §4.1).' }),
    device_info: deviceInfoField.optional(),
    session_mode: sessionModeField,
  })
  .openapi('ExchangeRequest')
export type ExchangeRequest = z.output<typeof ExchangeRequest>

export const LinkRequest = z.strictObject({ return_to: textField({ max: 2_000 }) }).openapi('LinkRequest')
export type LinkRequest = z.output<typeof LinkRequest>

/** Where the browser is to go to sign in with the identity that is added. */
export const LinkStarted = z.strictObject({ authorization_url: z.string() }).openapi('LinkStarted')
export type LinkStarted = z.output<typeof LinkStarted>

/** A way to sign in that belongs to the caller. */
export const IdentitySummary = z
  .strictObject({
    id: idField,
    provider: z.enum(providers),
    email: z.string().nullable(),
    is_private_email: z.boolean().openapi({ description: 'Whether the address is a relay that the provider made.' }),
    is_current: z.boolean().openapi({ description: 'Whether this session signed in with it.' }),
    last_login_at: momentField,
    created_at: momentField,
  })
  .openapi('IdentitySummary')
export type IdentitySummary = z.output<typeof IdentitySummary>

export const IdentityList = z.strictObject({ items: z.array(IdentitySummary) }).openapi('IdentityList')
export type IdentityList = z.output<typeof IdentityList>

/** What the service notes of the request that signs in. */
export interface Device {
  readonly deviceInfo: LoginRequest['device_info']
  readonly userAgent: string | undefined
  readonly ipPrefix: string | undefined
  /** Where the network says that the request comes from. */
  readonly location: Location | undefined
  /** The hash of a session token presented with the sign-in; that session ends. */
  readonly presentedTokenHash: Uint8Array | undefined
}
