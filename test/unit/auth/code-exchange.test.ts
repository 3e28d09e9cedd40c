import { decodeProtectedHeader, jwtVerify } from 'jose'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { drawSecrets } from '#src/auth/providers/authorization-request.ts'
import { Grant } from '#src/auth/providers/identity-provider.ts'
import { providerOf } from '#src/auth/providers/registry.ts'
import { providers } from '#src/auth/providers/verified-identity.ts'
import { graphError, graphPaths, openGraph } from '#test/setup/providers/graph.ts'
import { foundProvider, type PrivateProvider } from '#test/setup/providers/private-provider.ts'
import { appleTeam, secretsOf, secondsFromNow } from '#test/setup/providers/vendors.ts'

afterEach(() => {
  if (vi.isMockFunction(fetch)) vi.mocked(fetch).mockRestore()
})

const redirectUri = 'https://neuraform.test/auth/google/callback'
const secrets = drawSecrets()
const exchange = {
  code: `code-${crypto.randomUUID()}`,
  codeVerifier: secrets.codeVerifier,
  nonce: secrets.nonce,
  redirectUri,
}
const webClients = { google: 'neuraform-local', apple: 'com.neuraform.web', facebook: '1234567890123456' }
const nativeClients = { google: 'neuraform-local', apple: 'com.neuraform.companion' }
const refused = { code: 'invalid_identity_token' }

const s256 = async (text: string) =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))).toBase64({
    alphabet: 'base64url',
    omitPadding: true,
  })

describe('the secrets of a redirect', () => {
  it('are 256 random bits each, and none is another', () => {
    const drawn = Array.from({ length: 1_000 }, () => Object.values(drawSecrets())).flat()
    expect(new Set(drawn).size).toBe(3_000)
    expect(drawn.filter((secret) => !/^[\w-]{43}$/.test(secret))).toEqual([])
  })
})

describe('the URL that starts a redirect', () => {
  it.each([
    ['google', '/authorize', { scope: 'openid email profile', nonce: secrets.nonce, access_type: 'offline' }],
    ['apple', '/authorize', { scope: 'name email', nonce: secrets.nonce, response_mode: 'form_post' }],
    ['facebook', '/v25.0/dialog/oauth', { scope: 'public_profile email' }],
  ] as const)('goes to %s, with state and PKCE', async (name, path, own) => {
    const { config, origin } = await foundProvider(name)
    const url = providerOf(name).authorizationUrl(config, { ...secrets, redirectUri })
    expect(url.origin + url.pathname).toBe(origin + path)
    expect(Object.fromEntries(url.searchParams)).toEqual({
      response_type: 'code',
      client_id: webClients[name],
      redirect_uri: redirectUri,
      state: secrets.state,
      code_challenge_method: 'S256',
      code_challenge: await s256(secrets.codeVerifier),
      ...own,
    })
    expect(url.href).not.toContain(secrets.codeVerifier)
  })

  it.each([
    ['google', 'https://accounts.google.com/o/oauth2/v2/auth'],
    ['apple', 'https://appleid.apple.com/auth/authorize'],
    ['facebook', 'https://www.facebook.com/v25.0/dialog/oauth'],
  ] as const)('goes to the real %s where no other is named', async (name, expected) => {
    const { config } = await foundProvider(name, { [`${name.toUpperCase()}_ENDPOINTS`]: '{}' })
    const url = providerOf(name).authorizationUrl(config, { ...secrets, redirectUri })
    expect(url.origin + url.pathname).toBe(expected)
  })

  it.each([
    ['google', 'GOOGLE_CLIENT_SECRET'],
    ['google', 'GOOGLE_CLIENT_ID'],
    ['apple', 'APPLE_CLIENT_ID'],
    ['apple', 'APPLE_TEAM_ID'],
    ['apple', 'APPLE_KEY_ID'],
    ['apple', 'APPLE_PRIVATE_KEY'],
    ['facebook', 'FACEBOOK_APP_ID'],
    ['facebook', 'FACEBOOK_APP_SECRET'],
  ] as const)('is none for %s without %s', async (name, missing) => {
    const { config, takeAsked } = await foundProvider(name, { [missing]: '' })
    expect(() => providerOf(name).authorizationUrl(config, { ...secrets, redirectUri })).toThrow('not_configured')
    await expect(providerOf(name).exchangeCode(config, exchange)).rejects.toMatchObject({ code: 'not_configured' })
    expect(takeAsked()).toEqual([])
  })
})

