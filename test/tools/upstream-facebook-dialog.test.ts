import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import * as z from 'zod'
import { startUpstream, type Upstream } from '#scripts/upstream/server.ts'
import { appId, askGraph, debugToken, graphRefusal, readMe, secret } from '#test/tools/graph-client.ts'
import { linksOf, postForm, read } from '#test/tools/upstream-client.ts'

let upstream: Upstream

beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(async () => {
  await upstream.close()
})

describe('signing in with Facebook in a browser', () => {
  const redirectUri = 'https://app.example/auth/facebook/callback'
  const verifier = randomBytes(32).toString('base64url')
  const challenge = createHash('sha256').update(verifier).digest('base64url')

  async function dialog(wish: Record<string, string> = {}, version = 'v25.0'): Promise<Response> {
    const usual = { client_id: appId, redirect_uri: redirectUri, state: 's-1', scope: 'email,public_profile' }
    const pkce = { code_challenge: challenge, code_challenge_method: 'S256' }
    const query = new URLSearchParams({ ...usual, ...pkce, ...wish })
    return await fetch(`${upstream.origin}/facebook/dialog/${version}/dialog/oauth?${query}`, { redirect: 'manual' })
  }

  const locationOf = (response: Response) => new URL(response.headers.get('location') ?? 'missing:')

  async function newCode(wish: Record<string, string> = {}): Promise<string> {
    const answer = await dialog({ login_hint: 'ada', prompt: 'none', ...wish })
    return locationOf(answer).searchParams.get('code') ?? ''
  }

  const parameters = (code: string) => ({
    client_id: appId,
    client_secret: secret,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    code,
  })

  const exchange = async (code: string, wish: Record<string, string> = {}) =>
    await askGraph(upstream.origin, 'v25.0/oauth/access_token', { ...parameters(code), ...wish })

  const Exchanged = z.strictObject({
    access_token: z.string(),
    token_type: z.literal('bearer'),
    expires_in: z.literal(5_184_000),
  })

  it('offers the test people and a way out', async () => {
    const links = linksOf(await (await dialog()).text(), upstream.origin)
    const answer = await fetch(links.get('Ada Marlowe') ?? '', { redirect: 'manual' })
    const location = locationOf(answer)
    expect([answer.status, location.hash, location.searchParams.get('state')]).toEqual([302, '#_=_', 's-1'])
    const cancelled = locationOf(await fetch(links.get('Cancel') ?? '', { redirect: 'manual' }))
    expect(Object.fromEntries(cancelled.searchParams)).toEqual({
      error: 'access_denied',
      error_code: '200',
      error_description: 'Permissions error',
      error_reason: 'user_denied',
      state: 's-1',
    })
  })

  it('trades a code for a token of the person, by query or form, for what was allowed', async () => {
    const { access_token: token } = await read(await exchange(await newCode()), Exchanged)
    expect(await (await readMe(upstream.origin, token, { fields: 'name,email' })).json()).toMatchObject({
      email: 'ada.marlowe@gmail.com',
    })
    const form = parameters(await newCode({ scope: '' }))
    const answer = await postForm(`${upstream.origin}/facebook/graph/v25.0/oauth/access_token`, form)
    const { access_token: bare } = await read(answer, Exchanged)
    expect(await (await debugToken(upstream.origin, bare)).json()).toMatchObject({
      data: { scopes: ['public_profile'] },
    })
    const plain = await newCode({ code_challenge: '', code_challenge_method: '' })
    expect((await exchange(plain, { code_verifier: '' })).status).toBe(200)
  })

  it('takes a code once, within ten minutes, from its own app with its redirect_uri, secret and verifier', async () => {
    const code = await newCode()
    expect((await exchange(code)).status).toBe(200)
    expect(await graphRefusal(await exchange(code))).toEqual([400, 'OAuthException', 100, 36_009])
    expect(await graphRefusal(await exchange('AQunknown'))).toEqual([400, 'OAuthException', 100, undefined])
    for (const [wish, number, subcode] of [
      [{ redirect_uri: 'https://app.example/' }, 100, 36_008],
      [{ code_verifier: 'x'.repeat(43) }, 100, undefined],
      [{ code_verifier: '' }, 100, undefined],
      [{ client_secret: 'guess' }, 1, undefined],
      [{ client_id: '42' }, 101, undefined],
    ] as const) {
      const answer = await exchange(await newCode(), wish)
      expect(await graphRefusal(answer)).toEqual([400, 'OAuthException', number, subcode])
    }
    const late = await newCode()
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 601_000 })
    const answered = await exchange(late).finally(() => vi.useRealTimers())
    expect(await graphRefusal(answered)).toEqual([400, 'OAuthException', 100, 36_007])
  })

  it('refuses another app, callback, scope or version on a page', async () => {
    for (const [wish, version, error] of [
      [{ client_id: '42' }, 'v25.0', 'invalid_client'],
      [{ redirect_uri: 'https://app.example/auth/google/callback' }, 'v25.0', 'redirect_uri_mismatch'],
      [{ scope: 'user_friends' }, 'v25.0', 'invalid_scope'],
      [{}, 'v16.0', 'graph_error'],
    ] as const) {
      const page = await dialog({ login_hint: 'ada', prompt: 'none', ...wish }, version)
      expect(page.status).toBe(400)
      expect(await page.text()).toContain(`<code>${error}</code>`)
    }
  })
})
