import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Device, StartQuery } from '#src/auth/shapes.ts'
import { deviceThatReplaces } from '#src/auth/device.ts'
import { addIdentity } from '#src/auth/identities.ts'
import { auditingRefusals } from '#src/auth/native-sign-in.ts'
import { issueOneTimeCode } from '#src/auth/one-time-code.ts'
import { providerOf } from '#src/auth/providers/registry.ts'
import type { Provider } from '#src/auth/providers/verified-identity.ts'
import {
  beginRedirect,
  findState,
  lifetimeSeconds,
  redirectUriOf,
  type BegunRedirect,
  type FoundState,
} from '#src/auth/redirect-state.ts'
import { canHostRegistration, type PendingRegistration } from '#src/auth/registration-page.ts'
import { allowedReturnUrl, withParameters } from '#src/auth/return-urls.ts'
import { completeSignIn, ticketUnlessKnown } from '#src/auth/sign-in.ts'
import { spend } from '#src/auth/single-use.ts'
import type { Vouched } from '#src/auth/ticket.ts'
import { rowOf } from '#src/db/rows.ts'
import { asService, asUser, type Caller, type RequestScope } from '#src/db/scope.ts'
import { Problem, type ProblemCode } from '#src/http/problem.ts'

/** How a callback ends: back in the client, or on the page where somebody new says who they are. */
export type CallbackEnd =
  | { readonly kind: 'return'; readonly url: string; readonly sessionToken?: string }
  | { readonly kind: 'register'; readonly pending: PendingRegistration }

/**
 * Begins a sign-in in a browser, whose cookie may hold a session already. No flight. Throws `invalid_parameter` or
 * `not_configured`.
 */
export async function startRedirect(
  { config }: RequestScope,
  provider: Provider,
  { return_to, code_challenge, session_mode, registration }: StartQuery,
  held: Uint8Array | undefined,
): Promise<BegunRedirect> {
  if (registration === 'hosted' && !canHostRegistration(config)) throw new Problem('not_configured', noDocuments)
  const wish = {
    return_to: allowedReturnUrl(config, return_to),
    ...(code_challenge === undefined ? {} : { code_challenge }),
    session_mode,
    registration: registration ?? (canHostRegistration(config) ? 'hosted' : 'client'),
    // The callback comes from the provider's page: whether the browser still sends the cookie then is the browser's matter.
    ...(session_mode === 'cookie' && held !== undefined ? { replaces: held.toBase64({ alphabet: 'base64url' }) } : {}),
  }
  return await beginRedirect(config, provider, wish)
}

/**
 * Begins a redirect that adds an identity to the caller's account. Throws `fresh_sign_in_needed`, `invalid_body` or
 * `not_configured`.
 */
export async function startLink(caller: Caller, provider: Provider, returnTo: string): Promise<BegunRedirect> {
  await asUser(caller, (db) => [
    db.execute(sql`select app.require_fresh_session(${caller.config.FRESH_SIGN_IN_SECONDS})`),
  ])
  const wish = {
    return_to: allowedReturnUrl(caller.config, returnTo, 'invalid_body'),
    session_mode: 'bearer',
    registration: 'client',
    link_to: caller.tokenHash.toBase64({ alphabet: 'base64url' }),
  } as const
  return await beginRedirect(caller.config, provider, wish)
}

/**
 * Ends a redirect (RFC 6749 §4.1.2). The attempt must be this browser's own, with this provider, and is spent before its
 * code is exchanged: whatever comes of it, neither is used again. Throws `invalid_state`, and what asking the provider
 * throws; a person who declined is sent back with `error`.
 *
 * Two flights and more: between spending the attempt and its effect the provider is asked.
 */
export async function endRedirect(
  scope: RequestScope,
  provider: Provider,
  parameters: Readonly<Record<string, string>>,
  cookieHeader: string | undefined,
  device: Device,
): Promise<CallbackEnd> {
  return await auditingRefusals(scope, provider, async () => {
    const attempt = await findState(scope.config, provider, parameters['state'] ?? '', cookieHeader)
    if (attempt === undefined) throw new Problem('invalid_state')
    // Another server than the one that was asked answers (RFC 9207 §2.4).
    const named = parameters['iss']
    if (named !== undefined && named !== providerOf(provider).issuerOf(scope.config)) throw new Problem('invalid_state')
    const linkTo = await spendAttempt(scope, attempt)
    const { wish } = attempt
    if (parameters['error'] !== undefined) return returning(wish.return_to, { error: errorOf(parameters['error']) })
    const code = parameters['code']
    if (code === undefined || code === '') throw new Problem('invalid_state')
    const vouched = await vouchedBy(scope, provider, attempt, code, parameters)
    if (linkTo !== undefined) return await link(scope, linkTo, wish.return_to, vouched)
    return await signInWith(scope, attempt, vouched, device)
  })
}

