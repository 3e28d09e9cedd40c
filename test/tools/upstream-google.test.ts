import { createHash, randomBytes } from 'node:crypto'
import { decodeJwt } from 'jose'
import * as client from 'openid-client'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import * as z from 'zod'
import { startUpstream, type Upstream } from '#scripts/upstream/server.ts'
import { workerVariables } from '#scripts/upstream/worker-variables.ts'
import { linksOf, post, postForm, read, refusal } from '#test/tools/upstream-client.ts'

let upstream: Upstream

beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(async () => {
  await upstream.close()
})

const { GOOGLE_CLIENT_ID: clientId, GOOGLE_CLIENT_SECRET: secret } = workerVariables.identity('')
const redirectUri = 'https://app.example/auth/google/callback'
const issuer = () => `${upstream.origin}/google`
const verifier = randomBytes(32).toString('base64url')
const challenge = createHash('sha256').update(verifier).digest('base64url')

/** The answer to an authorization request that is right but for what the wish says. */
async function authorize(wish: Record<string, string> = {}): Promise<Response> {
  const usual = {
    client_id: clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid email profile',
    state: 's-1',
    nonce: 'n-1',
    code_challenge: challenge,
    code_challenge_method: 'S256',
  }
  return await fetch(`${issuer()}/authorize?${new URLSearchParams({ ...usual, ...wish })}`, { redirect: 'manual' })
}

const locationOf = (response: Response) => new URL(response.headers.get('location') ?? 'missing:')

async function newCode(wish: Record<string, string> = {}): Promise<string> {
  const answer = await authorize({ login_hint: 'ada', prompt: 'none', ...wish })
  return locationOf(answer).searchParams.get('code') ?? ''
}

async function exchange(code: string, wish: Record<string, string> = {}, headers: Record<string, string> = {}) {
  const usual = { grant_type: 'authorization_code', redirect_uri: redirectUri, code_verifier: verifier }
  const credentials = headers['authorization'] === undefined ? { client_id: clientId, client_secret: secret } : {}
  return await postForm(`${issuer()}/token`, { ...usual, ...credentials, code, ...wish }, headers)
}

const Answer = z.strictObject({
  access_token: z.string(),
  expires_in: z.literal(3599),
  id_token: z.string().optional(),
  refresh_token: z.string().optional(),
  scope: z.string(),
  token_type: z.literal('Bearer'),
})

