import { describe, expect, it } from 'vitest'
import type { LoginAnswer } from '#src/auth/shapes.ts'
import { ask, codeOf, type Answered } from '#test/setup/ask.ts'
import { freshNonce, googleToken, newUser, registration, registrationTicket } from '#test/setup/client.ts'
import { operations, pathOf } from '#test/setup/operations.ts'

const origin = 'https://app.example'
const replaced = { ALLOWED_ORIGINS: origin, PUBLIC_ORIGIN: 'https://api.example/' }
const name = '__Host-nf_session'
const mostSeconds = 180 * 86_400

interface Asking {
  readonly cookie?: string
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

/** As a page of the allowed origin would ask, unless its headers say otherwise. */
const fromPage = async (method: string, path: string, { cookie, body, headers = {} }: Asking = {}) =>
  await ask(method, path, {
    body: body === undefined ? undefined : JSON.stringify(body),
    headers: { Origin: origin, ...(cookie === undefined ? {} : { Cookie: `${name}=${cookie}` }), ...headers },
    replaced,
  })

const tokenIn = ({ headers }: Answered) =>
  new RegExp(`^${name}=([\\w-]+);`).exec(headers.get('Set-Cookie') ?? '')?.[1] ?? ''
const bodyOf = <T>({ text }: Answered) => JSON.parse(text) as T
const statusOf = async (token: string) => (await ask('GET', '/auth/session', { token })).status

/** Somebody who has signed in by cookie: the cookie’s value. */
async function signedIn() {
  const { person } = await newUser()
  const body = { provider: 'google', token: await googleToken({ person }), session_mode: 'cookie' }
  const answer = await fromPage('POST', '/auth/login', { body })
  return { person, answer, cookie: tokenIn(answer) }
}

describe('a session in a cookie', () => {
  it('is out of the reach of scripts, for this host alone, and in no body', async () => {
    const { answer, cookie } = await signedIn()
    expect(answer.status).toBe(200)
    expect(answer.headers.get('Set-Cookie')).toBe(
      `${name}=${cookie}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${mostSeconds}`,
    )
    expect(cookie).toMatch(/^nf_[\w-]{51}$/)
    expect(Object.keys(bodyOf<LoginAnswer>(answer)).toSorted()).toEqual(['expires_at', 'status', 'user'])
    expect(answer.text).not.toContain('nf_')
    expect(answer.headers.get('Cache-Control')).toBe('no-store')
  })

  it('comes of a registration, too', async () => {
    const body = { ...registration(await registrationTicket()), session_mode: 'cookie' }
    const answer = await fromPage('POST', '/auth/register', { body })
    expect([answer.status, answer.text.includes('nf_')]).toEqual([201, false])
    expect((await fromPage('GET', '/auth/profile', { cookie: tokenIn(answer) })).status).toBe(200)
  })

  it('is begun by no page of a foreign origin', async () => {
    const { person } = await newUser()
    const body = { provider: 'google', token: await googleToken({ person }), session_mode: 'cookie' }
    const registering = { ...registration(await registrationTicket()), session_mode: 'cookie' }
    for (const Origin of ['null', 'https://evil.example', `${origin}.evil.example`]) {
      const answers = [
        await fromPage('POST', '/auth/login', { body, headers: { Origin } }),
        await fromPage('POST', '/auth/register', { body: registering, headers: { Origin } }),
      ]
      expect(answers.map((answer) => [codeOf(answer), answer.headers.get('Set-Cookie')])).toEqual([
        ['forbidden', null],
        ['forbidden', null],
      ])
    }
    expect(codeOf(await ask('POST', '/auth/login', { body: JSON.stringify(body), replaced }))).toBe('forbidden')
  })

  it('is replaced by a refresh in the cookie alone', async () => {
    const { cookie } = await signedIn()
    const answer = await fromPage('POST', '/auth/refresh', { cookie })
    expect([answer.status, Object.keys(bodyOf<object>(answer))]).toEqual([200, ['expires_at']])
    expect(tokenIn(answer)).not.toBe(cookie)
    expect((await fromPage('GET', '/auth/session', { cookie: tokenIn(answer) })).status).toBe(200)
  })

  it('is renewed by another sign-in in the cookie alone', async () => {
    const { cookie, person } = await signedIn()
    const nonce = await freshNonce()
    const body = { provider: 'google', token: await googleToken({ person, nonce }), nonce }
    const answer = await fromPage('POST', '/auth/reauthenticate', { cookie, body })
    expect([answer.status, Object.keys(bodyOf<object>(answer))]).toEqual([200, ['expires_at']])
    expect([await statusOf(cookie), await statusOf(tokenIn(answer))]).toEqual([401, 200])
  })

  it('ends by logout, and the cookie goes', async () => {
    const { cookie } = await signedIn()
    const answer = await fromPage('POST', '/auth/logout', { cookie })
    expect(answer.status).toBe(204)
    expect(answer.headers.get('Set-Cookie')).toBe(`${name}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0`)
    expect(await statusOf(cookie)).toBe(401)
  })

  it('stays with the one of two renewals at once that won: the other takes nothing away', async () => {
    const { cookie, person } = await signedIn()
    const renew = async () => {
      const nonce = await freshNonce()
      const body = { provider: 'google', token: await googleToken({ person, nonce }), nonce }
      return await fromPage('POST', '/auth/reauthenticate', { cookie, body })
    }
    const answers = await Promise.all([renew(), renew()])
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 401])
    expect(answers.flatMap(({ headers }) => headers.getSetCookie()).map((line) => line.includes('Max-Age=0'))).toEqual([
      false,
    ])
  })