const LiveToken = z.object({ token_hash: z.instanceof(Uint8Array).nullable() })

/** Spends an attempt. For one that links: the hash of the token that its session has by now. */
async function spendAttempt(scope: RequestScope, { use, wish }: FoundState): Promise<Uint8Array | undefined> {
  const begun = wish.link_to === undefined ? undefined : Uint8Array.fromBase64(wish.link_to, { alphabet: 'base64url' })
  try {
    const [, answer] = await asService(scope, 'auth', 'callback', (db) => [
      spend(db, use),
      db.execute(sql`select app.live_token(${begun ?? null}::bytea, ${lifetimeSeconds}) as token_hash`),
    ])
    return begun === undefined ? undefined : (rowOf(LiveToken, answer).token_hash ?? begun)
  } catch (error) {
    throw error instanceof Problem && error.code === 'ticket_used' ? new Problem('invalid_state') : error
  }
}

async function vouchedBy(
  { config }: RequestScope,
  provider: Provider,
  { nonce, code_verifier: codeVerifier }: FoundState,
  code: string,
  parameters: Readonly<Record<string, string>>,
): Promise<Vouched> {
  const asked = providerOf(provider)
  const redirectUri = redirectUriOf(config, provider)
  const { identity, grant } = await asked.exchangeCode(config, { code, codeVerifier, redirectUri, nonce })
  const names = asked.readCallbackNames?.(parameters)
  return {
    identity: {
      ...identity,
      firstName: identity.firstName ?? names?.firstName ?? null,
      lastName: identity.lastName ?? names?.lastName ?? null,
    },
    grant,
  }
}

async function signInWith(
  scope: RequestScope,
  { wish }: FoundState,
  vouched: Vouched,
  device: Device,
): Promise<CallbackEnd> {
  if (wish.session_mode === 'cookie') {
    const answer = await completeSignIn(
      scope,
      { ...vouched, uses: [], isFresh: true },
      deviceThatReplaces(device, wish.replaces),
    )
    if (answer.status === 'registration_required') return registering(scope, wish, answer.registration_ticket, vouched)
    return { kind: 'return', url: wish.return_to, sessionToken: answer.session_token }
  }
  const isHosted = wish.registration === 'hosted'
  const ticket = isHosted ? await ticketUnlessKnown(scope, vouched) : undefined
  if (ticket !== undefined) return registering(scope, wish, ticket, vouched)
  return returning(wish.return_to, {
    code: await issueOneTimeCode(scope.config, vouched, wish.code_challenge ?? ''),
  })
}

function registering(
  { config }: RequestScope,
  wish: FoundState['wish'],
  ticket: string,
  vouched: Vouched,
): CallbackEnd {
  if (!canHostRegistration(config)) throw new Problem('not_configured', noDocuments)
  return { kind: 'register', pending: { wish, ticket, suggested: vouched.identity } }
}

const noDocuments = 'The page that registers people needs TERMS_URL, TERMS_VERSION, PRIVACY_URL and PRIVACY_VERSION.'

/** What linking refuses is told to the client that asked for it, and not to the person alone. */
const toldToClient: ReadonlySet<ProblemCode> = new Set([
  'identity_unavailable',
  'fresh_sign_in_needed',
  'unauthenticated',
])

async function link(
  scope: RequestScope,
  tokenHash: Uint8Array,
  returnTo: string,
  vouched: Vouched,
): Promise<CallbackEnd> {
  try {
    const { id } = await addIdentity(
      { ...scope, tokenHash, session: undefined },
      { ...vouched, uses: [], isFresh: true },
    )
    return returning(returnTo, { linked: id })
  } catch (error) {
    if (error instanceof Problem && toldToClient.has(error.code)) return returning(returnTo, { error: error.code })
    throw error
  }
}

const returning = (returnTo: string, parameters: Readonly<Record<string, string>>): CallbackEnd => ({
  kind: 'return',
  url: withParameters(returnTo, parameters),
})

/** What a provider says went wrong, in one of two words: its own are nobody's business. */
const errorOf = (error: string) =>
  ['access_denied', 'user_cancelled_authorize'].includes(error) ? 'access_denied' : 'provider_error'
