import { describe, expect, inject, it } from 'vitest'
import type { Authenticated, RegistrationRequired } from '#src/auth/shapes.ts'
import { ask, codeOf } from '#test/setup/ask.ts'
import { call, googleToken, registration } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { runSchedule } from '#test/setup/worker-with.ts'

const newPerson = () => `new:${crypto.randomUUID()}`

async function upstream<T>(path: string, body: unknown): Promise<T> {
  const response = await fetch(`${inject('stack').upstreamOrigin}${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  return (await response.json()) as T
}

const tokens = {
  apple: async (person: string) => (await upstream<{ id_token: string }>('/apple/id-token', { person })).id_token,
  facebook: async (person: string) =>
    (await upstream<{ access_token: string }>('/facebook/access-token', { person })).access_token,
}
type Told = keyof typeof tokens

/** Somebody who signed up with a provider. */
async function newUserOf(provider: Told, person: string): Promise<Authenticated> {
  const body = { provider, token: await tokens[provider](person) }
  const { body: offered } = await call<RegistrationRequired>('POST', '/auth/login', { body })
  return (await call<Authenticated>('POST', '/auth/register', { body: registration(offered.registration_ticket) })).body
}

const appleMessage = async (person: string, type: string, wish = {}) =>
  (await upstream<{ payload: string }>('/apple/notification', { person, type, ...wish })).payload
const facebookMessage = async (person: string, wish = {}) =>
  (await upstream<{ signed_request: string }>('/facebook/signed-request', { person, ...wish })).signed_request

const tellApple = async (payload: string) =>
  await ask('POST', '/providers/apple/notifications', { body: JSON.stringify({ payload }) })
const tellFacebook = async (path: 'deauthorize' | 'data-deletion', signed: string) =>
  await ask('POST', `/providers/facebook/${path}`, {
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ signed_request: signed }).toString(),
  })

/** Tells of somebody that they withdrew their consent, or deleted their account; the same message each time. */
async function message(provider: Told, person: string, what: 'deauthorized' | 'deleted') {
  if (provider === 'apple') {
    const payload = await appleMessage(person, what === 'deleted' ? 'account-delete' : 'consent-revoked')
    return async () => await tellApple(payload)
  }
  const signed = await facebookMessage(person)
  return async () => await tellFacebook(what === 'deleted' ? 'data-deletion' : 'deauthorize', signed)
}

const alive = async (token: string) => (await call('GET', '/auth/session', { token })).status
const rows = async (userId: string) => (await asOwner('select from users where id = $1', [userId])).length
const told = async (userId: string) =>
  await asOwner<{ action: string }>(
    `select l.action from audit_log l join audit_chains c on c.chain_id = l.chain_id
     where c.user_id = $1 and l.action = 'provider.notified'`,
    [userId],
  )

describe.each(['apple', 'facebook'] as const)('%s', (provider) => {
  it('ends the sessions of somebody who withdrew their consent, once, and lets them in again', async () => {
    const person = newPerson()
    const { session_token: token, user } = await newUserOf(provider, person)
    const tell = await message(provider, person, 'deauthorized')
    const answers = await Promise.all(Array.from({ length: 20 }, tell))
    expect(answers.map(({ status, text }) => [status, text])).toEqual(answers.map(() => [200, '']))
    expect([await alive(token), (await told(user.id)).length]).toEqual([401, 1])
    const login = { body: { provider, token: await tokens[provider](person) } }
    const again = await call<Authenticated>('POST', '/auth/login', login)
    expect(again.body.user.id).toBe(user.id)
    expect((await tell()).status).toBe(200)
    expect(await alive(again.body.session_token)).toBe(200)
  })

  it('has the account of somebody who deleted theirs erased by the sweep, once', async () => {
    const person = newPerson()
    const { session_token: token, user } = await newUserOf(provider, person)
    const tell = await message(provider, person, 'deleted')
    const answers = await Promise.all(Array.from({ length: 20 }, tell))
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect([answers[0]?.status, await alive(token), await rows(user.id)]).toEqual([200, 401, 1])
    const erasures = await asOwner<{ id: string }>('select id from erasures where user_id = $1', [user.id])
    expect(erasures.length).toBe(1)
    await runSchedule()
    expect(await rows(user.id)).toBe(0)
    expect((await tell()).text).toBe(answers[0]?.text)
    const state = await call('GET', `/erasures/${erasures[0]?.id ?? ''}`)
    expect(state.body).toMatchObject({ state: 'complete' })
  })

  it('takes the identity alone from somebody who can sign in otherwise', async () => {
    const person = newPerson()
    const { session_token: token, user } = await newUserOf(provider, person)
    const google = { provider: 'google', token: await googleToken() }
    expect((await call('POST', '/auth/identities', { token, body: google })).status).toBe(201)
    expect((await (await message(provider, person, 'deleted'))()).status).toBe(200)
    expect([await alive(token), await rows(user.id)]).toEqual([401, 1])
    const again = await call<Authenticated>('POST', '/auth/login', { body: google })
    expect([again.status, again.body.user.id]).toEqual([200, user.id])
  })

  it('is thanked for what it tells of somebody whom nobody knows', async () => {
    for (const what of ['deauthorized', 'deleted'] as const) {
      const answer = await (await message(provider, newPerson(), what))()
      expect(answer.status).toBe(200)
    }
  })
})

describe('Apple', () => {
  it.each(['email-disabled', 'email-enabled'])('changes no session by %s', async (type) => {
    const person = newPerson()
    const { session_token: token, user } = await newUserOf('apple', person)
    expect((await tellApple(await appleMessage(person, type))).status).toBe(200)
    expect([await alive(token), (await told(user.id)).length]).toEqual([200, 1])
  })

  it('spells the deletion of an account both ways, and may tell of what nobody knows yet', async () => {
    const person = newPerson()
    const { session_token: token } = await newUserOf('apple', person)
    const unknown = await appleMessage(person, 'consent-revoked', { event: { type: 'moved-to-the-moon' } })
    expect([(await tellApple(unknown)).status, await alive(token)]).toEqual([200, 200])
    expect((await tellApple(await appleMessage(person, 'account-deleted'))).status).toBe(200)
    expect(await alive(token)).toBe(401)
  })

  it('is not believed where the message is forged, of another team, too old or half', async () => {
    const person = newPerson()
    const { session_token: token } = await newUserOf('apple', person)
    const now = Math.floor(Date.now() / 1_000)
    const type = 'account-delete'
    const good = await appleMessage(person, type)
    const [head = '', body = '', signature = ''] = good.split('.')
    const bad = [
      await appleMessage(person, type, { audience: 'com.evil.app' }),
      await appleMessage(person, type, { claims: { aud: ['com.example.companion', 'com.evil.app'] } }),
      await appleMessage(person, type, { claims: { iss: 'https://evil.test' } }),
      await appleMessage(person, type, { claims: { iat: now - 4 * 86_400 } }),
      await appleMessage(person, type, { claims: { exp: now - 3_600 } }),
      await appleMessage(person, type, { omit: ['iat'] }),
      await appleMessage(person, type, { omit: ['jti'] }),
      await appleMessage(person, type, { omit: ['events'] }),
      await appleMessage(person, type, { claims: { events: { type, sub: 'x' } } }),
      await appleMessage(person, type, { claims: { events: '{"type":"account-delete"}' } }),
      await appleMessage(person, type, { claims: { events: '{' } }),
      await tokens.apple(person),
      `${btoa('{"alg":"none"}').replaceAll('=', '')}.${body}.`,
      `${head}.${body}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
      `${head}.${body}`,
      'x',
    ]
    for (const [index, payload] of bad.entries()) {
      const answer = await tellApple(payload)
      expect([index, answer.status, codeOf(answer), answer.flights]).toEqual([index, 401, 'invalid_identity_token', 0])
    }
    expect(await alive(token)).toBe(200)
  })
})

