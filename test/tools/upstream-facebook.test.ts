import { createHmac } from 'node:crypto'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { startUpstream, type Upstream } from '#scripts/upstream/server.ts'
import {
  appId,
  appToken,
  askGraph,
  debugToken,
  graphRefusal as refusal,
  proofOf,
  readMe,
  secret,
} from '#test/tools/graph-client.ts'
import { post, read } from '#test/tools/upstream-client.ts'

let upstream: Upstream

beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(async () => {
  await upstream.close()
})

const HandedOut = z.strictObject({ access_token: z.string(), user_id: z.string(), person: z.string() })
async function handedOut(wish: object = {}) {
  return await read(await post(`${upstream.origin}/facebook/access-token`, { person: 'new', ...wish }), HandedOut)
}

const graph = async (path: string, parameters: Record<string, string>, method = 'GET') =>
  await askGraph(upstream.origin, path, parameters, method)
const debug = async (token: string, accessToken?: string) => await debugToken(upstream.origin, token, accessToken)
const me = async (token: string, parameters?: Record<string, string>) =>
  await readMe(upstream.origin, token, parameters)

describe('the Graph', () => {
  it('says of a token whose it is, and for which app', async () => {
    const { access_token: token, user_id: userId } = await handedOut({ person: 'ada' })
    expect(userId).toMatch(/^\d{17}$/)
    const { data } = await read(await debug(token), z.object({ data: z.looseObject({ issued_at: z.number() }) }))
    expect(data).toEqual({
      app_id: appId,
      type: 'USER',
      application: 'NeuraForm (local)',
      data_access_expires_at: expect.any(Number),
      expires_at: data.issued_at + 5_184_000,
      is_valid: true,
      issued_at: data.issued_at,
      scopes: ['email', 'public_profile'],
      user_id: userId,
    })
  })

  it('says what is wrong with a dead token, and nothing of another app’s', async () => {
    const { access_token: expired } = await handedOut({ expires_at: 1_700_000_000 })
    const { access_token: withdrawn } = await handedOut({ valid: false })
    for (const [token, subcode] of [
      [expired, 463],
      [withdrawn, 458],
    ] as const) {
      expect(await (await debug(token)).json()).toMatchObject({
        data: { is_valid: false, error: { code: 190, subcode } },
      })
      expect(await refusal(await me(token))).toEqual([400, 'OAuthException', 190, subcode])
    }
    expect(await (await debug('EAAunknown')).json()).toEqual({
      data: { error: { code: 190, message: expect.any(String) }, is_valid: false, scopes: [] },
    })
    const { access_token: foreign } = await handedOut({ app_id: '42' })
    expect(await refusal(await debug(foreign))).toEqual([400, 'OAuthException', 100, undefined])
    expect(await refusal(await debug(expired, `${appId}|guess`))).toEqual([400, 'OAuthException', 190, undefined])
  })

  it('answers the fields of the person whose token it is', async () => {
    const { access_token: token, user_id: id } = await handedOut({ person: 'ada' })
    const fields = 'id,first_name,last_name,name,email,picture.type(large)'
    expect(await (await me(token, { fields })).json()).toEqual({
      id,
      first_name: 'Ada',
      last_name: 'Marlowe',
      name: 'Ada Marlowe',
      email: 'ada.marlowe@gmail.com',
      picture: { data: { height: 50, is_silhouette: false, url: expect.stringMatching(/^https:/), width: 50 } },
    })
    expect(await (await me(token)).json()).toEqual({ id, name: 'Ada Marlowe' })
    for (const wish of [{ person: 'mei' }, { person: 'ada', scopes: ['public_profile'] }]) {
      const { access_token: bare, user_id: userId } = await handedOut(wish)
      expect(await (await me(bare, { fields: 'id,email' })).json()).toEqual({ id: userId })
    }
    expect(await refusal(await me(token, { fields: 'shoe_size' }))).toEqual([400, 'OAuthException', 100, undefined])
  })

  it('bends its answers as a test wishes', async () => {
    const { access_token: token } = await handedOut({
      debug_data: { user_id: null, app_id: '42' },
      profile: { id: '7' },
    })
    const { data } = await read(await debug(token), z.object({ data: z.looseObject({}) }))
    expect(data).toMatchObject({ is_valid: true, app_id: '42' })
    expect('user_id' in data).toBe(false)
    expect(await (await me(token, { fields: 'id' })).json()).toEqual({ id: '7' })
  })

  it('wants the proof of the secret', async () => {
    const { access_token: token } = await handedOut()
    const wrong = [400, 'GraphMethodException', 100, undefined]
    expect(await refusal(await graph('v25.0/me', { access_token: token }))).toEqual(wrong)
    expect(await refusal(await me(token, { appsecret_proof: proofOf('another') }))).toEqual(wrong)
    const checked = { input_token: token, access_token: appToken, appsecret_proof: proofOf(token) }
    expect(await refusal(await graph('v25.0/debug_token', checked))).toEqual(wrong)
    expect((await graph('v25.0/debug_token', { ...checked, appsecret_proof: proofOf(appToken) })).status).toBe(200)
  })

  it('takes a token from the Authorization header, and both from a form', async () => {
    const { access_token: token, user_id: id } = await handedOut()
    const inHeader = await fetch(`${upstream.origin}/facebook/graph/v25.0/me?appsecret_proof=${proofOf(token)}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    expect(await inHeader.json()).toMatchObject({ id })
    const body = new URLSearchParams({ access_token: token, appsecret_proof: proofOf(token) })
    const removal = { method: 'DELETE', body }
    const removed = await fetch(`${upstream.origin}/facebook/graph/v25.0/${id}/permissions`, removal)
    expect(await removed.json()).toEqual({ success: true })
    expect(await refusal(await graph('v25.0/me', {}))).toEqual([400, 'OAuthException', 104, undefined])
  })

  it('serves version 20 and later', async () => {
    const { access_token: token } = await handedOut()
    const parameters = { input_token: token, access_token: appToken }
    for (const version of ['v20.0', 'v31.2']) {
      expect((await graph(`${version}/debug_token`, parameters)).status).toBe(200)
    }
    expect(await refusal(await graph('v16.0/debug_token', parameters))).toEqual([
      400,
      'OAuthException',
      2635,
      undefined,
    ])
    expect(await refusal(await graph('latest/debug_token', parameters))).toEqual([
      400,
      'OAuthException',
      2500,
      undefined,
    ])
    expect(await refusal(await graph('v25.0/nowhere', {}))).toEqual([404, 'OAuthException', 2500, undefined])
  })

  it('takes from the app what a person allowed it, with their token or with the app’s, and records it', async () => {
    const first = await handedOut({ person: `new:${crypto.randomUUID()}` })
    const second = await handedOut({ person: `new:${crypto.randomUUID()}` })
    const remove = async (path: string, token: string, proof = proofOf(token)) =>
      await graph(`v25.0/${path}/permissions`, { access_token: token, appsecret_proof: proof }, 'DELETE')
    const wrong = await remove('me', first.access_token, 'guess')
    expect(await refusal(wrong)).toEqual([400, 'GraphMethodException', 100, undefined])
    const foreign = await remove(second.user_id, first.access_token)
    expect(await refusal(foreign)).toEqual([400, 'OAuthException', 10, undefined])
    expect(await (await remove('me', first.access_token)).json()).toEqual({ success: true })
    expect(await (await remove(second.user_id, appToken)).json()).toEqual({ success: true })
    expect(await refusal(await me(first.access_token))).toEqual([400, 'OAuthException', 190, 458])
    expect(await refusal(await remove(second.user_id, appToken))).toEqual([400, 'GraphMethodException', 100, 33])
    const Recorded = z.object({ revocations: z.array(z.object({ subject: z.string() }).loose()) })
    const { revocations } = await read(await fetch(`${upstream.origin}/identity/revocations`), Recorded)
    expect(revocations.slice(-2).map(({ subject }) => subject)).toEqual([first.user_id, second.user_id])
  })
})

describe('Limited Login', () => {
  const issuer = () => `${upstream.origin}/facebook/limited`
  const Limited = z.strictObject({ id_token: z.string(), person: z.string() })
  const limited = async (wish: object) =>
    (await read(await post(`${upstream.origin}/facebook/limited-token`, wish), Limited)).id_token

  it('signs tokens about the same person as the Graph, under keys of its own', async () => {
    const token = await limited({ person: 'ada', nonce: 'n-1' })
    const jwks = createRemoteJWKSet(new URL(`${issuer()}/jwks`))
    const { payload, protectedHeader } = await jwtVerify(token, jwks, { issuer: issuer(), audience: appId })
    expect(protectedHeader.alg).toBe('RS256')
    expect(payload).toEqual({
      iss: issuer(),
      aud: appId,
      sub: (await handedOut({ person: 'ada' })).user_id,
      iat: expect.any(Number),
      exp: Number(payload.iat) + 3600,
      jti: expect.any(String),
      nonce: 'n-1',
      email: 'ada.marlowe@gmail.com',
      given_name: 'Ada',
      family_name: 'Marlowe',
      name: 'Ada Marlowe',
      picture: expect.stringMatching(/^https:/),
    })
  })

  it('makes tokens that the Graph does not take', async () => {
    const token = await limited({ person: 'ada' })
    expect(await refusal(await me(token))).toEqual([400, 'OAuthException', 190, undefined])
    expect(await (await debug(token)).json()).toMatchObject({ data: { is_valid: false } })
  })
})

it('a signed request carries the person’s id under the app’s secret, and bends as a test wishes', async () => {
  const signed = async (wish: object) => {
    const answer = await post(`${upstream.origin}/facebook/signed-request`, { person: 'ada', ...wish })
    const text = (await read(answer, z.strictObject({ signed_request: z.string() }))).signed_request
    const [signature, payload = ''] = text.split('.')
    const isOurs = signature === createHmac('sha256', secret).update(payload).digest('base64url')
    return { isOurs, payload: Buffer.from(payload, 'base64url').toString() }
  }
  const { isOurs, payload } = await signed({})
  expect(isOurs).toBe(true)
  expect(JSON.parse(payload)).toEqual({
    user_id: (await handedOut({ person: 'ada' })).user_id,
    algorithm: 'HMAC-SHA256',
    issued_at: expect.any(Number),
  })
  expect((await signed({ app_secret: 'guess' })).isOurs).toBe(false)
  expect(await signed({ payload: 'no JSON' })).toEqual({ isOurs: true, payload: 'no JSON' })
  expect(JSON.parse((await signed({ claims: { issued_at: 1, algorithm: null } })).payload)).toEqual({
    user_id: expect.any(String),
    issued_at: 1,
  })
})
