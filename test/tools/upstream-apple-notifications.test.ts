import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { startUpstream, type Upstream } from '#scripts/upstream/server.ts'
import { post, read } from '#test/tools/upstream-client.ts'

let upstream: Upstream

beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(async () => {
  await upstream.close()
})

const bundleId = 'com.example.companion'
const issuer = () => `${upstream.origin}/apple`

describe('Apple’s notifications', () => {
  const Event = z.object({ type: z.string(), sub: z.string(), event_time: z.number() }).loose()

  async function notified(wish: object) {
    const answer = await post(`${issuer()}/notification`, { person: 'hana', audience: bundleId, ...wish })
    const { payload } = await read(answer, z.strictObject({ payload: z.string() }))
    const verified = await jwtVerify(payload, createRemoteJWKSet(new URL(`${issuer()}/jwks`)), {
      issuer: issuer(),
      audience: bundleId,
    })
    return { claims: verified.payload, event: Event.parse(JSON.parse(String(verified.payload['events']))) }
  }

  it('are signed by Apple’s key and tell of the event in a string', async () => {
    const handed = await post(`${issuer()}/id-token`, { person: 'hana' })
    const { sub } = decodeJwt((await read(handed, z.object({ id_token: z.string() }))).id_token)
    const { claims, event } = await notified({ type: 'email-disabled' })
    expect(claims).toMatchObject({ jti: expect.any(String), iat: expect.any(Number) })
    expect(event).toEqual({
      type: 'email-disabled',
      sub,
      email: expect.stringMatching(/@privaterelay\.appleid\.com$/),
      is_private_email: 'true',
      event_time: expect.any(Number),
    })
    for (const type of ['consent-revoked', 'account-delete', 'account-deleted']) {
      expect((await notified({ type })).event).toEqual({ type, sub, event_time: expect.any(Number) })
    }
  })

  it('bend as a test wishes', async () => {
    const { claims, event } = await notified({ type: 'consent-revoked', claims: { jti: 'j' }, event: { sub: 'other' } })
    expect([claims.jti, event.sub]).toEqual(['j', 'other'])
  })
})