describe('what is told late', () => {
  const hourAgo = Date.now() - 3_600_000
  it.each([
    ['apple', 'deauthorized'],
    ['apple', 'deleted'],
    ['facebook', 'deauthorized'],
    ['facebook', 'deleted'],
  ] as const)('leaves alone who has come again since: %s, %s', async (provider, what) => {
    const person = newPerson()
    const { session_token: token, user } = await newUserOf(provider, person)
    const wish = { event: { event_time: hourAgo }, claims: { issued_at: Math.floor(hourAgo / 1_000) } }
    const answer =
      provider === 'apple'
        ? await tellApple(
            await appleMessage(person, what === 'deleted' ? 'account-delete' : 'consent-revoked', {
              event: wish.event,
            }),
          )
        : await tellFacebook(
            what === 'deleted' ? 'data-deletion' : 'deauthorize',
            await facebookMessage(person, { claims: wish.claims }),
          )
    expect([answer.status, await alive(token), await rows(user.id), await told(user.id)]).toEqual([200, 200, 1, []])
  })
})

describe('Facebook', () => {
  it('is not believed where the request is forged, too old or half', async () => {
    const person = newPerson()
    const { session_token: token } = await newUserOf('facebook', person)
    const now = Math.floor(Date.now() / 1_000)
    const good = await facebookMessage(person)
    const [signature = '', payload = ''] = good.split('.')
    const bad = [
      await facebookMessage(person, { app_secret: 'another' }),
      await facebookMessage(person, { claims: { algorithm: 'none' } }),
      await facebookMessage(person, { claims: { algorithm: null } }),
      await facebookMessage(person, { claims: { user_id: null } }),
      await facebookMessage(person, { claims: { user_id: '../me' } }),
      await facebookMessage(person, { claims: { issued_at: null } }),
      await facebookMessage(person, { claims: { issued_at: now - 4 * 86_400 } }),
      await facebookMessage(person, { claims: { issued_at: now + 3_600 } }),
      // What Facebook's SDK gives to pages, under the same secret.
      await facebookMessage(person, { claims: { code: 'AQB' } }),
      await facebookMessage(person, { claims: { oauth_token: 'EAAB' } }),
      await facebookMessage(person, { payload: '{' }),
      await facebookMessage(person, { payload: 'null' }),
      `${signature}.${payload}x`,
      `${signature.slice(0, 20)}.${payload}`,
      `.${payload}`,
      `${signature}.`,
      `${good}.x`,
      '',
      'x'.repeat(9_000),
    ]
    for (const path of ['deauthorize', 'data-deletion'] as const) {
      for (const [index, signed] of bad.entries()) {
        const answer = await tellFacebook(path, signed)
        expect([index, answer.status, codeOf(answer), answer.flights]).toEqual([
          index,
          401,
          'invalid_identity_token',
          0,
        ])
      }
    }
    expect(await alive(token)).toBe(200)
  })

  it('sends a form with the one field, and nothing else is read', async () => {
    for (const [type, body, code] of [
      ['application/json', '{"signed_request":"x"}', 'unsupported_media_type'],
      ['application/x-www-form-urlencoded', 'other=1', 'invalid_body'],
      ['application/x-www-form-urlencoded', 'signed_request=a&signed_request=b', 'malformed_body'],
      ['application/x-www-form-urlencoded', `signed_request=${'x'.repeat(20_000)}`, 'payload_too_large'],
    ] as const) {
      const answer = await ask('POST', '/providers/facebook/deauthorize', { headers: { 'Content-Type': type }, body })
      expect([body.slice(0, 40), codeOf(answer)]).toEqual([body.slice(0, 40), code])
    }
  })

  it('can lead people to a page that says how far their deletion has come', async () => {
    const person = newPerson()
    await newUserOf('facebook', person)
    const answer = await tellFacebook('data-deletion', await facebookMessage(person))
    const { url, confirmation_code: code } = JSON.parse(answer.text) as { url: string; confirmation_code: string }
    expect(url).toBe(`https://neuraform.test/erasures/${code}`)
    const page = await ask('GET', new URL(url).pathname, { headers: { Accept: 'text/html' } })
    expect([page.status, page.headers.get('Content-Type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(page.text).toContain(code)
    expect((await ask('GET', new URL(url).pathname)).headers.get('Content-Type')).toBe('application/json')
    await runSchedule()
  })
})
