import * as z from 'zod'
import type { CodeGrant } from '#scripts/upstream/identity/grants.ts'
import { chooserPage, errorPage } from '#scripts/upstream/identity/pages.ts'
import { findPerson, type Person } from '#scripts/upstream/identity/people.ts'
import { Failure, type Ask, type Handler, type Reply } from '#scripts/upstream/part.ts'

/** The parameters that all three providers take (RFC 6749 §4.1.1, RFC 7636 §4.3). */
export const AuthorizationRequest = z.object({
  client_id: z.string(),
  redirect_uri: z.string(),
  response_type: z.string(),
  scope: z.string().optional(),
  state: z.string().optional(),
  nonce: z.string().optional(),
  code_challenge: z
    .string()
    .regex(/^[\w-]{43}$/)
    .optional(),
  code_challenge_method: z.literal('S256').optional(),
})
export type AuthorizationRequest = z.output<typeof AuthorizationRequest>

/** What one provider holds against every request. */
interface Rules {
  readonly clientId: string
  readonly callback: '/auth/google/callback' | '/auth/apple/callback' | '/auth/facebook/callback'
  readonly scopes: readonly string[]
}

/**
 * Checks a request before anything is sent back for it. The redirect_uri counts as registered when it is the Worker's
 * callback for this provider, over https or on loopback. Throws Failure 400 with the provider's error code.
 */
export function checkAuthorization(request: AuthorizationRequest, { clientId, callback, scopes }: Rules): void {
  const { redirect_uri: redirectUri, response_type: responseType } = request
  if (request.client_id !== clientId) throw new Failure(400, 'invalid_client', 'The client is not known.')
  if (!isRegistered(redirectUri, callback)) {
    throw new Failure(400, 'redirect_uri_mismatch', `Registered is ${callback}, over https or on loopback.`)
  }
  if (responseType !== 'code') throw new Failure(400, 'unsupported_response_type', 'The response_type must be code.')
  const unknown = scopeOf(request).filter((one) => !scopes.includes(one))
  if (unknown.length > 0) throw new Failure(400, 'invalid_scope', `Unknown scope: ${unknown.join(' ')}`)
  if ((request.code_challenge === undefined) !== (request.code_challenge_method === undefined)) {
    throw new Failure(400, 'invalid_request', 'code_challenge and code_challenge_method=S256 come together.')
  }
}

function isRegistered(redirectUri: string, callback: string): boolean {
  const url = URL.parse(redirectUri)
  if (url === null || redirectUri !== `${url.origin}${callback}`) return false
  return (
    url.protocol === 'https:' ||
    (url.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname))
  )
}

/** The scopes of a request; Facebook's may be parted by commas. */
export function scopeOf({ scope }: AuthorizationRequest): string[] {
  return scope?.split(/[ ,]+/).filter((one) => one !== '') ?? []
}

/** What a person agrees to who lets the request through. */
export function grantOf(request: AuthorizationRequest, person: Person): CodeGrant {
  return {
    person,
    clientId: request.client_id,
    redirectUri: request.redirect_uri,
    scope: scopeOf(request),
    nonce: request.nonce,
    codeChallenge: request.code_challenge,
    isOffline: false,
  }
}

interface Chooser {
  /** As people call it: Google, Apple or Facebook. */
  readonly provider: string
  /** The app that asks. */
  readonly client: string
  readonly onChoice: (person: Person) => Reply
  readonly onCancel: () => Reply
  /** For a `login_hint` that names nobody; without it an error page. */
  readonly onUnknown?: () => Reply
}

/**
 * Shows the chooser, or does what was chosen, as the chooser's links say it: `prompt=none` with `login_hint`, the label
 * of a test person, or `cancel`. Tests without a browser say it themselves.
 */
export function letChoose({ url }: Ask, { provider, client, onChoice, onCancel, onUnknown }: Chooser): Reply {
  if (url.searchParams.has('cancel')) return onCancel()
  if (url.searchParams.get('prompt') !== 'none') return chooserPage({ provider, client, url })
  const label = url.searchParams.get('login_hint') ?? ''
  const person = findPerson(label)
  if (person !== undefined) return onChoice(person)
  return onUnknown === undefined ? errorPage(provider, 'unknown_person', `Nobody is called ${label}.`) : onUnknown()
}

/** Sends the browser back to the app. */
export function redirectTo(
  uri: string,
  parameters: Readonly<Record<string, string | undefined>>,
  fragment = '',
): Reply {
  const given = Object.entries(parameters).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
  const location = `${uri}?${new URLSearchParams(given)}${fragment}`
  return { status: 302, headers: { location, 'cache-control': 'no-store' }, body: '' }
}

/** Shows a person what is wrong with a request, which none of the three providers tells the app. */
export function withErrorPage(provider: string, handler: Handler): Handler {
  return async (ask) => {
    try {
      return await handler(ask)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      return errorPage(provider, error.code === 'invalid_value' ? 'invalid_request' : error.code, error.message)
    }
  }
}
