import { afterEach, describe, expect, it, vi } from 'vitest'
import { drawSecrets } from '#src/auth/providers/authorization-request.ts'
import type { Grant } from '#src/auth/providers/identity-provider.ts'
import { providerOf } from '#src/auth/providers/registry.ts'
import { providers, type Provider } from '#src/auth/providers/verified-identity.ts'
import { describeFailure } from '#src/http/log.ts'
import { Problem, problemResponse } from '#src/http/problem.ts'
import { freshNonce } from '#test/setup/client.ts'
import { brokenAnswers } from '#test/setup/providers/broken-answers.ts'
import { graphError, graphPaths, openGraph } from '#test/setup/providers/graph.ts'
import { foundProvider, keySetPath, type PrivateProvider } from '#test/setup/providers/private-provider.ts'
import { appleTeamPem, secretsOf } from '#test/setup/providers/vendors.ts'

afterEach(() => {
  vi.mocked(fetch).mockRestore()
})

const soon = { PROVIDER_DEADLINE_MS: '200' }
const { codeVerifier, nonce } = drawSecrets()
const code = `code-${crypto.randomUUID()}`
const exchange = { code, codeVerifier, nonce, redirectUri: 'https://neuraform.test/auth/callback' }
const webClients = { google: 'neuraform-local', apple: 'com.neuraform.web', facebook: '1234567890123456' }
const tokenPaths = { google: '/token', apple: '/token', facebook: graphPaths.token }
const grants: Readonly<Record<Provider, Grant>> = {
  google: { kind: 'refresh_token', value: 'planted-refresh-token', client_id: webClients.google },
  apple: { kind: 'refresh_token', value: 'planted-refresh-token', client_id: 'com.neuraform.companion' },
  facebook: { kind: 'user_id', value: '1020304050', client_id: webClients.facebook },
}
const revocationPaths = { google: '/revoke', apple: '/revoke', facebook: '/graph/v25.0/1020304050/permissions' }

/** A good answer of the token endpoint, and an access token that Graph knows. */
async function goodTokens(provider: PrivateProvider) {
  const aud = webClients[provider.name]
  const idToken = await provider.token({ aud, azp: undefined, nonce })
  const accessToken = openGraph(provider).issue().token
  return {
    accessToken,
    idToken,
    good: { access_token: accessToken, refresh_token: 'planted-refresh-token', id_token: idToken },
  }
}

/** Whatever must never be told: in a log line, in an answer. */
const planted = (...tokens: string[]) => [
  ...tokens,
  code,
  codeVerifier,
  nonce,
  'planted-refresh-token',
  secretsOf.google,
  secretsOf.facebook,
  appleTeamPem.split('\n')[1] ?? '',
]

/** Runs what must fail; says how, and that neither the log nor the answer tells a secret. */
async function failureOf(attempt: () => Promise<unknown>, ...tokens: string[]) {
  const problem = await attempt().then(
    () => new Error('it succeeded'),
    (error: unknown) => error,
  )
  if (!(problem instanceof Problem)) throw problem
  const response = problemResponse(problem)
  const told = [JSON.stringify(describeFailure(problem)), await response.text(), ...[...response.headers].flat()].join()
  expect(planted(...tokens).filter((secret) => told.includes(secret))).toEqual([])
  return { code: problem.code, retryAfter: response.headers.get('Retry-After') }
}

const cases = providers.flatMap((name) =>
  Object.entries(brokenAnswers).map(([what, { answer, code: expected }]) => ({ name, what, answer, expected })),
)

describe('a token endpoint that fails', () => {
  it.each(cases)('is asked once and makes no identity: $name, $what', async ({ name, answer, expected }) => {
    const provider = await foundProvider(name, soon)
    const { good, accessToken, idToken } = await goodTokens(provider)
    provider.publish(tokenPaths[name], (asked) => answer(asked, () => Response.json(good)))
    const failure = await failureOf(
      () => providerOf(name).exchangeCode(provider.config, exchange),
      accessToken,
      idToken,
    )
    expect(failure.code).toBe(expected)
    expect(failure.retryAfter === null).toBe(expected === 'upstream_nonsense')
    expect(provider.takeAsked().map(({ url }) => url.pathname)).toEqual([tokenPaths[name]])
  })

  it.each(providers)('late is no identity, and the next attempt is one: %s', async (name) => {
    const provider = await foundProvider(name, soon)
    const { good } = await goodTokens(provider)
    const late = Promise.withResolvers<Response>()
    provider.publish(tokenPaths[name], () => late.promise)
    expect((await failureOf(() => providerOf(name).exchangeCode(provider.config, exchange))).code).toBe(
      'upstream_unavailable',
    )
    late.resolve(Response.json(good))
    provider.publish(tokenPaths[name], () => Response.json(good))
    expect((await providerOf(name).exchangeCode(provider.config, exchange)).identity.provider).toBe(name)
  })

  it('passes on when to come again', async () => {
    const provider = await foundProvider('google', soon)
    provider.publish('/token', () => new Response('', { status: 503, headers: { 'Retry-After': '17' } }))
    const failure = await failureOf(() => providerOf('google').exchangeCode(provider.config, exchange))
    expect(failure).toEqual({ code: 'upstream_unavailable', retryAfter: '17' })
  })
})

