import { exports } from 'cloudflare:workers'
import { inject } from 'vitest'
import type { Authenticated, LoginAnswer, RegistrationRequired } from '#src/auth/shapes.ts'
import { ownTicket } from '#test/setup/own-ticket.ts'

const origin = 'https://neuraform.test'

/** One answer: its status, headers and parsed body (text where it is not JSON; null where there is none). */
export interface Answer<Body = unknown> {
  readonly status: number
  readonly headers: Headers
  readonly body: Body
}

interface CallOptions {
  readonly token?: string
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

/** Calls the Worker as a client of an address of its own would. Tests name the shape that they expect. */
export async function call<Body = Record<string, never>>(
  method: string,
  path: string,
  options: CallOptions = {},
): Promise<Answer<Body>> {
  const response = await rawCall(method, path, options)
  const text = await response.text()
  const isJson = /json/.test(response.headers.get('Content-Type') ?? '')
  return {
    status: response.status,
    headers: response.headers,
    body: (text === '' ? null : isJson ? JSON.parse(text) : text) as Body,
  }
}

/** As `call`, with the response as it is. */
export async function rawCall(method: string, path: string, options: CallOptions = {}): Promise<Response> {
  return await exports.default.fetch(
    new Request(path.startsWith('http') ? path : `${origin}${path}`, {
      method,
      headers: {
        'CF-Connecting-IP': freshAddress(),
        ...(options.token === undefined ? {} : { Authorization: `Bearer ${options.token}` }),
        ...(options.body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...options.headers,
      },
      ...(options.body === undefined
        ? {}
        : { body: typeof options.body === 'string' ? options.body : JSON.stringify(options.body) }),
    }),
  )
}

const freshAddress = () => {
  const [a, b, c] = crypto.getRandomValues(new Uint8Array(3))
  return `10.${a}.${b}.${c}`
}

interface TokenWish {
  readonly person?: string
  readonly nonce?: string
  readonly claims?: Record<string, unknown>
  readonly omit?: readonly string[]
  readonly audience?: string
  /** Of what Apple's SDK hands over in a browser. */
  readonly redirect_uri?: string
}

/** A Google ID token from the local identity server; a person of their own unless one is named. */
export async function googleToken(wish: TokenWish = {}): Promise<string> {
  const wished = { person: 'new', audience: 'neuraform-local', ...wish }
  return (await askUpstream<{ id_token: string }>('/google/id-token', wished)).id_token
}

/** What iOS hands to an app: an identity token and an authorization code; of a person of their own unless one is named. */
export async function appleHandover(wish: TokenWish = {}): Promise<{ token: string; authorization_code: string }> {
  const audience = 'com.example.companion'
  const answer = await askUpstream<{ id_token: string; authorization_code: string }>('/apple/id-token', {
    person: 'new',
    audience,
    ...wish,
  })
  return { token: answer.id_token, authorization_code: answer.authorization_code }
}

/** Asks something of the local upstream that only tests ask; a body makes it a POST. */
export async function askUpstream<Body>(path: string, body?: unknown): Promise<Body> {
  const posted = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }
  const response = await fetch(`${inject('stack').upstreamOrigin}${path}`, body === undefined ? {} : posted)
  return (await response.json()) as Body
}

/** A nonce of the service's. */
export const freshNonce = async () => (await call<{ nonce: string }>('POST', '/auth/nonce')).body.nonce

/** Signs in with a Google token. */
export async function signIn(token: string): Promise<Answer<LoginAnswer>> {
  return await call<LoginAnswer>('POST', '/auth/login', { body: { provider: 'google', token } })
}

/** A registration ticket for somebody new, or for the person named. */
export async function registrationTicket(wish: TokenWish = {}): Promise<string> {
  const { body } = await call<RegistrationRequired>('POST', '/auth/login', {
    body: {
      provider: 'google',
      token: await googleToken(wish),
      ...(wish.nonce === undefined ? {} : { nonce: wish.nonce }),
    },
  })
  return body.registration_ticket
}

/** What somebody of full age types at registration. */
export const registration = (ticket: string) => ({
  registration_ticket: ticket,
  first_name: 'Robin',
  last_name: 'Quill',
  birthdate: '1990-06-15',
  terms_version: '2026-01',
  privacy_version: '2026-01',
})

/** A new account with a live session; a test person, and one whose token is to say something, is signed in for it. */
export async function newUser(
  wish: TokenWish = {},
): Promise<{ token: string; user: Authenticated['user']; person: string }> {
  const person = wish.person ?? `new:${crypto.randomUUID()}`
  const isUsual = person.startsWith('new:') && Object.keys(wish).every((name) => name === 'person')
  const ticket = isUsual ? await ownTicket(person) : await registrationTicket({ ...wish, person })
  const { body } = await call<Authenticated>('POST', '/auth/register', { body: registration(ticket) })
  return { token: body.session_token, user: body.user, person }
}

/** The built-in persona Fuka, whose id never changes. */
export const fuka = '0198f000-0000-7000-8000-000000000001'
