/** @import { Track } from './track-player.js' */

/** @typedef {{ id: string, audio_url: string, content_type: string, audio_bytes: number, duration_ms: number, text: string, source: string, cache: 'hit' | 'miss' } & Track} Speech */
/** @typedef {{ items: { id: string, display_name: string }[] }} Personas */
/** @typedef {{ default_voice: string, items: { id: string, name: string }[] }} Voices */
/** @typedef {{ status: string, session_token: string, registration_ticket: string, suggested: { first_name: string, last_name: string } }} SignIn */
/** @typedef {{ title?: string, detail?: string, errors?: { pointer: string, detail: string }[] }} Problem */

/** What a person agrees to at registration; the local stack asks for this one. */
const termsVersion = '2026-01'

/**
 * Calls an API as an app does. Answers the body and what it weighs; throws an Error whose message is for people.
 * @template Body
 * @param {string} origin
 * @param {string} path
 * @param {{ token?: string | undefined, body?: unknown }} [options]
 * @returns {Promise<{ body: Body, bytes: number }>}
 */
export async function call(origin, path, { token, body } = {}) {
  const url = new URL(path, origin)
  const response = await fetch(url, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((cause) => {
    throw new Error(`${url.origin} does not answer, or its ALLOWED_ORIGINS do not name ${location.origin}.`, { cause })
  })
  const text = await response.text()
  if (!response.ok) throw new Error(wordsOf(response, text))
  return { body: JSON.parse(text), bytes: new TextEncoder().encode(text).length }
}

/**
 * What went wrong: the title and the detail of a problem (RFC 9457), and the fields that it names.
 * @param {Response} response
 * @param {string} text
 */
function wordsOf({ status, headers }, text) {
  if (headers.get('Content-Type')?.includes('json') !== true) return `The service answered ${status}.`
  /** @type {Problem} */
  const { title = `The service answered ${status}.`, detail, errors = [] } = JSON.parse(text)
  const wait = headers.get('Retry-After')
  const words = [title, detail, ...errors.map((one) => `${one.pointer}: ${one.detail}.`)]
  return [...words, wait === null ? undefined : `Try again in ${wait} seconds.`].filter(Boolean).join(' ')
}

/**
 * Signs a test person in, as an app on a phone would: an ID token from the local Google, traded for a session; somebody
 * new is registered first. Answers the session token.
 * @param {{ api: string, audience: string, person: string }} options
 * @returns {Promise<string>}
 */
export async function signIn({ api, audience, person }) {
  const google = location.origin
  /** @type {{ body: { id_token: string } }} */
  const { body: issued } = await call(google, '/google/id-token', { body: { person, audience } })
  const credential = { provider: 'google', token: issued.id_token }
  /** @type {{ body: SignIn }} */
  const { body: login } = await call(api, '/auth/login', { body: credential })
  if (login.status === 'authenticated') return login.session_token
  /** @type {{ body: { people: { label: string, birthdate: string }[] } }} */
  const { body: known } = await call(google, '/google/people')
  /** @type {{ body: SignIn }} */
  const { body: registered } = await call(api, '/auth/register', {
    body: {
      registration_ticket: login.registration_ticket,
      first_name: login.suggested.first_name,
      last_name: login.suggested.last_name,
      birthdate: known.people.find(({ label }) => label === person)?.birthdate,
      terms_version: termsVersion,
      privacy_version: termsVersion,
    },
  })
  return registered.session_token
}