/** A provider that gives an ID token of these claims, and a refresh token, for a code. */
async function givingTokens(name: 'google' | 'apple', claims: Record<string, unknown> = {}) {
  const provider = await foundProvider(name)
  const subject = (await provider.legal()).claims.sub
  const all = { aud: webClients[name], azp: undefined, sub: subject, nonce: secrets.nonce, ...claims }
  const idToken = await provider.token(all)
  const tokens = {
    access_token: 'at',
    token_type: 'Bearer',
    expires_in: 3_600,
    refresh_token: 'rt-1',
    id_token: idToken,
  }
  provider.publish('/token', () => Response.json(tokens))
  return { provider, subject, tokens, idToken }
}

/** The claims of a client secret that Apple's public half of the team's key verifies. */
async function verifiedSecret(provider: PrivateProvider, form: URLSearchParams) {
  const secret = form.get('client_secret') ?? ''
  const { payload } = await jwtVerify(secret, appleTeam.publicKey, { algorithms: ['ES256'], audience: provider.origin })
  return { payload, header: decodeProtectedHeader(secret) }
}

describe('a code of the redirect flow', () => {
  it.each(['google', 'apple'] as const)('brings an identity and what can be taken back, once: %s', async (name) => {
    const { provider, subject } = await givingTokens(name)
    const { identity, grant } = await providerOf(name).exchangeCode(provider.config, exchange)
    expect([identity.provider, identity.issuer, identity.subject]).toEqual([name, provider.origin, subject])
    expect(grant).toEqual({ kind: 'refresh_token', value: 'rt-1', client_id: webClients[name] })
    expect(Grant.parse(JSON.parse(JSON.stringify(grant)))).toEqual(grant)
    const [asked, ...others] = provider.takeAsked('/token')
    expect(others).toEqual([])
    const { client_secret: _, ...form } = Object.fromEntries(asked?.form ?? [])
    expect([asked?.method, asked?.url.search, form]).toEqual([
      'POST',
      '',
      {
        grant_type: 'authorization_code',
        client_id: webClients[name],
        code: exchange.code,
        code_verifier: exchange.codeVerifier,
        redirect_uri: redirectUri,
      },
    ])
  })

  it('brings an identity that Graph knows, and no token to keep: facebook', async () => {
    const provider = await foundProvider('facebook')
    const { token, id } = openGraph(provider).issue()
    provider.publish(graphPaths.token, () => Response.json({ access_token: token, token_type: 'bearer' }))
    const { identity, grant } = await providerOf('facebook').exchangeCode(provider.config, exchange)
    expect([identity.subject, identity.isEmailVerified]).toEqual([id, false])
    expect(grant).toEqual({ kind: 'user_id', value: id, client_id: webClients.facebook })
    const [asked] = provider.takeAsked()
    expect([asked?.method, asked?.url.search, Object.fromEntries(asked?.form ?? [])]).toEqual([
      'POST',
      '',
      {
        client_id: webClients.facebook,
        client_secret: secretsOf.facebook,
        code: exchange.code,
        code_verifier: exchange.codeVerifier,
        redirect_uri: redirectUri,
      },
    ])
  })

  it('is presented to Apple with a secret of five minutes that the team’s key signed for one client', async () => {
    const { provider } = await givingTokens('apple')
    await providerOf('apple').exchangeCode(provider.config, exchange)
    const [asked] = provider.takeAsked('/token')
    const { payload, header } = await verifiedSecret(provider, asked?.form ?? new URLSearchParams())
    expect(header).toEqual({ alg: 'ES256', kid: 'KEY1234567', typ: 'JWT' })
    const { iat = 0, exp = 0, ...rest } = payload
    expect(rest).toEqual({ iss: 'TEAM123456', sub: 'com.neuraform.web', aud: provider.origin })
    expect([exp - iat, Math.abs(iat - secondsFromNow(0)) <= 5]).toEqual([300, true])
  })

  it.each(['google', 'apple'] as const)('brings no new grant where %s gives no refresh token', async (name) => {
    const { provider, tokens } = await givingTokens(name)
    provider.publish('/token', () => Response.json({ ...tokens, refresh_token: undefined }))
    expect((await providerOf(name).exchangeCode(provider.config, exchange)).grant).toBeUndefined()
  })

  const foreign: Record<string, Record<string, unknown>> = {
    'without the nonce': { nonce: undefined },
    'with another nonce': { nonce: 'another' },
    'for another client': { aud: 'somebody-else' },
    'that has ended': { iat: secondsFromNow(-7_200), exp: secondsFromNow(-3_600) },
    'of another issuer': { iss: 'https://accounts.attacker.test' },
  }

  it.each(Object.entries(foreign).flatMap((one) => [['google', ...one] as const, ['apple', ...one] as const]))(
    'is refused for an ID token of %s %s',
    async (name, _, claims) => {
      const { provider } = await givingTokens(name, claims)
      await expect(providerOf(name).exchangeCode(provider.config, exchange)).rejects.toMatchObject(refused)
    },
  )

  it('is refused for an ID token to another of our own clients', async () => {
    const google = await givingTokens('google', { aud: 'neuraform-ios' })
    await expect(providerOf('google').exchangeCode(google.provider.config, exchange)).rejects.toMatchObject(refused)
    const apple = await givingTokens('apple', { aud: 'com.neuraform.companion' })
    await expect(providerOf('apple').exchangeCode(apple.provider.config, exchange)).rejects.toMatchObject(refused)
  })

  it.each(providers)('that %s refuses is no identity, and a fault of ours is none of the person’s', async (name) => {
    const provider = await foundProvider(name)
    const answerWith = (good: Response, bad: Response) => {
      provider.publish(name === 'facebook' ? graphPaths.token : '/token', () => (name === 'facebook' ? bad : good))
    }
    answerWith(
      Response.json({ error: 'invalid_grant', error_description: exchange.code }, { status: 400 }),
      graphError(100),
    )
    await expect(providerOf(name).exchangeCode(provider.config, exchange)).rejects.toMatchObject(refused)
    answerWith(Response.json({ error: 'invalid_client' }, { status: 401 }), graphError(101))
    await expect(providerOf(name).exchangeCode(provider.config, exchange)).rejects.toMatchObject({
      code: 'not_configured',
    })
  })

  it('whose access token is of another app is refused: facebook', async () => {
    const provider = await foundProvider('facebook')
    const { token } = openGraph(provider).issue({ inspection: { app_id: '999' } })
    provider.publish(graphPaths.token, () => Response.json({ access_token: token }))
    await expect(providerOf('facebook').exchangeCode(provider.config, exchange)).rejects.toMatchObject(refused)
  })
})

