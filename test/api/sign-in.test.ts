import { describe, expect, inject, it } from 'vitest'
import * as z from 'zod'
import type { Profile } from '#src/accounts/shapes.ts'
import type { Authenticated, LoginAnswer } from '#src/auth/shapes.ts'
import { call, googleToken, newUser, registration, registrationTicket, signIn } from '#test/setup/client.ts'
import { subjectOf } from '#test/setup/google-tokens.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { tracesOf } from '#test/setup/traces.ts'
import { callWith } from '#test/setup/worker-with.ts'

const login = async (body: Record<string, unknown>, headers: Record<string, string> = {}) =>
  await call<LoginAnswer>('POST', '/auth/login', { body: { provider: 'google', ...body }, headers })

const again = async (person: string) =>
  (
    await call<Authenticated>('POST', '/auth/login', {
      body: { provider: 'google', token: await googleToken({ person }) },
    })
  ).body

const isLive = async (token: string) => (await call('GET', '/auth/session', { token })).status === 200

describe('signing in for the first time', () => {
  it('asks to register and suggests what the provider said', async () => {
    const claims = {
      given_name: 'Noør',
      family_name: 'Çelik',
      email: `noor.${crypto.randomUUID()}@gmail.com`,
      picture: 'https://lh3.googleusercontent.com/a/1=s96-c',
    }
    const { status, body, headers } = await signIn(await googleToken({ claims }))
    expect(status).toBe(200)
    expect(body).toEqual({
      status: 'registration_required',
      registration_ticket: expect.any(String),
      expires_at: expect.any(String),
      suggested: { first_name: 'Noør', last_name: 'Çelik', email: claims.email, avatar_url: claims.picture },
    })
    const lifeMs = Date.parse(body.expires_at) - Date.now()
    expect([lifeMs > 590_000, lifeMs <= 600_000]).toEqual([true, true])
    expect(headers.get('Server-Timing')).toBe('db;desc="1 flight"')
  })

  it('suggests nothing that the provider did not say, or that is not of its kind', async () => {
    const tokens = [
      await googleToken({ omit: ['given_name', 'family_name', 'email', 'email_verified', 'picture'] }),
      await googleToken({ claims: { given_name: 1, family_name: null, email: 'nobody', picture: 'http://a.test/b' } }),
    ]
    for (const token of tokens) {
      const { body } = await signIn(token)
      expect(body).toMatchObject({ suggested: { first_name: null, last_name: null, email: null, avatar_url: null } })
    }
  })

  it('leaves nothing of the person until they register', async () => {
    const person = `new:${crypto.randomUUID()}`
    const { body } = await signIn(await googleToken({ person }))
    const email = 'suggested' in body ? body.suggested.email : ''
    expect(await tracesOf({ sub: await subjectOf(person), email })).toEqual({
      users: 0,
      identities: 0,
      login_tickets: 0,
      grants_to_revoke: 0,
    })
  })
})

describe('signing in again', () => {
  it('finds the same person in two flights, with a session of its own', async () => {
    const { user, token, person } = await newUser()
    const { status, body, headers } = await login({ token: await googleToken({ person }) })
    expect(status).toBe(200)
    expect(body).toEqual({
      status: 'authenticated',
      session_token: expect.not.stringContaining(token),
      expires_at: expect.any(String),
      user,
    })
    expect(headers.get('Server-Timing')).toBe('db;desc="2 flights"')
  })

  it('finds them by their subject, whatever address and names the provider sends by now', async () => {
    const { user, person } = await newUser()
    const claims = { email: `moved.${crypto.randomUUID()}@gmail.com`, given_name: 'Renamed' }
    const { body } = await login({ token: await googleToken({ person, claims }) })
    expect(body).toMatchObject({ status: 'authenticated', user })
  })

  it('never answers with the birthdate', async () => {
    const { person } = await newUser()
    expect(JSON.stringify(await again(person))).not.toContain('birthdate')
  })

  it('is refused with one answer while the account is being erased', async () => {
    const { user, person } = await newUser()
    await asOwner('update users set is_active = false where id = $1', [user.id])
    const { status, body } = await login({ token: await googleToken({ person }) })
    expect([status, body]).toEqual([
      403,
      {
        type: 'urn:neuraform:problem:forbidden',
        title: 'This is not allowed.',
        status: 403,
        code: 'forbidden',
        detail: 'This account is being erased.',
      },
    ])
    await asOwner('update users set is_active = true where id = $1', [user.id])
  })
})

