import { describe, expect, it } from 'vitest'
import type { Authenticated, SessionPage, SessionState } from '#src/auth/shapes.ts'
import { call, googleToken, newUser, rawCall } from '#test/setup/client.ts'
import { asOwner, tablesThatHold, tablesThatHoldEach } from '#test/setup/owner-database.ts'

interface Device {
  readonly device_info?: unknown
  readonly headers?: Record<string, string>
}

/** Another session of a person: its token. */
async function signInAgain(person: string, { device_info, headers = {} }: Device = {}): Promise<string> {
  const body = {
    provider: 'google',
    token: await googleToken({ person }),
    ...(device_info === undefined ? {} : { device_info }),
  }
  return (await call<Authenticated>('POST', '/auth/login', { body, headers })).body.session_token
}

/** Somebody with so many sessions, each of which has read something, so that its keys are kept in the isolate. */
async function personWith(sessions: number) {
  const { token, person, user } = await newUser()
  const others = await Promise.all(Array.from({ length: sessions - 1 }, () => signInAgain(person)))
  const tokens = [token, ...others]
  expect(await statusesOf(tokens)).toEqual(tokens.map(() => 200))
  return { tokens, token, others, person, user }
}

const statusesOf = async (tokens: readonly string[]) =>
  await Promise.all(tokens.map(async (token) => (await call('GET', '/auth/profile', { token })).status))

const sessionId = async (token: string) => (await call<SessionState>('GET', '/auth/session', { token })).body.session_id
const listSessions = async (token: string, query = '') =>
  (await call<SessionPage>('GET', `/auth/sessions${query}`, { token })).body

const sha256Hex = async (text: string) =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))).toHex()

describe('a session token', () => {
  it('is nowhere in the database, whole or in part; its hash is', async () => {
    const { token } = await newUser()
    const random = token.slice(3, 46)
    const needles = [token, random, token.slice(46), Uint8Array.fromBase64(random, { alphabet: 'base64url' }).toHex()]
    expect(await tablesThatHoldEach(needles)).toEqual([[], [], [], []])
    expect(await tablesThatHold(await sha256Hex(token))).toEqual(['user_sessions'])
  })

  it('is known by its prefix and carries 256 random bits', async () => {
    const { token } = await newUser()
    expect(token).toMatch(/^nf_[\w-]{51}$/)
  })

  it('says whose session it is, and until when', async () => {
    const { token, user } = await newUser()
    const { body } = await call<SessionState>('GET', '/auth/session', { token })
    expect(body).toEqual({
      session_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      user_id: user.id,
      expires_at: expect.any(String),
      role: 'user',
    })
    const days = (Date.parse(body.expires_at) - Date.now()) / 86_400_000
    expect([days > 29.9, days <= 30]).toEqual([true, true])
  })
})

describe('logging out', () => {
  it.each([
    ['', [401, 200, 200]],
    ['?scope=current', [401, 200, 200]],
    ['?scope=others', [200, 401, 401]],
    ['?scope=all', [401, 401, 401]],
  ])('with %j ends at once what it says, though the isolate still keeps the keys', async (query, expected) => {
    const { tokens, token } = await personWith(3)
    const stranger = await newUser()
    expect((await call('POST', `/auth/logout${query}`, { token })).status).toBe(204)
    expect(await statusesOf(tokens)).toEqual(expected)
    expect(await statusesOf([stranger.token])).toEqual([200])
  })

  it('ends a session for every route that writes or reads', async () => {
    const { token } = await personWith(1)
    await call('POST', '/auth/logout', { token })
    const requests: [string, string, unknown?][] = [
      ['GET', '/auth/session'],
      ['GET', '/auth/sessions'],
      ['PUT', '/auth/profile', { first_name: 'Late' }],
      ['GET', '/personas'],
      ['GET', '/conversations'],
      ['POST', '/auth/logout'],
      ['DELETE', '/auth/account'],
    ]
    for (const [method, path, body] of requests) {
      const answer = await call(method, path, { token, ...(body === undefined ? {} : { body }) })
      expect([method, path, answer.status]).toEqual([method, path, 401])
    }
  })

  it('refuses a scope that is none, and ends nothing', async () => {
    const { token } = await newUser()
    const answers = await Promise.all(
      ['everyone', '', 'ALL', 'current&scope=all'].map((scope) =>
        call('POST', `/auth/logout?scope=${scope}`, { token }),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400])
    expect(await statusesOf([token])).toEqual([200])
  })
})

