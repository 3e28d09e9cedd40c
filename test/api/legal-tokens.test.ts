import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { providers, type Provider } from '#src/auth/providers/verified-identity.ts'
import { freshNonce } from '#test/setup/client.ts'
import { databaseForMany } from '#test/setup/other-database.ts'
import { openGraph, type Graph } from '#test/setup/providers/graph.ts'
import type { ClaimChange } from '#test/setup/providers/illegal-claims.ts'
import { foundProvider, type PrivateProvider } from '#test/setup/providers/private-provider.ts'
import type { SigningWish } from '#test/setup/providers/signing-key.ts'
import { secondsFromNow } from '#test/setup/providers/vendors.ts'

const database = databaseForMany()
const founded = new Map<Provider, PrivateProvider>()

function provider(name: Provider): PrivateProvider {
  const found = founded.get(name)
  if (found === undefined) throw new Error(`${name} was not founded`)
  return found
}

let graph: Graph

beforeAll(async () => {
  for (const name of providers) founded.set(name, await foundProvider(name, database.variables))
  graph = openGraph(provider('facebook'))
})
afterEach(async () => {
  await database.letGo()
})
afterAll(() => {
  vi.mocked(fetch).mockRestore()
})

const legalClaims: Record<string, ClaimChange> = {
  'nothing changed': () => ({}),
  'only what must be there': () => ({
    email: undefined,
    given_name: undefined,
    family_name: undefined,
    picture: undefined,
  }),
  'an aud that is a list of ours': (_, { audience }) => ({ aud: [audience], azp: undefined }),
  'an aud of ours and another with ours as azp': (_, { audience }) => ({
    aud: [audience, 'somebody-else'],
    azp: audience,
  }),
  'an azp of ours': (_, { audience }) => ({ azp: audience }),
  'no azp': () => ({ azp: undefined }),
  'an iat 30 s ahead': () => ({ iat: secondsFromNow(30), exp: secondsFromNow(3_000) }),
  'an iat 59 minutes ago': () => ({ iat: secondsFromNow(-3_540), exp: secondsFromNow(60) }),
  'an iat with a fraction': () => ({ iat: secondsFromNow(0) - 0.5 }),
  'an exp 30 s ago': () => ({ iat: secondsFromNow(-600), exp: secondsFromNow(-30) }),
  'an exp a day after iat': () => ({ exp: secondsFromNow(86_390) }),
  'an exp a day after an iat that is 30 s ahead': () => ({ iat: secondsFromNow(30), exp: secondsFromNow(86_430) }),
  'an nbf in the past': () => ({ nbf: secondsFromNow(-10) }),
  'an nbf 30 s ahead': () => ({ nbf: secondsFromNow(30) }),
  'a sub of 255 characters': ({ sub }) => ({ sub: sub.padEnd(255, '0') }),
  'a sub that is one character': () => ({ sub: crypto.randomUUID().slice(0, 1) }),
  'no email': () => ({ email: undefined, email_verified: undefined }),
  'an email that is none': () => ({ email: 'nobody' }),
  'an email of another type': () => ({ email: { address: 'a@b.example' } }),
  'names and a picture of other types': () => ({ given_name: 7, family_name: {}, picture: 'javascript:alert(1)' }),
  'names beyond ASCII': () => ({ given_name: '美 👩🏽‍🚀', family_name: 'שלום O’Neil-Østergård' }),
  'names with NUL and lone surrogates': () => ({ given_name: 'A\0', family_name: 'B\ud800' }),
  'claims that nobody asked for': () => ({
    admin: true,
    role: 'admin',
    user_id: crypto.randomUUID(),
    deep: { a: [1] },
  }),
}

const legalHeaders: Record<string, SigningWish> = {
  'no typ': { header: { typ: null } },
  'its typ in lower case': { header: { typ: 'jwt' } },
  'a thumbprint': { header: { x5t: 'AAAA' } },
}