describe('the session of a sign-in', () => {
  it('is a new one each time', async () => {
    const { token, person } = await newUser()
    const tokens = [
      token,
      ...(await Promise.all([1, 2, 3, 4].map(() => again(person)))).map((body) => body.session_token),
    ]
    expect(new Set(tokens).size).toBe(5)
    expect(await Promise.all(tokens.map(isLive))).toEqual([true, true, true, true, true])
  })

  it('ends the one whose token was presented, and no other', async () => {
    const { token, person } = await newUser()
    const other = (await again(person)).session_token
    const { body } = await login({ token: await googleToken({ person }) }, { Authorization: `Bearer ${token}` })
    const fresh = 'session_token' in body ? body.session_token : ''
    expect(await Promise.all([token, other, fresh].map(isLive))).toEqual([false, true, true])
  })

  it('ends the one that somebody else left on the device', async () => {
    const first = await newUser()
    const ticket = await registrationTicket()
    const { status } = await call('POST', '/auth/register', { token: first.token, body: registration(ticket) })
    expect([status, await isLive(first.token)]).toEqual([201, false])
  })

  it('stays when the sign-in that presented it is refused', async () => {
    const { token } = await newUser()
    expect((await login({ token: 'a.b.c' }, { Authorization: `Bearer ${token}` })).status).toBe(401)
    expect(await isLive(token)).toBe(true)
  })

  it.each(['Bearer nobody', 'Basic YTpi', 'Bearer', `Bearer nf_${'A'.repeat(51)}`])(
    'is given whatever else is presented: %s',
    async (authorization) => {
      const { person } = await newUser()
      const { status } = await login({ token: await googleToken({ person }) }, { Authorization: authorization })
      expect(status).toBe(200)
    },
  )
})

describe('twenty first sign-ins of one person at once', () => {
  it('come to one account: one registration, and the others hear that there is one', async () => {
    const person = `new:${crypto.randomUUID()}`
    const tickets = await Promise.all(Array.from({ length: 20 }, () => registrationTicket({ person })))
    const answers = await Promise.all(
      tickets.map((ticket) =>
        call<Authenticated | { code: string }>('POST', '/auth/register', { body: registration(ticket) }),
      ),
    )
    const outcomes = answers.map(({ status, body }) => `${status} ${'code' in body ? body.code : ''}`).toSorted()
    expect(outcomes).toEqual(['201 ', ...Array.from({ length: 19 }, () => '409 already_registered')])
    const { user } = await again(person)
    expect(await tracesOf({ sub: await subjectOf(person), email: user.email })).toEqual({
      users: 1,
      identities: 1,
      login_tickets: 0,
      grants_to_revoke: 0,
    })
  })

  it('leave nobody without an identity, and nobody without a key', async () => {
    const orphans = await asOwner(
      `select u.id from users u where not exists (select from identities i where i.user_id = u.id)
       or not exists (select from user_keys k where k.user_id = u.id)`,
    )
    expect(orphans).toEqual([])
  })

  it('after registering, give twenty sessions of the same person', async () => {
    const { user, person } = await newUser()
    const bodies = await Promise.all(Array.from({ length: 20 }, () => again(person)))
    expect(new Set(bodies.map((body) => body.session_token)).size).toBe(20)
    const profiles = await Promise.all(
      bodies.map((body) => call<Profile>('GET', '/auth/profile', { token: body.session_token })),
    )
    expect(new Set(profiles.map(({ body }) => body.id))).toEqual(new Set([user.id]))
  })
})

const Ring = z.object({ keys: z.record(z.string(), z.string()) })

/** The key-encryption keys of the test Worker and one more, of which the named one is current. */
function ringOf(current: string, names: readonly string[]): { KEY_ENCRYPTION_KEYS: string } {
  const { keys } = Ring.parse(JSON.parse(inject('stack').variables['KEY_ENCRYPTION_KEYS'] ?? ''))
  const all = { ...keys, k2: btoa('2'.repeat(32)) }
  const kept = Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)))
  return { KEY_ENCRYPTION_KEYS: JSON.stringify({ current, keys: kept }) }
}

describe('the key-encryption keys', () => {
  it('let everybody in while an older one is kept, and the current one wraps the keys of who comes', async () => {
    const rolled = ringOf('k2', ['local', 'k2'])
    const { user, person } = await newUser()
    const body = { provider: 'google', token: await googleToken({ person }) }
    const answer = await callWith<Authenticated>(rolled, 'POST', '/auth/login', { body })
    expect([answer.status, answer.body.user]).toEqual([200, user])
    const newcomer = await callWith<Authenticated>(rolled, 'POST', '/auth/register', {
      body: registration(await registrationTicket()),
    })
    const keys = await asOwner(
      'select user_id, key_encryption_key_id from user_keys where user_id in ($1, $2) order by created_at',
      [user.id, newcomer.body.user.id],
    )
    expect(keys).toEqual([
      { user_id: user.id, key_encryption_key_id: 'local' },
      { user_id: newcomer.body.user.id, key_encryption_key_id: 'k2' },
    ])
  })

  it('answer 503 to whom they cannot open, and start no session', async () => {
    const { user, person } = await newUser()
    const body = { provider: 'google', token: await googleToken({ person }) }
    const answer = await callWith<{ code: string }>(ringOf('k2', ['k2']), 'POST', '/auth/login', { body })
    expect([answer.status, answer.body.code, answer.headers.get('Retry-After')]).toEqual([503, 'key_unavailable', '60'])
    const sessions = await asOwner('select id from user_sessions where user_id = $1', [user.id])
    expect(sessions.length).toBe(1)
  })
})