describe('signing in with Google in a browser', () => {
  it('satisfies an independent client: discovery, code, PKCE, nonce, state and issuer', async () => {
    const config = await client.discovery(new URL(issuer()), clientId, secret, undefined, {
      execute: [client.allowInsecureRequests],
    })
    const [nonce, state] = [client.randomNonce(), client.randomState()]
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'openid email profile',
      code_challenge: challenge,
      code_challenge_method: 'S256',
      access_type: 'offline',
      nonce,
      state,
      login_hint: 'wanda',
      prompt: 'none',
    })
    const callback = locationOf(await fetch(url, { redirect: 'manual' }))
    const checks = { pkceCodeVerifier: verifier, expectedNonce: nonce, expectedState: state, idTokenExpected: true }
    const tokens = await client.authorizationCodeGrant(config, callback, checks)
    expect(tokens.claims()).toMatchObject({ email: 'wanda@hollow-oak.example', hd: 'hollow-oak.example', nonce })
    expect(tokens.refresh_token).toBeDefined()
    await client.tokenRevocation(config, tokens.access_token)
    await expect(client.tokenRevocation(config, tokens.access_token)).rejects.toMatchObject({ error: 'invalid_token' })
  })

  it('offers the test people, somebody new, and a way out', async () => {
    const page = await authorize()
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    const links = linksOf(await page.text(), upstream.origin)
    for (const [text, email] of [
      ['Ada Marlowe', 'ada.marlowe@gmail.com'],
      ['Noør Çelik-Østergård', 'noor.celik@gmail.com'],
      ['Somebody new', expect.stringMatching(/^robin\./)],
    ] as const) {
      const answer = await fetch(links.get(text) ?? '', { redirect: 'manual' })
      expect(answer.status).toBe(302)
      const location = locationOf(answer)
      expect(`${location.origin}${location.pathname}`).toBe(redirectUri)
      const { code, ...rest } = Object.fromEntries(location.searchParams)
      expect(rest).toMatchObject({ state: 's-1', iss: issuer(), scope: 'openid email profile' })
      const { id_token: idToken } = await read(await exchange(code ?? ''), Answer)
      expect(decodeJwt(idToken ?? '')).toMatchObject({ email, nonce: 'n-1', at_hash: expect.any(String) })
    }
    const cancelled = locationOf(await fetch(links.get('Cancel') ?? '', { redirect: 'manual' }))
    expect(Object.fromEntries(cancelled.searchParams)).toEqual({ error: 'access_denied', state: 's-1', iss: issuer() })
  })

  it('tells the app when nobody is signed in and nobody may be asked', async () => {
    const answer = locationOf(await authorize({ prompt: 'none' }))
    expect(Object.fromEntries(answer.searchParams)).toEqual({ error: 'login_required', state: 's-1', iss: issuer() })
  })

  it('shows a request that is wrong to the person and sends nothing back', async () => {
    for (const [wish, error] of [
      [{ client_id: 'other' }, 'invalid_client'],
      [{ redirect_uri: 'https://app.example/auth/apple/callback' }, 'redirect_uri_mismatch'],
      [{ redirect_uri: 'http://app.example/auth/google/callback' }, 'redirect_uri_mismatch'],
      [{ redirect_uri: `${redirectUri}?next=/` }, 'redirect_uri_mismatch'],
      [{ redirect_uri: `${redirectUri}#top` }, 'redirect_uri_mismatch'],
      [{ response_type: 'token' }, 'unsupported_response_type'],
      [{ scope: 'openid drive' }, 'invalid_scope'],
      [{ scope: '' }, 'invalid_request'],
      [{ code_challenge_method: 'plain' }, 'invalid_request'],
      [{ code_challenge_method: '' }, 'invalid_request'],
      [{ code_challenge: 'short' }, 'invalid_request'],
      [{ client_id: '"><script>' }, 'invalid_client'],
    ] as const) {
      const page = await authorize({ login_hint: 'ada', prompt: 'none', ...wish })
      expect([page.status, page.headers.get('location')]).toEqual([400, null])
      expect(await page.text()).toContain(`<code>${error}</code>`)
    }
    expect((await authorize({ redirect_uri: 'http://localhost:8787/auth/google/callback' })).status).toBe(200)
  })

  it('escapes what a request brings into the page', async () => {
    const text = await (await authorize({ state: '"><script>alert(1)</script>' })).text()
    expect(text).not.toContain('<script>')
  })
})

