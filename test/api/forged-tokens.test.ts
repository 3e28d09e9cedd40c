import { afterEach, beforeEach, describe, expect, it, vi, type MockInstance } from 'vitest'
import { call, googleToken, newUser, signIn, type Answer } from '#test/setup/client.ts'
import { attackersKey, attackersKeySetUrl, forgeries } from '#test/setup/forgeries.ts'
import {
  legalToken,
  ourAudience,
  secondsFromNow,
  signedPayload,
  subjectOf,
  type LegalToken,
} from '#test/setup/google-tokens.ts'
import { noTrace, tracesOf } from '#test/setup/traces.ts'

const refusal = {
  type: 'urn:neuraform:problem:invalid_identity_token',
  title: 'The identity token was not accepted.',
  status: 401,
  code: 'invalid_identity_token',
}

const flights = ({ headers }: Answer) => headers.get('Server-Timing')

/** What came of presenting a token: the answer, the flights that it took and the rows that it left. */
async function outcomeOf(token: string, about: { sub: unknown; email: unknown }) {
  const answer = await signIn(token)
  return { status: answer.status, body: answer.body, flights: flights(answer), traces: await tracesOf(about) }
}

const refused = { status: 401, body: refusal, flights: 'db;desc="0 flights"', traces: noTrace }

let asked: MockInstance<typeof fetch>

beforeEach(() => {
  const trueFetch = globalThis.fetch
  // An attacker who is asked for keys answers with good ones.
  asked = vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const url = input instanceof Request ? input.url : input.toString()
    if (url !== attackersKeySetUrl) return await trueFetch(input, init)
    const { kid } = await legalToken()
    return Response.json({ keys: [await attackersKey(kid)] })
  })
})
afterEach(() => {
  asked.mockRestore()
})

describe('a token that Google would not make', () => {
  it.each(Object.entries(forgeries))('is refused: %s', async (_, forge) => {
    const legal = await legalToken()
    expect(await outcomeOf(await forge(legal), legal.claims)).toEqual(refused)
  })

  it('is refused in the same bytes, whatever is wrong with it', async () => {
    const legal = await legalToken()
    const tokens = await Promise.all(Object.values(forgeries).map(async (forge) => await forge(legal)))
    const bodies = await Promise.all(tokens.map(async (token) => JSON.stringify((await signIn(token)).body)))
    expect(new Set(bodies)).toEqual(new Set([JSON.stringify(refusal)]))
  })

  it('is not even looked at when it is empty, too long or no text', async () => {
    for (const token of ['', 'a'.repeat(16_001), 7, null, ['a.b.c'], { token: 'a.b.c' }]) {
      const answer = await call('POST', '/auth/login', { body: { provider: 'google', token } })
      expect([token, answer.status, flights(answer)]).toEqual([token, 422, 'db;desc="0 flights"'])
    }
  })

  it('never makes the keys come from where the token says', async () => {
    const legal = await legalToken()
    for (const name of ['another key that jku points at', 'another key that x5u points at']) {
      await signIn((await forgeries[name]?.(legal)) ?? '')
    }
    const urls = asked.mock.calls.map(([input]) => (input instanceof Request ? input.url : input.toString()))
    expect(urls.filter((url) => url.startsWith('https://attacker.test'))).toEqual([])
  })
})

type ClaimChange = (legal: LegalToken['claims']) => Record<string, unknown>

const illegalClaims: Record<string, ClaimChange> = {
  'no exp': () => ({ exp: undefined }),
  'an exp that is a text': () => ({ exp: String(secondsFromNow(3_600)) }),
  'an exp in the past': () => ({ iat: secondsFromNow(-600), exp: secondsFromNow(-61) }),
  'an exp more than a day ahead': () => ({ exp: secondsFromNow(86_400 + 120) }),
  'an exp a day and more after iat': () => ({ iat: secondsFromNow(-300), exp: secondsFromNow(86_400 - 200) }),
  'no iat': () => ({ iat: undefined }),
  'an iat that is a text': () => ({ iat: String(secondsFromNow(0)) }),
  'an iat more than five minutes ahead': () => ({ iat: secondsFromNow(310), exp: secondsFromNow(3_000) }),
  'an iat two minutes ahead': () => ({ iat: secondsFromNow(120), exp: secondsFromNow(3_000) }),
  'an iat more than an hour ago': () => ({ iat: secondsFromNow(-3_700), exp: secondsFromNow(600) }),
  'an nbf ahead': () => ({ nbf: secondsFromNow(120) }),
  'an nbf that is a text': () => ({ nbf: 'now' }),
  'no sub': () => ({ sub: undefined }),
  'an empty sub': () => ({ sub: '' }),
  'a sub that is a number': ({ sub }) => ({ sub: Number(sub) }),
  'a sub that is an object': ({ sub }) => ({ sub: { id: sub } }),
  'a sub that is an array': ({ sub }) => ({ sub: [sub] }),
  'a sub that is null': () => ({ sub: null }),
  'a sub of 256 characters': ({ sub }) => ({ sub: sub.padEnd(256, '0') }),
  'a sub with NUL': ({ sub }) => ({ sub: `${sub}\0` }),
  'a sub with a lone surrogate': ({ sub }) => ({ sub: `${sub}\ud800` }),
  'no aud': () => ({ aud: undefined }),
  'an aud that is not ours': () => ({ aud: 'somebody-else', azp: 'somebody-else' }),
  'an aud that is not ours with ours as azp': () => ({ aud: 'somebody-else', azp: ourAudience }),
  'an aud that begins with ours': () => ({ aud: `${ourAudience}.evil`, azp: undefined }),
  'an aud of an empty list': () => ({ aud: [], azp: undefined }),
  'an aud of ours and another without azp': () => ({ aud: [ourAudience, 'somebody-else'], azp: undefined }),
  'an aud of ours and another with the other as azp': () => ({
    aud: [ourAudience, 'somebody-else'],
    azp: 'somebody-else',
  }),
  'an azp that is not ours': () => ({ azp: 'somebody-else' }),
  'an azp that is a list': () => ({ azp: [ourAudience] }),
  'an azp that is empty': () => ({ azp: '' }),
  'no iss': () => ({ iss: undefined }),
  'another issuer': () => ({ iss: 'https://accounts.attacker.test' }),
  'the real Google as issuer, where another is configured': () => ({ iss: 'https://accounts.google.com' }),
  'an issuer that begins with ours': ({ iss }) => ({ iss: `${String(iss)}/` }),
  'an issuer in a list': ({ iss }) => ({ iss: [iss] }),
}

