import { createRemoteJWKSet, decodeJwt, generateKeyPair, importPKCS8, jwtVerify, SignJWT, type CryptoKey } from 'jose'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import * as z from 'zod'
import { startUpstream, type Upstream } from '#scripts/upstream/server.ts'
import { workerVariables } from '#scripts/upstream/worker-variables.ts'
import { formOf, linksOf, post, postForm, read, refusal } from '#test/tools/upstream-client.ts'

let upstream: Upstream
let clientKey: CryptoKey

beforeAll(async () => {
  upstream = await startUpstream()
  const { APPLE_PRIVATE_KEY: pem } = workerVariables.identity(upstream.origin)
  clientKey = await importPKCS8(pem.replaceAll(String.raw`\n`, '\n'), 'ES256')
})
afterAll(async () => {
  await upstream.close()
})

const bundleId = 'com.example.companion'
const issuer = () => `${upstream.origin}/apple`
const jwks = () => createRemoteJWKSet(new URL(`${issuer()}/jwks`))
const now = () => Math.floor(Date.now() / 1000)

interface SecretWish {
  readonly clientId?: string
  readonly claims?: Readonly<Record<string, unknown>>
  readonly kid?: string
  readonly key?: CryptoKey
}

/** A client secret as Apple wants it, unless the wish says otherwise. */
async function clientSecret({ clientId = bundleId, claims, kid = 'LOCALKEY01', key = clientKey }: SecretWish = {}) {
  const usual = { iss: 'LOCALTEAM1', iat: now(), exp: now() + 300, aud: issuer(), sub: clientId }
  return await new SignJWT({ ...usual, ...claims }).setProtectedHeader({ alg: 'ES256', kid }).sign(key)
}

const HandedOver = z.strictObject({ id_token: z.string(), authorization_code: z.string(), person: z.string() })

async function handedOver(wish: object = {}) {
  return await read(await post(`${issuer()}/id-token`, { person: 'new', audience: bundleId, ...wish }), HandedOver)
}

const Answer = z.strictObject({
  access_token: z.string(),
  token_type: z.literal('Bearer'),
  expires_in: z.literal(3600),
  id_token: z.string(),
  refresh_token: z.string().optional(),
})

async function ask(path: 'token' | 'revoke', fields: Record<string, string>, secret?: string): Promise<Response> {
  const credentials = { client_id: bundleId, client_secret: secret ?? (await clientSecret()) }
  return await postForm(`${issuer()}/${path}`, { ...credentials, ...fields })
}

const exchange = async (code: string, fields: Record<string, string> = {}, secret?: string) =>
  await ask('token', { grant_type: 'authorization_code', code, ...fields }, secret)

async function refreshTokenOf(person: string): Promise<string> {
  const { authorization_code: code } = await handedOver({ person })
  return (await read(await exchange(code), Answer)).refresh_token ?? ''
}

const refresh = async (token: string) => await ask('token', { grant_type: 'refresh_token', refresh_token: token })

describe('what iOS hands to an app', () => {
  it('is an identity token under Apple’s key with Apple’s claims, and a code', async () => {
    const { id_token: token, authorization_code: code } = await handedOver({ person: 'ada', nonce: 'n-1' })
    const { payload, protectedHeader } = await jwtVerify(token, jwks(), { issuer: issuer(), audience: bundleId })
    expect(protectedHeader).toEqual({ alg: 'RS256', kid: expect.any(String) })
    expect(payload).toEqual({
      iss: issuer(),
      aud: bundleId,
      exp: Number(payload.iat) + 86_400,
      iat: expect.any(Number),
      sub: expect.stringMatching(/^00\d{4}\.[0-9a-f]{32}\.\d{4}$/),
      nonce: 'n-1',
      nonce_supported: true,
      c_hash: expect.any(String),
      email: 'ada.marlowe@gmail.com',
      email_verified: 'true',
      auth_time: payload.iat,
      real_user_status: 2,
    })
    expect(code).toMatch(/^c/)
  })

  it('has a relay address for a person who hides theirs, and bends as a test wishes', async () => {
    const hidden = decodeJwt((await handedOver({ person: 'hana' })).id_token)
    expect(hidden).toMatchObject({ is_private_email: 'true', email_verified: 'true' })
    expect(hidden['email']).toMatch(/^[0-9a-f]{10}@privaterelay\.appleid\.com$/)
    const bent = decodeJwt((await handedOver({ claims: { email_verified: false }, omit: ['email'] })).id_token)
    expect(bent['email_verified']).toBe(false)
    expect('email' in bent).toBe(false)
  })

  it('names the same person another way than Google and Facebook do', async () => {
    const tokens = ['/google/id-token', '/apple/id-token', '/facebook/limited-token'].map(async (path) => {
      const answer = await post(`${upstream.origin}${path}`, { person: 'ada', audience: bundleId })
      return decodeJwt((await read(answer, z.object({ id_token: z.string() }))).id_token).sub
    })
    expect(new Set(await Promise.all(tokens)).size).toBe(3)
  })
})