describe('a session of an account that is not active', () => {
  it('is none', async () => {
    const { token, user } = await newUser()
    expect(await statusesOf([token])).toEqual([200])
    await asOwner('update users set is_active = false where id = $1', [user.id])
    expect(await statusesOf([token])).toEqual([401])
    await asOwner('update users set is_active = true where id = $1', [user.id])
    expect(await statusesOf([token])).toEqual([200])
  })
})

describe('ending one session', () => {
  it('ends that one at once and no other', async () => {
    const { tokens, token, others } = await personWith(3)
    const id = await sessionId(others[0] ?? '')
    expect((await call('DELETE', `/auth/sessions/${id}`, { token })).status).toBe(204)
    expect(await statusesOf(tokens)).toEqual([200, 401, 200])
    expect((await listSessions(token)).items.map((item) => item.id)).not.toContain(id)
  })

  it('may end the one that asks', async () => {
    const { token } = await personWith(1)
    expect((await call('DELETE', `/auth/sessions/${await sessionId(token)}`, { token })).status).toBe(204)
    expect(await statusesOf([token])).toEqual([401])
  })

  it('answers for another person’s, an ended and an invented one in the same bytes', async () => {
    const { token, others } = await personWith(2)
    const stranger = await newUser()
    const ended = await sessionId(others[0] ?? '')
    await call('DELETE', `/auth/sessions/${ended}`, { token })
    const bytesFor = async (id: string) => {
      const response = await rawCall('DELETE', `/auth/sessions/${id}`, { token })
      const headers = [...response.headers].filter(([name]) => name !== 'x-request-id')
      return JSON.stringify([response.status, headers, await response.text()])
    }
    const answers = [
      await bytesFor('0198f000-0000-7000-8000-0000000000ff'),
      await bytesFor(await sessionId(stranger.token)),
      await bytesFor(ended),
    ]
    expect(answers[0]).toContain('not_found')
    expect(new Set(answers).size).toBe(1)
    expect(await statusesOf([stranger.token])).toEqual([200])
  })

  it.each(['x', '1', '%00', '0198F000-0000-7000-8000-0000000000FF', '{0198f000-0000-7000-8000-0000000000ff}', "'--"])(
    'refuses an id that is none: %s',
    async (id) => {
      const { token } = await newUser()
      expect((await call('DELETE', `/auth/sessions/${id}`, { token })).status).toBe(400)
    },
  )
})

