import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { providers, type Provider } from '#src/auth/providers/verified-identity.ts'
import type { Env } from '#src/config.ts'
import { atOnce } from '#test/setup/at-once.ts'
import { call, googleToken, newUser, type Answer } from '#test/setup/client.ts'
import { subjectOf } from '#test/setup/google-tokens.ts'
import { databaseForMany } from '#test/setup/other-database.ts'
import { answerFor, type Asked } from '#test/setup/providers/fake-world.ts'
import { attackersKey, attackersKeySetUrl, forgeries } from '#test/setup/providers/forgeries.ts'
import { openGraph } from '#test/setup/providers/graph.ts'
import { foundProvider, type PrivateProvider } from '#test/setup/providers/private-provider.ts'
import { noTrace, tracesOf } from '#test/setup/traces.ts'
import { callWith } from '#test/setup/worker-with.ts'

const refusal = {
  type: 'urn:neuraform:problem:invalid_identity_token',
  title: 'The identity token was not accepted.',
  status: 401,
  code: 'invalid_identity_token',
}

const flights = ({ headers }: Answer) => headers.get('Server-Timing')
const refused = { status: 401, body: refusal, flights: 'db;desc="0 flights"', traces: noTrace }

/** What came of presenting a token: the answer, the flights that it took and the rows that it left. */
async function outcomeOf(presented: PrivateProvider, token: string, about: { sub: unknown; email: unknown }) {
  const answer = await presented.signIn(token)
  const traces = await tracesOf({ ...about, issuer: presented.origin })
  return { status: answer.status, body: answer.body, flights: flights(answer), traces }
}

const database = databaseForMany()

const askedOfAttacker: Asked[] = []
const founded = new Map<Provider, PrivateProvider>()

function provider(name: Provider): PrivateProvider {
  const found = founded.get(name)
  if (found === undefined) throw new Error(`${name} was not founded`)
  return found
}

beforeAll(async () => {
  for (const name of providers) founded.set(name, await foundProvider(name, database.variables))
  openGraph(provider('facebook'))
  // An attacker who is asked for keys answers with good ones.
  answerFor(new URL(attackersKeySetUrl).origin, async (asked) => {
    askedOfAttacker.push(asked)
    const keys = providers.map(async (name) => await attackersKey(provider(name).key().jwk.kid))
    return Response.json({ keys: await Promise.all(keys) })
  })
  return () => vi.mocked(fetch).mockRestore()
})

afterEach(async () => {
  await database.letGo()
})

describe.each(providers)('a forged token of %s', (name) => {
  const outcomes = atOnce(forgeries, async (forge) => {
    const legal = await provider(name).legal()
    return await outcomeOf(provider(name), await forge(legal, provider(name)), legal.claims)
  })

  it.each(Object.keys(forgeries))('is refused: %s', async (what) => {
    expect(await outcomes.of(what)).toEqual(refused)
  })

  it('is refused as a word', async () => {
    const legal = await provider(name).legal()
    expect(await outcomeOf(provider(name), 'token', legal.claims)).toEqual(refused)
  })

  it('is refused in the same bytes, whatever is wrong with it', async () => {
    const bodies = (await outcomes.all()).map(({ body }) => JSON.stringify(body))
    expect(bodies.length).toBe(Object.keys(forgeries).length)
    expect(new Set(bodies)).toEqual(new Set([JSON.stringify(refusal)]))
  })

  it('is refused for a nonce that was presented: another one, its hash, or one that the token has not', async () => {
    const nonce = crypto.randomUUID()
    const withNonce = await provider(name).token({ nonce })
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(nonce))).toHex()
    const answers = [
      await provider(name).signIn(withNonce, { nonce: crypto.randomUUID() }),
      await provider(name).signIn(withNonce, { nonce: hash }),
      await provider(name).signIn(withNonce, { nonce: nonce.toUpperCase() }),
      await provider(name).signIn(withNonce),
      await provider(name).signIn(await provider(name).token(), { nonce }),
      await provider(name).signIn(await provider(name).token({ nonce: hash.toUpperCase() }), { nonce }),
      await provider(name).signIn(await provider(name).token({ nonce: 7 }), { nonce: '7' }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401, 401, 401])
  })

  it('is not even looked at when it is empty, too long or no text', async () => {
    for (const token of ['', 'a'.repeat(16_001), 7, null, ['a.b.c'], { token: 'a.b.c' }]) {
      const answer = await call('POST', '/auth/login', { body: { provider: name, token } })
      expect([token, answer.status, flights(answer)]).toEqual([token, 422, 'db;desc="0 flights"'])
    }
  })

  it('makes no key come from where it says', async () => {
    const legal = await provider(name).legal()
    for (const forgery of ['another key that jku points at', 'another key that x5u points at']) {
      await provider(name).signIn((await forgeries[forgery]?.(legal, provider(name))) ?? '')
    }
    expect(askedOfAttacker).toEqual([])
  })

  it('gives nobody the session of a person whose address it names', async () => {
    const { user } = await newUser()
    const claims = { email: user.email, email_verified: true }
    const { signIn, legal, token } = provider(name)
    const forged = [
      await token({ ...claims, iss: 'https://accounts.attacker.test' }),
      (await forgeries['another key under the true kid']?.(await legal(claims), provider(name))) ?? '',
    ]
    for (const one of forged) expect(await signIn(one)).toMatchObject({ status: 401, body: refusal })
  })
})