describe('Apple’s token endpoint', () => {
  it('trades a native code for tokens about the same person, and a refresh token for more', async () => {
    const { id_token: handed, authorization_code: code } = await handedOver({ person: 'ada', nonce: 'n-2' })
    const first = await read(await exchange(code), Answer)
    const { payload } = await jwtVerify(first.id_token, jwks(), { issuer: issuer(), audience: bundleId })
    expect(payload).toMatchObject({ sub: decodeJwt(handed).sub, nonce: 'n-2', at_hash: expect.any(String) })
    const second = await read(await refresh(first.refresh_token ?? ''), Answer)
    expect(decodeJwt(second.id_token)).toMatchObject({ sub: payload.sub, nonce_supported: true })
    expect(decodeJwt(second.id_token)['nonce']).toBeUndefined()
    expect('refresh_token' in second).toBe(false)
  })

  it('takes a code once, within five minutes, from its own client and with its own redirect_uri', async () => {
    const { authorization_code: code } = await handedOver()
    expect((await exchange(code)).status).toBe(200)
    expect(await refusal(await exchange(code))).toEqual([400, 'invalid_grant'])
    expect(await refusal(await exchange('c-unknown'))).toEqual([400, 'invalid_grant'])
    const redirected = await exchange((await handedOver()).authorization_code, { redirect_uri: 'https://a.example/' })
    expect(await refusal(redirected)).toEqual([400, 'invalid_grant'])
    const { authorization_code: foreign } = await handedOver({ audience: 'com.example.companion.mac' })
    expect(await refusal(await exchange(foreign))).toEqual([400, 'invalid_grant'])
    const { authorization_code: late } = await handedOver()
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 301_000 })
    const answered = await exchange(late).finally(() => vi.useRealTimers())
    expect(await refusal(answered)).toEqual([400, 'invalid_grant'])
  })

  it('takes the client secret of Apple’s rules and no other', async () => {
    const stranger = await generateKeyPair('ES256')
    const forged: readonly SecretWish[] = [
      { key: stranger.privateKey },
      { kid: 'OTHERKEY01' },
      { claims: { iss: 'OTHERTEAM1' } },
      { clientId: 'com.example.companion.mac' },
      { claims: { aud: 'https://accounts.google.com' } },
      { claims: { exp: now() - 1 } },
      { claims: { exp: now() + 16_000_000 } },
      { claims: { exp: undefined } },
    ]
    for (const wish of forged) {
      const { authorization_code: code } = await handedOver()
      expect(await refusal(await exchange(code, {}, await clientSecret(wish)))).toEqual([400, 'invalid_client'])
    }
    expect(await refusal(await exchange('c', {}, 'no.jwt'))).toEqual([400, 'invalid_client'])
    const unknown = await exchange('c', { client_id: 'com.other' }, await clientSecret({ clientId: 'com.other' }))
    expect(await refusal(unknown)).toEqual([400, 'invalid_client'])
    const { authorization_code: code } = await handedOver()
    const apple = await clientSecret({ claims: { aud: 'https://appleid.apple.com' } })
    expect((await exchange(code, {}, apple)).status).toBe(200)
  })

  it('refuses another grant, JSON, and a parameter that comes twice', async () => {
    expect(await refusal(await ask('token', { grant_type: 'password' }))).toEqual([400, 'unsupported_grant_type'])
    expect(await refusal(await post(`${issuer()}/token`, {}))).toEqual([400, 'invalid_request'])
    const twice = new URLSearchParams(`client_id=${bundleId}&client_id=${bundleId}&client_secret=x`)
    const refused = await fetch(`${issuer()}/token`, { method: 'POST', body: twice })
    expect(await refusal(refused)).toEqual([400, 'invalid_request'])
  })
})

const servicesId = 'com.example.companion.web'
const redirectUri = 'https://app.example/auth/apple/callback'