const graphCases = cases.filter(({ name }) => name === 'facebook')

describe.each([graphPaths.inspection, graphPaths.me])('Graph that fails at %s', (path) => {
  it.each(graphCases)('makes a sign-in fail without a word on the token: $what', async ({ answer, expected }) => {
    const provider = await foundProvider('facebook', soon)
    const { token } = openGraph(provider).issue()
    provider.publish(path, (asked) => answer(asked, () => Response.json({ data: { is_valid: true } })))
    const log = vi.spyOn(console, 'log').mockClear()
    const response = await provider.signIn(token)
    expect([response.status, response.body, response.headers.get('Server-Timing')]).toEqual([
      expected === 'upstream_nonsense' ? 502 : 503,
      expect.objectContaining({ code: expected }),
      'db;desc="0 flights"',
    ])
    expect(response.headers.has('Retry-After')).toBe(expected === 'upstream_unavailable')
    const lines = JSON.stringify(log.mock.calls)
    expect(log).toHaveBeenCalled()
    expect(planted(token).filter((secret) => lines.includes(secret))).toEqual([])
  })
})

describe('a key set that fails', () => {
  it.each(cases)('leaves no token in the log: $name, $what', async ({ name, answer }) => {
    const provider = await foundProvider(name, soon)
    provider.publish(keySetPath, (asked) => answer(asked, () => provider.keySet()))
    const log = vi.spyOn(console, 'log').mockClear()
    const fresh = await freshNonce()
    const token = await provider.token({ nonce: fresh })
    expect((await provider.signIn(token, { nonce: fresh })).body).toMatchObject({ code: 'upstream_unavailable' })
    const lines = JSON.stringify(log.mock.calls)
    expect(log).toHaveBeenCalled()
    expect(planted(token, fresh).filter((secret) => lines.includes(secret))).toEqual([])
  })
})

describe('what was granted', () => {
  it.each(providers)('is taken back at %s, as the client to which it was given', async (name) => {
    const provider = await foundProvider(name)
    provider.publish(revocationPaths[name], () =>
      name === 'facebook' ? Response.json({ success: true }) : new Response(null, { status: 200 }),
    )
    await providerOf(name).revoke(provider.config, grants[name])
    const [asked, ...others] = provider.takeAsked()
    expect(others).toEqual([])
    const { client_secret: secret, ...form } = Object.fromEntries(asked?.form ?? [])
    const expected = {
      google: ['POST', '', { token: 'planted-refresh-token' }],
      apple: [
        'POST',
        '',
        { client_id: 'com.neuraform.companion', token: 'planted-refresh-token', token_type_hint: 'refresh_token' },
      ],
      facebook: ['DELETE', expect.stringMatching(/^\?appsecret_proof=[0-9a-f]{64}$/), {}],
    }
    expect([asked?.method, asked?.url.search, form]).toEqual(expected[name])
    expect(secret === undefined).toBe(name !== 'apple')
    if (name === 'facebook') {
      expect(asked?.headers.get('Authorization')).toBe(`Bearer ${webClients.facebook}|${secretsOf.facebook}`)
    }
  })

  it.each(providers)('counts as taken back when it is gone already: %s', async (name) => {
    const provider = await foundProvider(name)
    provider.publish(revocationPaths[name], () =>
      name === 'facebook'
        ? graphError(100, { error_subcode: 33 })
        : Response.json({ error: 'invalid_token' }, { status: 400 }),
    )
    await expect(providerOf(name).revoke(provider.config, grants[name])).resolves.toBeUndefined()
  })

  it.each(providers)('does not count as taken back when %s refuses', async (name) => {
    const provider = await foundProvider(name)
    const refuse = (error: string, graphCode: number) =>
      provider.publish(revocationPaths[name], () =>
        name === 'facebook' ? graphError(graphCode) : Response.json({ error }, { status: 400 }),
      )
    const revoke = async () => await failureOf(() => providerOf(name).revoke(provider.config, grants[name]))
    refuse('invalid_request', 10)
    expect((await revoke()).code).toBe('upstream_nonsense')
    refuse('invalid_client', 101)
    expect((await revoke()).code).toBe('not_configured')
    refuse('', 4)
    if (name === 'facebook') expect((await revoke()).code).toBe('upstream_unavailable')
    provider.publish(revocationPaths[name], () => new Response('down', { status: 503 }))
    expect((await revoke()).code).toBe('upstream_unavailable')
    if (name !== 'facebook') return
    provider.publish(revocationPaths[name], () => Response.json({ success: false }))
    expect((await revoke()).code).toBe('upstream_nonsense')
  })

  it('of Facebook follows from the identity alone; the others’ do not', async () => {
    const { config } = await foundProvider('facebook')
    expect(providerOf('facebook').grantOf?.(config, '1020304050')).toEqual(grants.facebook)
    expect(providers.filter((name) => 'grantOf' in providerOf(name))).toEqual(['facebook'])
  })

  it('of Apple is not taken back with a key that is none, and nobody is asked', async () => {
    const rsa = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----'
    const { config, takeAsked } = await foundProvider('apple', { APPLE_PRIVATE_KEY: rsa })
    const failure = await failureOf(() => providerOf('apple').revoke(config, grants.apple))
    expect([failure.code, takeAsked()]).toEqual(['not_configured', []])
  })
})
