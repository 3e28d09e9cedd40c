import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { providers, type Provider } from '#src/auth/providers/verified-identity.ts'
import { databaseForMany } from '#test/setup/other-database.ts'
import { attackersKey, attackersKeySetUrl, forgeries } from '#test/setup/providers/forgeries.ts'
import { answerFor } from '#test/setup/providers/fake-world.ts'
import { graphPaths, illegalAccessTokens, openGraph, type Graph } from '#test/setup/providers/graph.ts'
import { foundProvider, type LegalToken, type PrivateProvider } from '#test/setup/providers/private-provider.ts'
import { Browser, newVerifier, returned } from '#test/setup/redirect.ts'
import { noTrace, tracesOf } from '#test/setup/traces.ts'

// Facebook's redirect brings an access token, which Graph is asked about, and no ID token.
const signing = ['google', 'apple'] as const satisfies Provider[]
const redirectAudience = { google: 'neuraform-local', apple: 'com.neuraform.web' }

const database = databaseForMany()
const founded = new Map<Provider, PrivateProvider>()
let graph: Graph

function provider(name: Provider): PrivateProvider {
  const found = founded.get(name)
  if (found === undefined) throw new Error(`${name} was not founded`)
  return found
}

beforeAll(async () => {
  for (const name of providers) founded.set(name, await foundProvider(name, database.variables))
  graph = openGraph(provider('facebook'))
  answerFor(new URL(attackersKeySetUrl).origin, async () => {
    const keys = signing.map(async (name) => await attackersKey(provider(name).key().jwk.kid))
    return Response.json({ keys: await Promise.all(keys) })
  })
  return () => vi.mocked(fetch).mockRestore()
})

afterEach(async () => {
  await database.letGo()
})

/** A sign-in by redirect for which the token endpoint answers what a test makes of a legal token. */
async function comeBackWith(
  name: (typeof signing)[number],
  forge: (legal: LegalToken) => string | Promise<string>,
  change: (claims: { nonce: string }) => Record<string, unknown> = (claims) => claims,
) {
  const from = provider(name)
  const browser = new Browser(from.variables)
  const { challenge } = await newVerifier()
  const { headers } = await browser.start(name, { code_challenge: challenge })
  const { searchParams } = new URL(headers.get('Location') ?? '')
  const nonce = searchParams.get('nonce') ?? ''
  const legal = await from.legal({ aud: redirectAudience[name], ...change({ nonce }) })
  const idToken = await forge(legal)
  from.publish('/token', () => Response.json({ id_token: idToken, access_token: 'x', token_type: 'Bearer' }))
  const parameters = { state: searchParams.get('state') ?? '', code: crypto.randomUUID() }
  const answer = await browser.callBack(name, { method: name === 'apple' ? 'POST' : 'GET', parameters })
  return { answer, legal }
}

describe.each(signing)('a token endpoint of %s', (name) => {
  it('that answers a legal token lets its person in', async () => {
    const { answer } = await comeBackWith(name, ({ token }) => token)
    expect(returned(answer)).toEqual({ code: expect.any(String) })
  })

  it.each(Object.entries(forgeries))('that answers a forged one is not believed: %s', async (_, forge) => {
    const { answer, legal } = await comeBackWith(name, async (good) => await forge(good, provider(name)))
    const nonsense = answer.text.includes('<small>upstream_nonsense</small>')
    expect([answer.status, answer.headers.get('Location')]).toEqual([nonsense ? 502 : 401, null])
    expect(await tracesOf({ ...legal.claims, issuer: provider(name).origin })).toEqual(noTrace)
  })

  it.each([
    ['none', () => ({})],
    ['another', () => ({ nonce: crypto.randomUUID() })],
    ['an empty one', () => ({ nonce: '' })],
    ['a number', () => ({ nonce: 7 })],
  ])('that answers one with %s in place of the nonce is not believed', async (_, change) => {
    const { answer } = await comeBackWith(name, ({ token }) => token, change)
    expect([answer.status, answer.headers.get('Location')]).toEqual([401, null])
  })
})

/** A sign-in by redirect for which Facebook's token endpoint gives this access token. */
async function comeBackFromFacebook(token: unknown) {
  const from = provider('facebook')
  const browser = new Browser(from.variables)
  const { challenge } = await newVerifier()
  const { headers } = await browser.start('facebook', { code_challenge: challenge })
  const state = new URL(headers.get('Location') ?? '').searchParams.get('state') ?? ''
  from.publish(graphPaths.token, () =>
    Response.json({ access_token: token, token_type: 'bearer', expires_in: 5_183_944 }),
  )
  return await browser.callBack('facebook', { method: 'GET', parameters: { state, code: crypto.randomUUID() } })
}

describe('a token endpoint of facebook', () => {
  it('that answers a legal token lets its person in', async () => {
    expect(returned(await comeBackFromFacebook(graph.issue().token))).toEqual({ code: expect.any(String) })
  })

  it.each(Object.entries(illegalAccessTokens))('that answers an access token is not believed: %s', async (_, wish) => {
    const { token, id } = graph.issue(wish)
    const answer = await comeBackFromFacebook(token)
    expect([answer.status, answer.headers.get('Location')]).toEqual([401, null])
    expect(await tracesOf({ sub: id, email: '', issuer: provider('facebook').origin })).toEqual(noTrace)
  })

  // Nothing in this flow is a JWT: one that would be good at the other entry is no better than a forged one.
  it.each([['the true one of Limited Login', ({ token }: LegalToken) => token] as const, ...Object.entries(forgeries)])(
    'that answers an ID token in its place is not believed: %s',
    async (_, forge) => {
      const legal = await provider('facebook').legal()
      const answer = await comeBackFromFacebook(await forge(legal, provider('facebook')))
      const nonsense = answer.text.includes('<small>upstream_nonsense</small>')
      expect([answer.status, answer.headers.get('Location')]).toEqual([nonsense ? 502 : 401, null])
      expect(await tracesOf({ ...legal.claims, issuer: provider('facebook').origin })).toEqual(noTrace)
    },
  )
})