describe('signing in with Apple in a browser', () => {
  async function authorize(wish: Record<string, string> = {}): Promise<Response> {
    const usual = {
      client_id: servicesId,
      redirect_uri: redirectUri,
      response_type: 'code',
      response_mode: 'form_post',
      scope: 'name email',
      state: 's-1',
      nonce: 'n-1',
    }
    return await fetch(`${issuer()}/authorize?${new URLSearchParams({ ...usual, ...wish })}`, { redirect: 'manual' })
  }

  const posted = async (person: string) =>
    formOf(await (await authorize({ login_hint: person, prompt: 'none' })).text())

  const exchangeWeb = async (code: string, redirect = redirectUri) =>
    await exchange(
      code,
      { redirect_uri: redirect, client_id: servicesId },
      await clientSecret({ clientId: servicesId }),
    )

  it('posts a code back, and the name at a person’s first authorization only', async () => {
    const { action, fields } = await posted('hana')
    expect(action).toBe(redirectUri)
    expect(fields).toEqual({ code: expect.any(String), state: 's-1', user: expect.any(String) })
    expect(JSON.parse(fields['user'] ?? '')).toEqual({
      name: { firstName: 'Hana', lastName: 'Svobodová' },
      email: expect.stringMatching(/@privaterelay\.appleid\.com$/),
    })
    const { id_token: token, refresh_token: refreshToken } = await read(await exchangeWeb(fields['code'] ?? ''), Answer)
    const { payload } = await jwtVerify(token, jwks(), { issuer: issuer(), audience: servicesId })
    expect(payload).toMatchObject({ nonce: 'n-1', is_private_email: 'true', at_hash: expect.any(String) })
    expect(Object.keys((await posted('hana')).fields)).toEqual(['code', 'state'])
    const credentials = { client_id: servicesId, client_secret: await clientSecret({ clientId: servicesId }) }
    await postForm(`${issuer()}/revoke`, { ...credentials, token: refreshToken ?? '' })
    expect(Object.keys((await posted('hana')).fields)).toContain('user')
  })

  it('offers the test people and a way out', async () => {
    const links = linksOf(await (await authorize()).text(), upstream.origin)
    const chosen = formOf(await (await fetch(links.get('Ada Marlowe') ?? '')).text())
    expect(chosen.fields).toMatchObject({ code: expect.any(String), state: 's-1' })
    const cancelled = formOf(await (await fetch(links.get('Cancel') ?? '')).text())
    expect(cancelled).toEqual({ action: redirectUri, fields: { error: 'user_cancelled_authorize', state: 's-1' } })
  })

  it('redirects where nothing but a code is asked for', async () => {
    const answer = await authorize({ scope: '', response_mode: '', login_hint: 'ada', prompt: 'none' })
    const { code, ...rest } = Object.fromEntries(new URL(answer.headers.get('location') ?? '').searchParams)
    expect(rest).toEqual({ state: 's-1' })
    const claims = decodeJwt((await read(await exchangeWeb(code ?? ''), Answer)).id_token)
    expect('email' in claims).toBe(false)
  })

  it('binds a code to the redirect_uri', async () => {
    const other = 'https://other.example/auth/apple/callback'
    for (const redirect of [other, '']) {
      const { fields } = await posted('ada')
      expect(await refusal(await exchangeWeb(fields['code'] ?? '', redirect))).toEqual([400, 'invalid_grant'])
    }
  })

  it('refuses a bundle id, another callback, another scope, and a scope without form_post', async () => {
    for (const [wish, error] of [
      [{ client_id: bundleId }, 'invalid_client'],
      [{ redirect_uri: 'https://app.example/auth/google/callback' }, 'redirect_uri_mismatch'],
      [{ scope: 'name phone' }, 'invalid_scope'],
      [{ response_mode: 'query' }, 'invalid_request'],
      [{ login_hint: 'nobody', prompt: 'none' }, 'unknown_person'],
    ] as const) {
      const page = await authorize(wish)
      expect(page.status).toBe(400)
      expect(await page.text()).toContain(`<code>${error}</code>`)
    }
  })
})

it('Apple revokes what is the client’s, says nothing of what is dead, and records it', async () => {
  const person = `new:${crypto.randomUUID()}`
  const token = await refreshTokenOf(person)
  expect(await refusal(await ask('revoke', { token }, 'no.jwt'))).toEqual([400, 'invalid_client'])
  const other = { client_id: 'com.example.companion.mac' }
  const otherSecret = await clientSecret({ clientId: other.client_id })
  const stolen = { ...other, grant_type: 'refresh_token', refresh_token: token }
  expect(await refusal(await ask('token', stolen, otherSecret))).toEqual([400, 'invalid_grant'])
  expect(await refusal(await ask('revoke', { ...other, token }, otherSecret))).toEqual([400, 'invalid_grant'])
  expect((await refresh(token)).status).toBe(200)
  for (const one of [token, token, 'unknown']) {
    const answer = await ask('revoke', { token: one, token_type_hint: 'refresh_token' })
    expect([answer.status, await answer.text()]).toEqual([200, ''])
  }
  expect(await refusal(await refresh(token))).toEqual([400, 'invalid_grant'])
  const Recorded = z.object({ revocations: z.array(z.object({ person: z.string() }).loose()) })
  const { revocations } = await read(await fetch(`${upstream.origin}/identity/revocations`), Recorded)
  expect(revocations.filter((one) => one.person === person)).toEqual([
    { provider: 'apple', client: bundleId, person, subject: expect.stringMatching(/^00/) },
  ])
})
