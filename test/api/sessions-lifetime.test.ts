import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Authenticated, SessionPage, SessionState } from '#src/auth/shapes.ts'
import { call, googleToken, newUser } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { callWith } from '#test/setup/worker-with.ts'

afterEach(() => {
  vi.useRealTimers()
})

const statusOf = async (token: string) => (await call('GET', '/auth/session', { token })).status
const tokenHash = async (token: string) =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token)))

/** Moves the times of a session, each given as an interval from now by the database's clock. */
async function moveTimes(token: string, times: { lastActive?: string; expires?: string; absolute?: string }) {
  await asOwner(
    `update user_sessions set last_active_at = coalesce(now() + $2::interval, last_active_at),
       expires_at = coalesce(now() + $3::interval, expires_at),
       absolute_expires_at = coalesce(now() + $4::interval, absolute_expires_at) where token_hash = $1`,
    [await tokenHash(token), times.lastActive ?? null, times.expires ?? null, times.absolute ?? null],
  )
}

interface Times {
  readonly active_ago: number
  readonly expires_in: number
  readonly is_at_absolute: boolean
}

/** The times of a session in whole seconds from now. */
async function timesOf(token: string): Promise<Times | undefined> {
  const [times] = await asOwner<Times>(
    `select round(extract(epoch from now() - last_active_at))::int as active_ago,
       round(extract(epoch from expires_at - now()))::int as expires_in,
       expires_at = absolute_expires_at as is_at_absolute from user_sessions where token_hash = $1`,
    [await tokenHash(token)],
  )
  return times
}

const near = (expected: number) => expect.closeTo(expected, -1)
const idleSeconds = 30 * 86_400

describe('a session that nobody uses', () => {
  it('ends at the second that it was said to, by the database’s clock', async () => {
    const { token } = await newUser()
    expect(await statusOf(token)).toBe(200)
    await moveTimes(token, { expires: '1 minute' })
    expect(await statusOf(token)).toBe(200)
    await moveTimes(token, { expires: '0' })
    expect(await statusOf(token)).toBe(401)
  })

  it('ends with the account’s longest session, however much it is used', async () => {
    const { token } = await newUser()
    expect(await statusOf(token)).toBe(200)
    await moveTimes(token, { lastActive: '-2 minutes', expires: '0', absolute: '0' })
    expect(await statusOf(token)).toBe(401)
    expect(await statusOf(token)).toBe(401)
  })

  it('is not kept alive by its keys in the isolate, nor ended by the isolate’s clock', async () => {
    const { token } = await newUser()
    expect((await call('GET', '/auth/profile', { token })).status).toBe(200)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 365 * 86_400_000 })
    expect((await call('GET', '/auth/profile', { token })).status).toBe(200)
    vi.useRealTimers()
    await moveTimes(token, { expires: '-1 second' })
    expect((await call('GET', '/auth/profile', { token })).status).toBe(401)
    expect((await call('PUT', '/auth/profile', { token, body: { first_name: 'Late' } })).status).toBe(401)
  })

  it('is not shown, and cannot be ended any more', async () => {
    const { token, person } = await newUser()
    const other = await signInAgain(person)
    const { body } = await call<SessionState>('GET', '/auth/session', { token: other })
    await moveTimes(other, { expires: '0' })
    const list = await call<SessionPage>('GET', '/auth/sessions', { token })
    expect(list.body.items.map(({ is_current }) => is_current)).toEqual([true])
    expect((await call('DELETE', `/auth/sessions/${body.session_id}`, { token })).status).toBe(404)
  })
})