describe.each(providers)('a token of %s', (name) => {
  it.each(Object.entries(legalClaims))('is taken with %s', async (_, change) => {
    const { claims } = await provider(name).legal()
    const answer = await provider(name).signIn(
      await provider(name).token({ ...claims, ...change(claims, provider(name)) }),
    )
    expect([answer.status, answer.body.status]).toEqual([200, 'registration_required'])
  })

  it.each(Object.entries(legalHeaders))('is taken under a header with %s', async (_, wish) => {
    const answer = await provider(name).signIn(await provider(name).token({}, wish))
    expect([answer.status, answer.body.status]).toEqual([200, 'registration_required'])
  })

  it('is taken with the nonce that was presented, raw or as its SHA-256 in hex', async () => {
    const asItIs = (nonce: string) => nonce
    const hashed = async (nonce: string) =>
      new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(nonce))).toHex()
    for (const spell of [asItIs, hashed]) {
      const nonce = await freshNonce()
      const inToken = await spell(nonce)
      const answer = await provider(name).signIn(await provider(name).token({ nonce: inToken }), { nonce })
      expect(answer.status).toBe(200)
    }
  })

  it('suggests names and an address only where it has some that can be kept', async () => {
    const token = await provider(name).token({ given_name: 'A\0', family_name: 'x'.repeat(101), email: 'a@b' })
    expect((await provider(name).signIn(token)).body).toMatchObject({
      suggested: { first_name: null, last_name: null, email: null },
    })
  })
})

describe('a token of Google', () => {
  it.each(['neuraform-local', 'neuraform-ios', 'neuraform-android'])('may be for the client %s', async (aud) => {
    expect((await provider('google').signIn(await provider('google').token({ aud, azp: aud }))).status).toBe(200)
  })

  it('may be for one of our clients by way of another', async () => {
    const token = await provider('google').token({ azp: 'neuraform-android' })
    expect((await provider('google').signIn(token)).status).toBe(200)
  })
})

describe('a token of Apple', () => {
  it.each(['com.neuraform.companion', 'com.neuraform.tablet', 'com.neuraform.web'])('may be for %s', async (aud) => {
    expect((await provider('apple').signIn(await provider('apple').token({ aud }))).status).toBe(200)
  })

  it.each([true, 'true', false, 'false', undefined])('may say %j in each of its flags', async (flag) => {
    const token = await provider('apple').token({ email_verified: flag, is_private_email: flag })
    expect((await provider('apple').signIn(token)).status).toBe(200)
  })

  it('may have an address of the private relay, and of nobody’s name', async () => {
    const email = `${crypto.randomUUID().slice(0, 10)}@privaterelay.appleid.com`
    const { body } = await provider('apple').signIn(await provider('apple').token({ email, is_private_email: 'true' }))
    expect(body).toMatchObject({ suggested: { email, first_name: null, last_name: null, avatar_url: null } })
  })
})

describe('an access token of Facebook', () => {
  it('is taken, and suggests what Graph says', async () => {
    const { token } = graph.issue({ me: { email: 'ada@example.com', first_name: 'Noør', last_name: 'Çelik' } })
    const { status, body, headers } = await provider('facebook').signIn(token)
    expect([status, headers.get('Server-Timing')]).toEqual([200, 'db;desc="1 flight"'])
    expect(body).toMatchObject({
      suggested: {
        first_name: 'Noør',
        last_name: 'Çelik',
        email: 'ada@example.com',
        avatar_url: 'https://platform-lookaside.fbsbx.com/1.jpg',
      },
    })
  })

  it.each([
    ['no address', { email: undefined }],
    ['no names', { first_name: undefined, last_name: undefined }],
    ['no picture', { picture: undefined }],
    ['nothing but an id', { email: undefined, first_name: undefined, last_name: undefined, picture: undefined }],
  ])('is taken with %s', async (_, me) => {
    expect((await provider('facebook').signIn(graph.issue({ me }).token)).body.status).toBe('registration_required')
  })
})