describe('Google’s token endpoint', () => {
  it('gives a refresh token for offline access only, and no more claims than the scope', async () => {
    expect((await read(await exchange(await newCode()), Answer)).refresh_token).toBeUndefined()
    const offline = await read(await exchange(await newCode({ access_type: 'offline' })), Answer)
    expect(offline.refresh_token).toMatch(/^1\/\//)
    const bare = await read(await exchange(await newCode({ scope: 'openid' })), Answer)
    expect(bare.scope).toBe('openid')
    expect(Object.keys(decodeJwt(bare.id_token ?? '')).toSorted()).toEqual(
      ['at_hash', 'aud', 'azp', 'exp', 'iat', 'iss', 'nonce', 'sub'].toSorted(),
    )
    expect((await read(await exchange(await newCode({ scope: 'email' })), Answer)).id_token).toBeUndefined()
  })

  it('takes the client’s secret either way, but not a wrong one, none, or both', async () => {
    const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })
    expect((await exchange(await newCode(), {}, basic(`${clientId}:${secret}`))).status).toBe(200)
    const wrong = await exchange(await newCode(), {}, basic(`${clientId}:guess`))
    expect(await refusal(wrong)).toEqual([401, 'invalid_client'])
    for (const wish of [{ client_secret: 'guess' }, { client_secret: '' }, { client_id: 'other' }]) {
      expect(await refusal(await exchange(await newCode(), wish))).toEqual([401, 'invalid_client'])
    }
    const both = await exchange(await newCode(), { client_secret: secret }, basic(`${clientId}:${secret}`))
    expect(await refusal(both)).toEqual([400, 'invalid_request'])
  })

  it('takes a code once, within ten minutes, with its own redirect_uri and verifier', async () => {
    const code = await newCode()
    expect((await exchange(code)).status).toBe(200)
    expect(await refusal(await exchange(code))).toEqual([400, 'invalid_grant'])
    expect(await refusal(await exchange('4/0Aunknown'))).toEqual([400, 'invalid_grant'])
    for (const wish of [{ code_verifier: 'x'.repeat(43) }, { code_verifier: '' }, { code_verifier: 'short' }]) {
      expect(await refusal(await exchange(await newCode(), wish))).toEqual([400, 'invalid_grant'])
    }
    const withoutPkce = await newCode({ code_challenge: '', code_challenge_method: '' })
    expect(await refusal(await exchange(withoutPkce))).toEqual([400, 'invalid_grant'])
    const elsewhere = await exchange(await newCode(), { redirect_uri: 'https://app.example/' })
    expect(await refusal(elsewhere)).toEqual([400, 'redirect_uri_mismatch'])
    const late = await newCode()
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 601_000 })
    const answered = await exchange(late).finally(() => vi.useRealTimers())
    expect(await refusal(answered)).toEqual([400, 'invalid_grant'])
  })

  it('refuses another grant and another kind of body', async () => {
    const password = await exchange(await newCode(), { grant_type: 'password' })
    expect(await refusal(password)).toEqual([400, 'unsupported_grant_type'])
    expect(await refusal(await post(`${issuer()}/token`, {}))).toEqual([400, 'invalid_request'])
  })

  it('takes the code that a native SDK got for its server, with an empty redirect_uri and no verifier', async () => {
    const Handed = z.strictObject({ code: z.string(), person: z.string() })
    const { code } = await read(await post(`${issuer()}/server-auth-code`, { person: 'ada', nonce: 'n-2' }), Handed)
    const tokens = await read(await exchange(code, { redirect_uri: '', code_verifier: '' }), Answer)
    expect(decodeJwt(tokens.id_token ?? '')).toMatchObject({ email: 'ada.marlowe@gmail.com', nonce: 'n-2' })
    expect(tokens.refresh_token).toBeDefined()
  })
})

it('Google revokes a grant by any of its tokens, once, and records it', async () => {
  const tokens = await read(await exchange(await newCode({ access_type: 'offline' })), Answer)
  const revoke = async (token: string) => await postForm(`${issuer()}/revoke`, { token })
  const answer = await revoke(tokens.refresh_token ?? '')
  expect([answer.status, await answer.json()]).toEqual([200, {}])
  expect(await refusal(await revoke(tokens.access_token))).toEqual([400, 'invalid_token'])
  expect(await refusal(await revoke('unknown'))).toEqual([400, 'invalid_token'])
  const other = await read(await exchange(await newCode()), Answer)
  const inQuery = await fetch(`${issuer()}/revoke?token=${other.access_token}`, { method: 'POST' })
  expect(inQuery.status).toBe(200)
  const Recorded = z.object({ revocations: z.array(z.record(z.string(), z.string())) })
  const { revocations } = await read(await fetch(`${upstream.origin}/identity/revocations`), Recorded)
  const expected = { provider: 'google', client: clientId, person: 'ada', subject: expect.stringMatching(/^\d{21}$/) }
  expect(revocations.slice(-2)).toEqual([expected, expected])
})