describe('a session that is used', () => {
  it('slides on, once a minute at the most', async () => {
    const { token } = await newUser()
    await moveTimes(token, { lastActive: '-50 seconds', expires: '1 hour' })
    await Promise.all([statusOf(token), statusOf(token)])
    expect(await timesOf(token)).toEqual({ active_ago: near(50), expires_in: near(3_600), is_at_absolute: false })
    await moveTimes(token, { lastActive: '-61 seconds' })
    await statusOf(token)
    expect(await timesOf(token)).toEqual({ active_ago: near(0), expires_in: near(idleSeconds), is_at_absolute: false })
  })

  it('says the new end in the answer that moved it', async () => {
    const { token } = await newUser()
    await moveTimes(token, { lastActive: '-61 seconds', expires: '1 hour' })
    const { body } = await call<SessionState>('GET', '/auth/session', { token })
    expect((Date.parse(body.expires_at) - Date.now()) / 1_000).toEqual(near(idleSeconds))
  })

  it('never slides past its absolute end', async () => {
    const { token } = await newUser()
    await moveTimes(token, { lastActive: '-61 seconds', expires: '1 minute', absolute: '2 hours' })
    expect(await statusOf(token)).toBe(200)
    expect(await timesOf(token)).toEqual({ active_ago: near(0), expires_in: near(7_200), is_at_absolute: true })
  })

  it('serves twenty requests at once while it slides', async () => {
    const { token } = await newUser()
    await moveTimes(token, { lastActive: '-61 seconds', expires: '1 hour' })
    const statuses = await Promise.all(Array.from({ length: 20 }, () => statusOf(token)))
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect(await timesOf(token)).toEqual({ active_ago: near(0), expires_in: near(idleSeconds), is_at_absolute: false })
  })

  it('is not moved by a request that is refused', async () => {
    const { token } = await newUser()
    await moveTimes(token, { lastActive: '-2 hours', expires: '-1 hour' })
    await statusOf(token)
    expect(await timesOf(token)).toEqual({ active_ago: near(7_200), expires_in: near(-3_600), is_at_absolute: false })
  })
})

async function signInAgain(person: string, variables: Record<string, string> = {}): Promise<string> {
  const body = { provider: 'google', token: await googleToken({ person }) }
  return (await callWith<Authenticated>(variables, 'POST', '/auth/login', { body })).body.session_token
}

describe('the lifetimes that the operator sets', () => {
  it.each([
    [{ SESSION_IDLE_SECONDS: '600', SESSION_ABSOLUTE_SECONDS: '7200' }, 600, false],
    [{ SESSION_IDLE_SECONDS: '7200', SESSION_ABSOLUTE_SECONDS: '600' }, 600, true],
  ])('hold from sign-in on: %j', async (variables, expires_in, is_at_absolute) => {
    const { person } = await newUser()
    const token = await signInAgain(person, variables)
    expect(await timesOf(token)).toEqual({ active_ago: near(0), expires_in: near(expires_in), is_at_absolute })
  })
})

const liveOf = async (tokens: readonly string[]) => {
  const statuses = await Promise.all(tokens.map(statusOf))
  return tokens.filter((_, position) => statuses[position] === 200)
}

describe('the number of sessions of one person', () => {
  it('is twenty at the most after thirty sign-ins at once, the last one among them', async () => {
    const { token, person } = await newUser()
    const parallel = await Promise.all(Array.from({ length: 30 }, () => signInAgain(person)))
    const live = await liveOf([token, ...parallel])
    expect([live.length, live.includes(token)]).toEqual([20, false])
    const last = await signInAgain(person)
    expect((await liveOf([...live, last])).length).toBe(20)
    expect(await statusOf(last)).toBe(200)
    const { body } = await call<SessionPage>('GET', '/auth/sessions?limit=100', { token: last })
    expect(body.items.length).toBe(20)
  })

  it('is kept by ending the least used one', async () => {
    const three = { SESSIONS_PER_USER: '3' }
    const { token, person } = await newUser()
    const second = await signInAgain(person, three)
    const third = await signInAgain(person, three)
    await moveTimes(token, { lastActive: '-1 minute' })
    await moveTimes(second, { lastActive: '-2 minutes' })
    const fourth = await signInAgain(person, three)
    expect(await liveOf([token, second, third, fourth])).toEqual([token, third, fourth])
  })

  it('counts neither ended nor expired ones, and nobody else’s', async () => {
    const two = { SESSIONS_PER_USER: '2' }
    const { token, person } = await newUser()
    const stranger = await newUser()
    const [expired, ended] = [await signInAgain(person), await signInAgain(person)]
    await moveTimes(expired, { expires: '0' })
    await call('POST', '/auth/logout', { token: ended })
    const fresh = await signInAgain(person, two)
    expect(await liveOf([token, expired, ended, fresh, stranger.token])).toEqual([token, fresh, stranger.token])
  })
})