  it('goes with the first answer after its session ended elsewhere', async () => {
    const { cookie } = await signedIn()
    await fromPage('POST', '/auth/logout?scope=all', { cookie })
    const answer = await fromPage('GET', '/personas', { cookie })
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([
      401,
      [`${name}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0`],
    ])
    expect((await fromPage('GET', '/personas')).status).toBe(200)
    expect((await ask('GET', '/personas', { token: cookie })).headers.has('Set-Cookie')).toBe(false)
  })

  it('stays when the others end, and when a token in a header ends itself', async () => {
    const { cookie } = await signedIn()
    const others = await fromPage('POST', '/auth/logout?scope=others', { cookie })
    const { token } = await newUser()
    const own = await fromPage('POST', '/auth/logout', { cookie, headers: { Authorization: `Bearer ${token}` } })
    expect([others, own].map((answer) => [answer.status, answer.headers.get('Set-Cookie')])).toEqual([
      [204, null],
      [204, null],
    ])
    expect([await statusOf(cookie), await statusOf(token)]).toEqual([200, 401])
  })

  it('ends when its browser signs in anew', async () => {
    const { cookie, person } = await signedIn()
    const body = { provider: 'google', token: await googleToken({ person }), session_mode: 'cookie' }
    const answer = await fromPage('POST', '/auth/login', { cookie, body })
    expect([await statusOf(cookie), await statusOf(tokenIn(answer))]).toEqual([401, 200])
  })

  it('does not end because a foreign page signs somebody in', async () => {
    const [{ cookie }, stranger] = [await signedIn(), await newUser()]
    const body = { provider: 'google', token: await googleToken({ person: stranger.person }) }
    const answer = await fromPage('POST', '/auth/login', { cookie, body, headers: { Origin: 'https://evil.example' } })
    expect([answer.status, await statusOf(cookie)]).toEqual([200, 200])
  })

  it('is not taken twice', async () => {
    const [{ cookie }, other] = [await signedIn(), await signedIn()]
    const twice = { Cookie: `${name}=${cookie}; ${name}=${other.cookie}` }
    const same = { Cookie: `${name}=${cookie}; ${name}=${cookie}` }
    for (const headers of [twice, same]) {
      const answer = await fromPage('GET', '/auth/session', { headers })
      expect([codeOf(answer), answer.flights]).toEqual(['unauthenticated', 0])
    }
  })

  it('goes behind a token in a header', async () => {
    const [{ cookie }, { token, user }] = [await signedIn(), await newUser()]
    const answer = await fromPage('GET', '/auth/session', { cookie, headers: { Authorization: `Bearer ${token}` } })
    expect(bodyOf<{ user_id: string }>(answer).user_id).toBe(user.id)
    expect(codeOf(await fromPage('GET', '/auth/session', { cookie, headers: { Authorization: 'Bearer x' } }))).toBe(
      'unauthenticated',
    )
  })
})

const foreign: readonly (readonly [string, Record<string, string>])[] = [
  ['null', { Origin: 'null' }],
  ['another origin', { Origin: 'https://evil.example' }],
  ['an origin that ends as ours', { Origin: 'https://evilapp.example' }],
  ['an origin that begins as ours', { Origin: `${origin}.evil.example` }],
  ['another port', { Origin: `${origin}:8443` }],
  ['another scheme', { Origin: 'http://app.example' }],
  ['another site, as the browser says', { 'Sec-Fetch-Site': 'cross-site' }],
]
const types = ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']
const changing = operations.filter(({ method, readsSession }) => readsSession && method !== 'GET')

describe('what changes something, with a cookie', () => {
  it.each(changing)('comes from no foreign page, whatever its content type: $name', async (operation) => {
    const { cookie } = await signedIn()
    const send = async (headers: Record<string, string>) =>
      await ask(operation.method, pathOf(operation), {
        body: '{}',
        headers: { Cookie: `${name}=${cookie}`, ...headers },
        replaced,
      })
    const answers = [await send({})]
    for (const [, headers] of foreign) {
      for (const type of types) answers.push(await send({ Origin: origin, 'Content-Type': type, ...headers }))
    }
    expect(answers.map((answer) => [codeOf(answer), answer.flights])).toEqual(answers.map(() => ['forbidden', 0]))
    expect(await statusOf(cookie)).toBe(200)
  })

  it('comes from a page of the allowed origins, or of the service’s own', async () => {
    const { cookie } = await signedIn()
    for (const Origin of [origin, 'https://api.example']) {
      const body = { timezone: 'Europe/Vienna' }
      const answer = await fromPage('PUT', '/auth/profile', {
        cookie,
        body,
        headers: { Origin, 'Sec-Fetch-Site': 'same-site' },
      })
      expect(answer.status).toBe(200)
    }
  })

  it('is read by a page of an allowed origin alone', async () => {
    const { cookie } = await signedIn()
    const grantOf = async (Origin: string) => {
      const { headers } = await fromPage('GET', '/auth/profile', { cookie, headers: { Origin } })
      return ['Access-Control-Allow-Origin', 'Access-Control-Allow-Credentials', 'Vary'].map((one) => headers.get(one))
    }
    expect(await grantOf(origin)).toEqual([origin, 'true', 'Origin'])
    expect(await grantOf('https://evil.example')).toEqual([null, null, 'Origin'])
  })
})