/** What the SDK of an app hands over beside whom it is of. */
const handedOver = { code: exchange.code, redirectUri: undefined }

describe('the authorization code of a native sign-in', () => {
  it.each([
    ['apple', 'com.neuraform.companion', {}],
    ['apple', 'com.neuraform.tablet', {}],
    ['google', 'neuraform-local', { redirect_uri: '' }],
  ] as const)('is traded with %s as %s for what can be taken back', async (name, aud, own) => {
    const { provider, subject } = await givingTokens(name, { aud })
    const token = await provider.token({ aud, azp: undefined, sub: subject })
    const identity = await providerOf(name).verifyToken(provider.config, token, undefined)
    const grant = await providerOf(name).exchangeNativeCode?.(provider.config, { ...handedOver, identity })
    expect(grant).toEqual({ kind: 'refresh_token', value: 'rt-1', client_id: aud })
    const [asked] = provider.takeAsked('/token')
    const { client_secret: _, ...form } = Object.fromEntries(asked?.form ?? [])
    expect(form).toEqual({ grant_type: 'authorization_code', client_id: aud, code: exchange.code, ...own })
    if (name === 'apple') {
      expect((await verifiedSecret(provider, asked?.form ?? new URLSearchParams())).payload.sub).toBe(aud)
    }
  })

  it.each(['apple', 'google'] as const)('is refused when it is of somebody else: %s', async (name) => {
    const { provider } = await givingTokens(name, { aud: nativeClients[name] })
    const identity = await providerOf(name).verifyToken(provider.config, await provider.token(), undefined)
    const attempt = providerOf(name).exchangeNativeCode?.(provider.config, { ...handedOver, identity })
    await expect(attempt).rejects.toMatchObject(refused)
  })

  it('is left alone where nothing is configured to trade it, and at Facebook', async () => {
    const apple = await foundProvider('apple', { APPLE_PRIVATE_KEY: '' })
    const google = await foundProvider('google', { GOOGLE_CLIENT_SECRET: '' })
    for (const { name, config, token, takeAsked } of [apple, google]) {
      const identity = await providerOf(name).verifyToken(config, await token(), undefined)
      expect(await providerOf(name).exchangeNativeCode?.(config, { ...handedOver, identity })).toBeUndefined()
      expect(takeAsked('/token')).toEqual([])
    }
    expect(providers.filter((name) => 'exchangeNativeCode' in providerOf(name))).toEqual(['google', 'apple'])
  })
})
