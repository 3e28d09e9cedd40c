import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { startUpstream, type Upstream } from '#scripts/upstream/server.ts'
import { workerVariables } from '#scripts/upstream/worker-variables.ts'
import { OpenAiError, post, read } from '#test/tools/upstream-client.ts'

const audience = 'test.apps.googleusercontent.com'
let upstream: Upstream

beforeAll(async () => {
  upstream = await startUpstream({ chunkDelayMs: 1 })
})
afterAll(async () => {
  await upstream.close()
})

describe('the local upstream', () => {
  it('counts the calls that reach a route, by path', async () => {
    const before = upstream.calls.get('/v1/models') ?? 0
    await fetch(`${upstream.origin}/v1/models`)
    await fetch(`${upstream.origin}/v1/models`)
    await fetch(`${upstream.origin}/nowhere`)
    expect(upstream.calls.get('/v1/models')).toBe(before + 2)
    expect(upstream.calls.has('/nowhere')).toBe(false)
    const counts = await read(await fetch(`${upstream.origin}/calls`), z.record(z.string(), z.number()))
    expect(counts['/v1/models']).toBe(before + 2)
  })

  it('lists what is here', async () => {
    const text = await (await fetch(upstream.origin)).text()
    for (const route of ['POST /google/id-token', 'POST /v1/chat/completions', 'POST /offline/speech']) {
      expect(text).toContain(route)
    }
  })

  it('refuses unknown paths, wrong methods and oversize bodies in the words of the vendor', async () => {
    const unknown = await post(`${upstream.origin}/v1/embeddings`, {})
    expect(unknown.status).toBe(404)
    expect((await read(unknown, OpenAiError)).error.type).toBe('invalid_request_error')
    const google = await fetch(`${upstream.origin}/google/id-token`)
    expect(google.status).toBe(405)
    expect(await google.json()).toEqual({
      error: 'invalid_request',
      error_description: '/google/id-token does not take GET.',
    })
    const oversize = await post(`${upstream.origin}/v1/chat/completions`, { filler: 'x'.repeat(1_100_000) })
    expect(oversize.status).toBe(413)
    expect((await fetch(`${upstream.origin}/elsewhere`)).status).toBe(404)
  })
})

const IssuedToken = z.strictObject({ id_token: z.string(), person: z.string() })

async function idToken(request: object): Promise<string> {
  return (await read(await post(`${upstream.origin}/google/id-token`, { audience, ...request }), IssuedToken)).id_token
}

const issuer = () => `${upstream.origin}/google`
const jwks = () => createRemoteJWKSet(new URL(`${issuer()}/jwks`))
const subjectOf = async (person: string) => decodeJwt(await idToken({ person })).sub

