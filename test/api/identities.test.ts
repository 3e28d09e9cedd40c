import { describe, expect, it } from 'vitest'
import type { Authenticated, IdentityList, IdentitySummary, LoginAnswer } from '#src/auth/shapes.ts'
import { appleHandover, call, freshNonce, googleToken, newUser } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'

type Reply = IdentitySummary & { code: string }

const link = async (token: string, body: Record<string, unknown>) =>
  await call<Reply>('POST', '/auth/identities', { token, body })
const unlink = async (token: string, id: string) =>
  await call<{ code: string }>('DELETE', `/auth/identities/${id}`, { token })
const listOf = async (token: string) => (await call<IdentityList>('GET', '/auth/identities', { token })).body.items
const login = async (body: Record<string, unknown>) => (await call<LoginAnswer>('POST', '/auth/login', { body })).body
const google = async (person?: string) => ({
  provider: 'google',
  token: await googleToken(person === undefined ? {} : { person }),
})
const statusOf = async (token: string) => (await call('GET', '/auth/session', { token })).status
const somebody = () => `new:${crypto.randomUUID()}`

describe('the identities of a person', () => {
  it('are those that they registered with or added, the newest first', async () => {
    const { token, user } = await newUser()
    const { status, body: added } = await link(token, { provider: 'apple', ...(await appleHandover()) })
    const apple = {
      id: expect.any(String),
      provider: 'apple',
      email: expect.stringContaining('@'),
      is_private_email: false,
      is_current: false,
      last_login_at: expect.any(String),
      created_at: expect.any(String),
    }
    expect([status, added]).toEqual([201, apple])
    expect(await listOf(token)).toEqual([added, { ...apple, provider: 'google', email: user.email, is_current: true }])
  })

  it('sign in to the one account', async () => {
    const { token, user } = await newUser()
    const person = somebody()
    await link(token, await google(person))
    const again = await login(await google(person))
    expect(again).toMatchObject({ status: 'authenticated', user: { id: user.id, email: user.email } })
  })

  it('are each of one person: a second asks in vain, and so does the same one again', async () => {
    const [{ token, person }, other] = [await newUser(), await newUser()]
    for (const taken of [person, other.person]) {
      const refused = await link(token, await google(taken))
      expect([refused.status, refused.body.code]).toEqual([409, 'identity_unavailable'])
    }
    expect([(await listOf(token)).length, (await listOf(other.token)).length]).toEqual([1, 1])
  })

  it('take a nonce that is good once', async () => {
    const { token } = await newUser()
    const nonce = await freshNonce()
    const added = await link(token, { provider: 'google', token: await googleToken({ nonce }), nonce })
    const again = await link(token, { provider: 'google', token: await googleToken({ nonce }), nonce })
    expect([added.status, again.status, again.body.code]).toEqual([201, 401, 'invalid_identity_token'])
    expect((await listOf(token)).length).toBe(2)
  })

  it('are added and taken away only after a fresh sign-in', async () => {
    const { token, user } = await newUser()
    const { body: added } = await link(token, await google())
    await asOwner("update user_sessions set authenticated_at = now() - interval '6 minutes' where user_id = $1", [
      user.id,
    ])
    const answers = [await link(token, await google()), await unlink(token, added.id)]
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual([
      [428, 'fresh_sign_in_needed'],
      [428, 'fresh_sign_in_needed'],
    ])
    expect((await listOf(token)).length).toBe(2)
  })
})

describe('an identity that is taken away', () => {
  it('ends the sessions that it began, but for the one that asks, and signs in no more', async () => {
    const { token, user } = await newUser()
    const person = somebody()
    const { body: added } = await link(token, await google(person))
    const began = ((await login(await google(person))) as Authenticated).session_token
    expect(await statusOf(began)).toBe(200)
    expect((await unlink(token, added.id)).status).toBe(204)
    expect([await statusOf(began), await statusOf(token)]).toEqual([401, 200])
    expect((await login(await google(person))).status).toBe('registration_required')
    expect((await listOf(token)).map(({ id }) => id)).not.toContain(added.id)
    expect(
      await asOwner(
        `select l.action, l.details from audit_log l join audit_chains c using (chain_id)
         where c.user_id = $1 and l.action <> 'account.registered' order by l.seq`,
        [user.id],
      ),
    ).toEqual([
      { action: 'identity.linked', details: { provider: 'google' } },
      { action: 'sign_in.succeeded', details: { provider: 'google' } },
      { action: 'session.revoked', details: { reason: 'identity_unlinked' } },
      { action: 'identity.unlinked', details: { provider: 'google' } },
    ])
  })

  it('may be the one that the session began with', async () => {
    const { token } = await newUser()
    const { body: added } = await link(token, await google())
    const first = (await listOf(token)).find(({ is_current: isCurrent }) => isCurrent)
    expect((await unlink(token, first?.id ?? '')).status).toBe(204)
    expect(await listOf(token)).toEqual([{ ...added, is_current: true }])
  })

  it('is never the last', async () => {
    const { token } = await newUser()
    const [only] = await listOf(token)
    const refused = await unlink(token, only?.id ?? '')
    expect([refused.status, refused.body.code]).toEqual([422, 'last_identity'])
    expect((await listOf(token)).length).toBe(1)
  })
})
