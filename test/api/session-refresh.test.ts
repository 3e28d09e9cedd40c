import { describe, expect, it } from 'vitest'
import type { Refreshed, SessionState } from '#src/auth/shapes.ts'
import { call, newUser, type Answer } from '#test/setup/client.ts'
import { asOwner, tablesThatHoldEach } from '#test/setup/owner-database.ts'

type Problem = { code: string }

const refresh = async (token: string) => await call<Refreshed & Problem>('POST', '/auth/refresh', { token })
const tokenOf = ({ body }: Answer<Refreshed>) => body.session_token ?? ''
const statusOf = async (token: string) => (await call('GET', '/auth/session', { token })).status
const sessionOf = async (token: string) => (await call<SessionState>('GET', '/auth/session', { token })).body
const endGrace = async (userId: string) =>
  await asOwner("update retired_tokens set good_until = now() - interval '1 second' where user_id = $1", [userId])
const revocations = async (userId: string) =>
  await asOwner(
    `select l.details from audit_log l join audit_chains c using (chain_id)
     where c.user_id = $1 and l.action = 'session.revoked'`,
    [userId],
  )

describe('a session that is refreshed', () => {
  it('goes on under a new token', async () => {
    const { token } = await newUser()
    const before = await sessionOf(token)
    const answer = await refresh(token)
    expect(answer).toMatchObject({
      status: 200,
      body: { session_token: expect.stringMatching(/^nf_[\w-]{51}$/), expires_at: expect.any(String) },
    })
    expect(Object.keys(answer.body).toSorted()).toEqual(['expires_at', 'session_token'])
    expect(tokenOf(answer)).not.toBe(token)
    const after = await sessionOf(tokenOf(answer))
    expect([after.session_id, after.user_id]).toEqual([before.session_id, before.user_id])
    expect(Date.parse(after.expires_at)).toBeGreaterThanOrEqual(Date.parse(before.expires_at))
  })

  it('is known by its old token for a moment, and then no more', async () => {
    const { token, user } = await newUser()
    const next = tokenOf(await refresh(token))
    expect([await statusOf(token), await statusOf(next)]).toEqual([200, 200])
    await endGrace(user.id)
    expect([await statusOf(token), await statusOf(next)]).toEqual([401, 200])
  })

  it('has one new token, however many refresh it at once', async () => {
    const { token } = await newUser()
    const answers = await Promise.all(Array.from({ length: 20 }, async () => await refresh(token)))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    const tokens = [...new Set(answers.map(tokenOf))]
    expect(tokens.length).toBe(1)
    expect(await statusOf(tokens[0] ?? '')).toBe(200)
  })

  it('answers a lost refresh with the token that is good now, also when that was replaced meanwhile', async () => {
    const { token, user } = await newUser()
    const second = tokenOf(await refresh(token))
    expect(tokenOf(await refresh(token))).toBe(second)
    const third = tokenOf(await refresh(second))
    expect([tokenOf(await refresh(token)), tokenOf(await refresh(second))]).toEqual([third, third])
    await endGrace(user.id)
    expect(await statusOf(third)).toBe(200)
  })

  it('ends when a token that was replaced is refreshed after its grace: it is in two hands', async () => {
    const { token, user } = await newUser()
    const next = tokenOf(await refresh(token))
    await endGrace(user.id)
    const again = await refresh(token)
    expect([again.status, again.body.code]).toEqual([401, 'unauthenticated'])
    expect([await statusOf(token), await statusOf(next)]).toEqual([401, 401])
    expect(await revocations(user.id)).toEqual([{ details: { reason: 'token_reused' } }])
  })

  it('does not end when a token that was replaced is merely presented late', async () => {
    const { token, user } = await newUser()
    const next = tokenOf(await refresh(token))
    await endGrace(user.id)
    expect(await statusOf(token)).toBe(401)
    expect([await statusOf(next), await revocations(user.id)]).toEqual([200, []])
  })

  it('never outlives its longest life', async () => {
    const { token, user } = await newUser()
    await asOwner(
      `update user_sessions set expires_at = now() + interval '1 minute', absolute_expires_at = now() + interval '1 hour'
       where user_id = $1`,
      [user.id],
    )
    const { body } = await refresh(token)
    expect(Math.abs(Date.parse(body.expires_at) - Date.now() - 3_600_000)).toBeLessThan(60_000)
  })

  it('ends by logout with the token of before, too', async () => {
    const { token } = await newUser()
    const next = tokenOf(await refresh(token))
    expect((await call('POST', '/auth/logout', { token })).status).toBe(204)
    expect([await statusOf(token), await statusOf(next)]).toEqual([401, 401])
    expect((await refresh(next)).status).toBe(401)
  })

  it('leaves no token in the database', async () => {
    const { token } = await newUser()
    const next = tokenOf(await refresh(token))
    expect(await tablesThatHoldEach([token, next, next.slice(3, 46)])).toEqual([[], [], []])
  })
})
