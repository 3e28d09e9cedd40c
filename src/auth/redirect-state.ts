import { timingSafeEqual } from 'node:crypto'
import * as z from 'zod'
import { drawSecrets } from '#src/auth/providers/authorization-request.ts'
import { providerOf } from '#src/auth/providers/registry.ts'
import { providers, type Provider } from '#src/auth/providers/verified-identity.ts'
import { issueSingleUse, readSingleUse, type SingleUse } from '#src/auth/single-use.ts'
import type { Config } from '#src/config.ts'
import { Problem } from '#src/http/problem.ts'
import { cookiesNamed } from '#src/http/session-cookie.ts'

/** How long a redirect may take. */
export const lifetimeSeconds = 600

/** What a client asked of a sign-in by redirect. */
export const RedirectWish = z.strictObject({
  return_to: z.string(),
  /** Whom the one-time code is bound to (RFC 7636 §4.2); none where the session goes into a cookie. */
  code_challenge: z.string().optional(),
  session_mode: z.enum(['bearer', 'cookie']),
  /** Who fills in what a new person must say of themselves: the service's own page, or the client. */
  registration: z.enum(['hosted', 'client']),
  /** The hash of the token, then, of the session to which the identity is to be added, in base64url. */
  link_to: z.string().optional(),
  /** The hash of the session that the browser's cookie held when it began, in base64url: the new one takes its place. */
  replaces: z.string().optional(),
})
export type RedirectWish = z.output<typeof RedirectWish>

const StatePayload = z.strictObject({
  provider: z.enum(providers),
  state: z.string(),
  nonce: z.string(),
  code_verifier: z.string(),
  wish: RedirectWish,
})
type StatePayload = z.output<typeof StatePayload>

/** A redirect that has begun: what goes to the provider, and the cookie that only this browser brings back. */
export interface BegunRedirect {
  readonly authorizationUrl: URL
  readonly cookie: string
}

/**
 * Begins a sign-in by redirect (RFC 6749 §4.1, OpenID Connect Core §3.1). The state, the nonce and the code verifier are
 * drawn anew and sealed into a cookie of this one attempt, so that several tabs do not disturb each other.
 */
export async function beginRedirect(config: Config, provider: Provider, wish: RedirectWish): Promise<BegunRedirect> {
  const secrets = drawSecrets()
  const payload: StatePayload = {
    provider,
    state: secrets.state,
    nonce: secrets.nonce,
    code_verifier: secrets.codeVerifier,
    wish,
  }
  const { token } = await issueSingleUse(config, 'state', payload, lifetimeSeconds)
  const authorizationUrl = providerOf(provider).authorizationUrl(config, {
    ...secrets,
    redirectUri: redirectUriOf(config, provider),
  })
  return { authorizationUrl, cookie: stateCookie(provider, secrets.state, token, lifetimeSeconds) }
}

/** The attempt that a callback belongs to. */
export interface FoundState extends Omit<StatePayload, 'state'> {
  readonly use: SingleUse
}

/** The attempt that this browser began with this provider and state; undefined where it began none, or too long ago. */
export async function findState(
  config: Config,
  provider: Provider,
  state: string,
  cookieHeader: string | undefined,
): Promise<FoundState | undefined> {
  const [token, ...others] = cookiesNamed(cookieHeader, stateCookieName(state))
  if (token === undefined || others.length > 0) return undefined
  const read = await readSingleUse(config, 'state', StatePayload, token)
  if (read === undefined || read.payload.provider !== provider || !isSame(read.payload.state, state)) return undefined
  return { use: read.use, ...read.payload }
}

/** Takes the cookie of an attempt back. */
export const dropStateCookie = (provider: Provider, state: string) => stateCookie(provider, state, '', 0)

/** Where a provider sends the browser back to: each has a URI of its own, so that none can answer for another. Throws `not_configured`. */
export function redirectUriOf({ PUBLIC_ORIGIN: origin }: Config, provider: Provider): string {
  if (origin === undefined) throw new Problem('not_configured', 'PUBLIC_ORIGIN is not set.')
  return `${origin}/auth/${provider}/callback`
}

const stateCookieName = (state: string) => `__Host-nf_state_${state.slice(0, 12).replaceAll(/[^\w-]/g, '')}`

// Apple's page posts from its own site: a browser brings no Lax cookie along with that.
function stateCookie(provider: Provider, state: string, value: string, seconds: number): string {
  const sameSite = providerOf(provider).responseMode === 'form_post' ? 'None' : 'Lax'
  return `${stateCookieName(state)}=${value}; Path=/; Secure; HttpOnly; SameSite=${sameSite}; Max-Age=${seconds}`
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => new TextEncoder().encode(text))
  return a !== undefined && b !== undefined && a.length === b.length && timingSafeEqual(a, b)
}
