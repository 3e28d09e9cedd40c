import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { providers, type Provider } from '#src/auth/providers/verified-identity.ts'
import type { Answered } from '#test/setup/ask.ts'
import { atOnce } from '#test/setup/at-once.ts'
import { databaseForMany } from '#test/setup/other-database.ts'
import { attackersKey, attackersKeySetUrl, forgeries, type Forge } from '#test/setup/providers/forgeries.ts'
import { answerFor, type Asked } from '#test/setup/providers/fake-world.ts'
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

/** What the token endpoints answer for each code, so that many may come back at once. */
const answers = new Map<string, unknown>()

function codeFor(answer: unknown): string {
  const code = crypto.randomUUID()
  answers.set(code, answer)
  return code
}

const answerOf = ({ form }: Asked) => Response.json(answers.get(form.get('code') ?? ''))

beforeAll(async () => {
  for (const name of providers) founded.set(name, await foundProvider(name, database.variables))
  graph = openGraph(provider('facebook'))
  for (const name of signing) provider(name).publish('/token', answerOf)
  provider('facebook').publish(graphPaths.token, answerOf)
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
  const code = codeFor({ id_token: await forge(legal), access_token: 'x', token_type: 'Bearer' })
  const parameters = { state: searchParams.get('state') ?? '', code }
  const answer = await browser.callBack(name, { method: name === 'apple' ? 'POST' : 'GET', parameters })
  return { answer, legal }
}

/** What came of a forged token: the answer, how it was to be refused, and the rows that it left. */
async function outcomeOf(answer: Answered, about: { sub: unknown; email: unknown }, name: Provider) {
  const nonsense = answer.text.includes('<small>upstream_nonsense</small>')
  return {
    answered: [answer.status, answer.headers.get('Location')],
    refused: [nonsense ? 502 : 401, null],
    traces: await tracesOf({ ...about, issuer: provider(name).origin }),
  }
}

describe.each(signing)('a token endpoint of %s', (name) => {
  it('that answers a legal token lets its person in', async () => {
    const { answer } = await comeBackWith(name, ({ token }) => token)
    expect(returned(answer)).toEqual({ code: expect.any(String) })
  })

  const forged = atOnce(forgeries, async (forge) => {
    const { answer, legal } = await comeBackWith(name, async (good) => await forge(good, provider(name)))
    return await outcomeOf(answer, legal.claims, name)
  })

  it.each(Object.keys(forgeries))('that answers a forged one is not believed: %s', async (what) => {
    const { answered, refused, traces } = await forged.of(what)
    expect(answered).toEqual(refused)
    expect(traces).toEqual(noTrace)
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
  const code = codeFor({ access_token: token, token_type: 'bearer', expires_in: 5_183_944 })
  return await browser.callBack('facebook', { method: 'GET', parameters: { state, code } })
}

describe('a token endpoint of facebook', () => {
  it('that answers a legal token lets its person in', async () => {
    expect(returned(await comeBackFromFacebook(graph.issue().token))).toEqual({ code: expect.any(String) })
  })

  const illegal = atOnce(illegalAccessTokens, async (wish) => {
    const { token, id } = graph.issue(wish)
    return await outcomeOf(await comeBackFromFacebook(token), { sub: id, email: '' }, 'facebook')
  })

  it.each(Object.keys(illegalAccessTokens))('that answers an access token is not believed: %s', async (what) => {
    const { answered, traces } = await illegal.of(what)
    expect(answered).toEqual([401, null])
    expect(traces).toEqual(noTrace)
  })

  // Nothing in this flow is a JWT: one that would be good at the other entry is no better than a forged one.
  const idTokens: Readonly<Record<string, Forge>> = {
    'the true one of Limited Login': ({ token }) => token,
    ...forgeries,
  }
  const inItsPlace = atOnce(idTokens, async (forge) => {
    const legal = await provider('facebook').legal()
    const answer = await comeBackFromFacebook(await forge(legal, provider('facebook')))
    return await outcomeOf(answer, legal.claims, 'facebook')
  })

  it.each(Object.keys(idTokens))('that answers an ID token in its place is not believed: %s', async (what) => {
    const { answered, refused, traces } = await inItsPlace.of(what)
    expect(answered).toEqual(refused)
    expect(traces).toEqual(noTrace)
  })
})