const pairs = providers.flatMap((posted) =>
  providers.filter((from) => from !== posted).map((from) => [from, posted] as const),
)

describe('a token of another provider', () => {
  it.each(pairs)('is refused: one of %s posted as one of %s', async (from, posted) => {
    const { token, claims } = await provider(from).legal()
    expect(await outcomeOf(provider(posted), token, claims)).toEqual(refused)
  })

  it.each(pairs)('is refused though it names who is asked: one that %s signed as %s', async (from, posted) => {
    const { claims, kid } = await provider(posted).legal()
    for (const header of [{}, { kid }]) {
      const token = await provider(from).key().sign(JSON.stringify(claims), { header })
      expect(await outcomeOf(provider(posted), token, claims)).toEqual(refused)
    }
  })

  it.each(pairs)('is refused under its own issuer and our audience: %s posted as %s', async (from, posted) => {
    const { claims } = await provider(from).legal({ aud: provider(posted).audience, azp: undefined })
    const token = await provider(from).key().sign(JSON.stringify(claims))
    expect(await outcomeOf(provider(posted), token, claims)).toEqual(refused)
  })
})

describe('a provider', () => {
  it.each([
    ['facebook', 'Facebook'],
    ['apple', 'Apple'],
  ])('that is not configured takes nobody: %s', async (name, called) => {
    const { person } = await newUser()
    const unset = {
      FACEBOOK_APP_ID: undefined,
      APPLE_CLIENT_ID: undefined,
      APPLE_BUNDLE_IDS: undefined,
    } as Partial<Env>
    const answer = await callWith(unset, 'POST', '/auth/login', {
      body: { provider: name, token: await googleToken({ person }) },
    })
    expect([answer.status, flights(answer), answer.body]).toEqual([
      503,
      'db;desc="0 flights"',
      {
        type: 'urn:neuraform:problem:not_configured',
        title: 'This feature is not configured.',
        status: 503,
        code: 'not_configured',
        detail: `Sign-in with ${called} is not configured.`,
      },
    ])
  })

  it.each(['Google', 'github', '', 'google ', null, ['google']])('is none that is called %j', async (name) => {
    const answer = await call('POST', '/auth/login', { body: { provider: name, token: await googleToken() } })
    expect([answer.status, flights(answer)]).toEqual([422, 'db;desc="0 flights"'])
  })
})

it('These tests would see the traces that somebody leaves who registers', async () => {
  const { user, person } = await newUser()
  expect(await tracesOf({ sub: await subjectOf(person), email: user.email })).toEqual({
    users: 1,
    identities: 1,
    login_tickets: 0,
    grants_to_revoke: 0,
  })
})