describe('the identity server', () => {
  it('has all that a Worker needs to sign people in with the three providers', () => {
    const { APPLE_PRIVATE_KEY: key, ...variables } = workerVariables.identity('http://127.0.0.1:2')
    const [google, facebook, apple] = ['google', 'facebook', 'apple'].map((name) => `http://127.0.0.1:2/${name}`)
    const endpointsOf = (base = '') => ({
      issuer: base,
      authorization: `${base}/authorize`,
      token: `${base}/token`,
      jwks: `${base}/jwks`,
      revocation: `${base}/revoke`,
    })
    expect(variables).toEqual({
      GOOGLE_CLIENT_ID: 'neuraform-local',
      GOOGLE_CLIENT_SECRET: 'local-google-secret',
      GOOGLE_ENDPOINTS: JSON.stringify(endpointsOf(google)),
      FACEBOOK_APP_ID: '1000200030004000',
      FACEBOOK_APP_SECRET: 'local-facebook-secret',
      FACEBOOK_ENDPOINTS: JSON.stringify({
        authorization: `${facebook}/dialog`,
        graph: `${facebook}/graph`,
        limited_issuer: `${facebook}/limited`,
        limited_jwks: `${facebook}/limited/jwks`,
      }),
      APPLE_CLIENT_ID: 'com.example.companion.web',
      APPLE_BUNDLE_IDS: 'com.example.companion,com.example.companion.mac',
      APPLE_TEAM_ID: 'LOCALTEAM1',
      APPLE_KEY_ID: 'LOCALKEY01',
      APPLE_ENDPOINTS: JSON.stringify(endpointsOf(apple)),
    })
    expect(key).toMatch(/^-----BEGIN PRIVATE KEY-----(\\n[\w+/=]+)+\\n-----END PRIVATE KEY-----$/)
  })

  it('signs ID tokens that verify against its published keys and carry what Google sends', async () => {
    const token = await idToken({ person: 'ada', nonce: 'n-1' })
    const { payload, protectedHeader } = await jwtVerify(token, jwks(), { issuer: issuer(), audience })
    expect(protectedHeader).toMatchObject({ alg: 'RS256', kid: expect.any(String) })
    expect(payload).toEqual({
      iss: issuer(),
      azp: audience,
      aud: audience,
      sub: expect.stringMatching(/^\d{21}$/),
      email: 'ada.marlowe@gmail.com',
      email_verified: true,
      name: 'Ada Marlowe',
      picture: expect.stringMatching(/^https:/),
      given_name: 'Ada',
      family_name: 'Marlowe',
      locale: 'en',
      iat: expect.any(Number),
      exp: Number(payload.iat) + 3600,
      nonce: 'n-1',
    })
  })

  it('publishes where its keys are', async () => {
    const discovery = await (await fetch(`${issuer()}/.well-known/openid-configuration`)).json()
    expect(discovery).toMatchObject({ issuer: issuer(), jwks_uri: `${issuer()}/jwks` })
  })

  it('has people with and without a domain, a verified address, an address, and enough years', async () => {
    const Listed = z.object({ label: z.string(), birthdate: z.iso.date() })
    const answer = await fetch(`${issuer()}/people`)
    const { people } = await read(answer, z.object({ people: z.array(Listed) }))
    const claims = await Promise.all(people.map(async ({ label }) => decodeJwt(await idToken({ person: label }))))
    expect(new Set(claims.map(({ sub }) => sub)).size).toBe(people.length)
    expect(claims.filter(({ hd }) => hd !== undefined)).toHaveLength(1)
    expect(claims.filter(({ email }) => email === undefined)).toHaveLength(1)
    expect(claims.filter((claim) => claim['email_verified'] === false)).toHaveLength(1)
    expect(claims.every((claim) => claim['birthdate'] === undefined)).toBe(true)
    const years = people.map(({ birthdate }) => (Date.now() - Date.parse(birthdate)) / 31_556_952_000)
    expect(years.filter((age) => age < 13)).toHaveLength(1)
    expect(years.filter((age) => age > 15.2 && age < 15.8)).toHaveLength(1)
  })

  it('makes the same person from the same label, and another one from another', async () => {
    expect(await subjectOf('new:one')).toBe(await subjectOf('new:one'))
    expect(await subjectOf('new:one')).not.toBe(await subjectOf('new:two'))
    expect(await subjectOf('new')).not.toBe(await subjectOf('new'))
  })

  it('signs whatever claims a test asks for', async () => {
    const token = await idToken({ person: 'ada', claims: { exp: 'soon', aud: ['a', 'b'] }, omit: ['iss', 'sub'] })
    const claims = decodeJwt(token)
    expect(claims).toMatchObject({ exp: 'soon', aud: ['a', 'b'] })
    expect('iss' in claims || 'sub' in claims).toBe(false)
  })

  it('keeps an older key published after a rotation, until it is retired', async () => {
    const older = await idToken({ person: 'ada' })
    await post(`${upstream.origin}/google/rotate-key`, {})
    const newer = await idToken({ person: 'ada' })
    expect(decodeProtectedHeader(newer).kid).not.toBe(decodeProtectedHeader(older).kid)
    await expect(jwtVerify(older, jwks(), { audience })).resolves.toBeDefined()
    await post(`${upstream.origin}/google/rotate-key`, { retire: true })
    await expect(jwtVerify(older, jwks(), { audience })).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' })
  })

  it('refuses a person whom nobody knows', async () => {
    const refused = await post(`${upstream.origin}/google/id-token`, { audience, person: 'nobody' })
    expect(refused.status).toBe(400)
  })
})