describe('a token that Google signed', () => {
  it.each(Object.entries(illegalClaims))('is refused for %s', async (_, change) => {
    const { claims } = await legalToken()
    const changed = { ...claims, ...change(claims) }
    const token = await signedPayload(JSON.stringify(changed))
    expect(await outcomeOf(token, { sub: changed['sub'] ?? claims.sub, email: claims.email })).toEqual(refused)
  })

  const legalClaims: Record<string, ClaimChange> = {
    'an aud that is a list of ours': () => ({ aud: [ourAudience], azp: undefined }),
    'an aud of ours and another with ours as azp': () => ({ aud: [ourAudience, 'somebody-else'], azp: ourAudience }),
    'an azp of ours': () => ({ azp: ourAudience }),
    'no azp': () => ({ azp: undefined }),
    'an iat 30 s ahead': () => ({ iat: secondsFromNow(30), exp: secondsFromNow(3_000) }),
    'an iat 59 minutes ago': () => ({ iat: secondsFromNow(-3_540), exp: secondsFromNow(60) }),
    'an exp 30 s ago': () => ({ iat: secondsFromNow(-600), exp: secondsFromNow(-30) }),
    'an exp a day after iat': () => ({ exp: secondsFromNow(86_390) }),
    'an nbf in the past': () => ({ nbf: secondsFromNow(-10) }),
    'a sub of 255 characters': ({ sub }) => ({ sub: sub.padEnd(255, '0') }),
    'a sub that is one character': () => ({ sub: crypto.randomUUID().slice(0, 1) }),
    'no email': () => ({ email: undefined, email_verified: undefined }),
    'an email that is none': () => ({ email: 'nobody' }),
    'names and a picture of other types': () => ({ given_name: 7, family_name: {}, picture: 'javascript:alert(1)' }),
    'claims that nobody asked for': () => ({ admin: true, role: 'admin', user_id: crypto.randomUUID() }),
  }

  it.each(Object.entries(legalClaims))('is taken with %s', async (_, change) => {
    const { claims } = await legalToken()
    const answer = await signIn(await signedPayload(JSON.stringify({ ...claims, ...change(claims) })))
    expect([answer.status, answer.body.status]).toEqual([200, 'registration_required'])
  })

  it('is taken with a header that has no typ', async () => {
    const { claims } = await legalToken()
    expect((await signIn(await signedPayload(JSON.stringify(claims), { typ: null }))).status).toBe(200)
  })

  it('leaves traces that these tests would see, once somebody registers with it', async () => {
    const { user, person } = await newUser()
    expect(await tracesOf({ sub: await subjectOf(person), email: user.email })).toEqual({
      users: 1,
      identities: 1,
      login_tickets: 0,
    })
  })
})

describe('a token that somebody else issued', () => {
  it('gives nobody a session with the email address of a person who is here', async () => {
    const { user } = await newUser()
    const { claims } = await legalToken()
    const iss = 'https://accounts.attacker.test'
    const token = await signedPayload(JSON.stringify({ ...claims, iss, email: user.email, email_verified: true }))
    const answer = await signIn(token)
    expect([answer.status, answer.body]).toEqual([401, refusal])
  })

  it.each(['facebook', 'apple'])('is no session when Google’s is presented as one of %s', async (provider) => {
    const { person } = await newUser()
    const answer = await call('POST', '/auth/login', { body: { provider, token: await googleToken({ person }) } })
    expect([answer.status, answer.body]).toEqual([
      503,
      {
        type: 'urn:neuraform:problem:not_configured',
        title: 'This feature is not configured.',
        status: 503,
        code: 'not_configured',
        detail: `Sign-in with ${provider} is not configured.`,
      },
    ])
    expect(flights(answer)).toBe('db;desc="0 flights"')
  })

  it.each(['Google', 'github', '', 'google ', null, ['google']])('has no provider called %j', async (provider) => {
    const answer = await call('POST', '/auth/login', { body: { provider, token: await googleToken() } })
    expect([answer.status, flights(answer)]).toEqual([422, 'db;desc="0 flights"'])
  })
})