describe('the list of sessions', () => {
  it('shows each device as it described itself, newest first, and which one asks', async () => {
    const { token, person } = await newUser()
    const device_info = { name: '<script>alert(1)</script>', model: { os: 'Android 16', größe: [1, null, '📱'] } }
    const pixel = 'Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36'
    const headers = { 'User-Agent': pixel, 'CF-Connecting-IP': '203.0.113.77' }
    const phone = await signInAgain(person, { device_info, headers })
    const { items, next_cursor } = await listSessions(token)
    expect(next_cursor).toBeNull()
    expect(items).toEqual([
      {
        id: await sessionId(phone),
        is_current: false,
        provider: 'google',
        device_info,
        platform: 'Android',
        browser: 'Chrome',
        user_agent: pixel,
        ip_prefix: '203.0.113.0/24',
        city: expect.toBeOneOf([null, expect.any(String)]),
        country: expect.toBeOneOf([null, expect.any(String)]),
        created_at: expect.any(String),
        last_active_at: expect.any(String),
        expires_at: expect.any(String),
      },
      {
        id: await sessionId(token),
        is_current: true,
        provider: 'google',
        device_info: null,
        platform: null,
        browser: null,
        user_agent: null,
        ip_prefix: expect.stringMatching(/^10\.\d+\.\d+\.0\/24$/),
        city: expect.toBeOneOf([null, expect.any(String)]),
        country: expect.toBeOneOf([null, expect.any(String)]),
        created_at: expect.any(String),
        last_active_at: expect.any(String),
        expires_at: expect.any(String),
      },
    ])
  })

  it.each([
    ['198.51.100.9', '198.51.100.0/24'],
    ['2001:db8:85a3:8d3:1319:8a2e:370:7348', '2001:db8:85a3::/48'],
    ['2001:DB8::1', '2001:db8:0::/48'],
    ['2001:db8:0:1::', '2001:db8:0::/48'],
    ['::1', '0:0:0::/48'],
    ['::ffff:198.51.100.9', '198.51.100.0/24'],
  ])('shows of the address %s the network %s alone', async (address, expected) => {
    const { person } = await newUser()
    const token = await signInAgain(person, { headers: { 'CF-Connecting-IP': address } })
    const [current] = (await listSessions(token)).items
    expect(current?.ip_prefix).toBe(expected)
  })

  it('shows no more of a user agent than fits', async () => {
    const { person } = await newUser()
    const token = await signInAgain(person, { headers: { 'User-Agent': `Cafe/${'x'.repeat(2_000)}` } })
    const [current] = (await listSessions(token)).items
    expect(current?.user_agent).toBe(`Cafe/${'x'.repeat(395)}`)
  })

  it('never shows a token, a hash or a whole address', async () => {
    const { token, person } = await newUser()
    const other = await signInAgain(person, { headers: { 'CF-Connecting-IP': '203.0.113.77' } })
    const shown = JSON.stringify(await listSessions(token))
    const hidden = [token, other, token.slice(3, 46), await sha256Hex(token), await sha256Hex(other), '203.0.113.77']
    expect(hidden.filter((text) => shown.includes(text))).toEqual([])
  })

  it('is paged without a gap or a repeat, also among those that began in one moment', async () => {
    const { tokens, token, user } = await personWith(3)
    await asOwner('update user_sessions set created_at = $1 where user_id = $2', [new Date(), user.id])
    const whole = (await listSessions(token)).items
    const pages: SessionPage[] = []
    for (let cursor = ''; pages.length < 5;) {
      const page = await listSessions(token, `?limit=1${cursor}`)
      pages.push(page)
      if (page.next_cursor === null) break
      cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`
    }
    expect(pages.map(({ items }) => items.length)).toEqual([1, 1, 1])
    expect(pages.flatMap(({ items }) => items)).toEqual(whole)
    expect(new Set(whole.map(({ id }) => id))).toEqual(new Set(await Promise.all(tokens.map(sessionId))))
  })

  it('is one person’s: a cursor of it is refused for another', async () => {
    const { token } = await personWith(2)
    const { next_cursor } = await listSessions(token, '?limit=1')
    const stranger = await newUser()
    const path = `/auth/sessions?cursor=${encodeURIComponent(next_cursor ?? '')}`
    const answer = await call('GET', path, { token: stranger.token })
    expect([answer.status, answer.body['code']]).toEqual([400, 'invalid_cursor'])
    expect((await call('GET', path, { token })).status).toBe(200)
  })

  it.each([
    ['a text', 'phone'],
    ['a list', []],
    ['null', null],
    ['nested 11 deep', JSON.parse('{"a":'.repeat(11) + '1' + '}'.repeat(11))],
    ['101 names', Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`n${n}`, n]))],
    ['16,001 characters', { a: 'x'.repeat(16_000) }],
    ['NUL', { a: '\0' }],
  ])('takes no device that is or has %s', async (_, device_info) => {
    const { person } = await newUser()
    const body = { provider: 'google', token: await googleToken({ person }), device_info }
    expect((await call('POST', '/auth/login', { body })).status).toBe(422)
  })
})
