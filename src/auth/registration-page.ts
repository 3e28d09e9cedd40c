import * as z from 'zod'
import { auditingRefusals } from '#src/auth/native-sign-in.ts'
import { issueOneTimeCode } from '#src/auth/one-time-code.ts'
import type { VerifiedIdentity } from '#src/auth/providers/verified-identity.ts'
import { RedirectWish } from '#src/auth/redirect-state.ts'
import { register, registerOnly } from '#src/auth/register.ts'
import { withParameters } from '#src/auth/return-urls.ts'
import { RegisterRequest, type Device } from '#src/auth/shapes.ts'
import type { Config } from '#src/config.ts'
import type { RequestScope } from '#src/db/scope.ts'
import { Problem } from '#src/http/problem.ts'
import { issueSealedToken, readSealedToken } from '#src/vault/sealed-token.ts'

/** Somebody new in a browser who has yet to say who they are. */
export interface PendingRegistration {
  readonly wish: RedirectWish
  readonly ticket: string
  readonly suggested: Pick<VerifiedIdentity, 'firstName' | 'lastName'>
}

/** Whether the service's own page may ask: it must be able to say what people agree to. */
export const canHostRegistration = ({ TERMS_URL, TERMS_VERSION, PRIVACY_URL, PRIVACY_VERSION }: Config): boolean =>
  [TERMS_URL, TERMS_VERSION, PRIVACY_URL, PRIVACY_VERSION].every((value) => value !== undefined)

const lifetimeSeconds = 600

const PagePayload = z.strictObject({ wish: RedirectWish, ticket_hash: z.string() })

/** What the page carries from its form back to the service: sealed and bound to its ticket, so that it cannot go with another's. */
export async function sealWish(config: Config, { wish, ticket }: PendingRegistration): Promise<string> {
  const payload = { wish, ticket_hash: await hashOf(ticket) }
  return await issueSealedToken(config, 'registration_page', payload, lifetimeSeconds)
}

/** What the page's form sends. */
export const RegistrationForm = RegisterRequest.pick({
  registration_ticket: true,
  first_name: true,
  last_name: true,
  birthdate: true,
}).extend({ wish: z.string().max(8_000), agreed: z.literal('yes') })
export type RegistrationForm = z.output<typeof RegistrationForm>

/** Where the browser goes when somebody has registered on the page, and the session where it goes into a cookie. */
export interface Registered {
  readonly url: string
  readonly sessionToken: string | undefined
}

/** The wish that a form carries beside its ticket. Throws `invalid_ticket`. */
export async function wishOf(config: Config, sealed: string, ticket: string): Promise<RedirectWish> {
  const page = await readSealedToken(config, 'registration_page', PagePayload, sealed)
  if (page === undefined || page.ticket_hash !== (await hashOf(ticket))) throw new Problem('invalid_ticket')
  return page.wish
}

async function hashOf(ticket: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(ticket))).toHex()
}

/**
 * Makes the account of somebody who filled the page in. Throws what `register` throws. Without a cookie the client trades
 * a code for its session.
 */
export async function registerByPage(
  scope: RequestScope,
  { wish: sealed, ...form }: Omit<RegistrationForm, 'agreed'>,
  device: Device,
): Promise<Registered> {
  const { config } = scope
  const { TERMS_VERSION: terms, PRIVACY_VERSION: privacy } = config
  if (terms === undefined || privacy === undefined) throw new Problem('not_configured')
  const wish = await auditingRefusals(
    scope,
    undefined,
    async () => await wishOf(config, sealed, form.registration_ticket),
  )
  const request = { ...form, terms_version: terms, privacy_version: privacy, session_mode: wish.session_mode }
  if (wish.session_mode === 'cookie') {
    return { url: wish.return_to, sessionToken: (await register(scope, request, device)).session_token }
  }
  const code = await issueOneTimeCode(config, await registerOnly(scope, request), wish.code_challenge ?? '')
  return { url: withParameters(wish.return_to, { code }), sessionToken: undefined }
}
