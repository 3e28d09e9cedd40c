import { describe, expect, it } from 'vitest'
import type { Refreshed, SessionState } from '#src/auth/shapes.ts'
import { call, freshNonce, googleToken, newUser } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'

type Reply = Refreshed & { code: string }

const renew = async (token: string, body: Record<string, unknown>) =>
  await call<Reply>('POST', '/auth/reauthenticate', { token, body: { provider: 'google', ...body } })
const proofOf = async (person: string) => {
  const nonce = await freshNonce()
  return { token: await googleToken({ person, nonce }), nonce }
}
const statusOf = async (token: string) => (await call('GET', '/auth/session', { token })).status
const sessionOf = async (token: string) => (await call<SessionState>('GET', '/auth/session', { token })).body
const ageSignIn = async (userId: string) =>
  await asOwner("update user_sessions set authenticated_at = now() - interval '6 minutes' where user_id = $1", [userId])
const link = async (token: string) =>
  await call<{ code: string }>('POST', '/auth/identities', {
    token,
    body: { provider: 'google', token: await googleToken() },
  })

describe('a sign-in that is renewed', () => {
  it('makes the session fresh, under a new token, and ends the old one at once', async () => {
    const { token, person, user } = await newUser()
    const { session_id: id } = await sessionOf(token)
    await ageSignIn(user.id)
    expect([(await link(token)).status, (await link(token)).body.code]).toEqual([428, 'fresh_sign_in_needed'])
    const answer = await renew(token, await proofOf(person))
    expect(answer).toMatchObject({
      status: 200,
      body: { session_token: expect.stringMatching(/^nf_[\w-]{51}$/), expires_at: expect.any(String) },
    })
    const next = answer.body.session_token ?? ''
    expect([await statusOf(token), (await sessionOf(next)).session_id]).toEqual([401, id])
    expect((await link(next)).status).toBe(201)
  })

  it('is in the audit log', async () => {
    const { token, person, user } = await newUser()
    const { session_id: id } = await sessionOf(token)
    await renew(token, await proofOf(person))
    const entries = await asOwner(
      `select l.action, l.target from audit_log l join audit_chains c using (chain_id) where c.user_id = $1 order by l.seq`,
      [user.id],
    )
    expect(entries).toEqual([
      { action: 'account.registered', target: `session:${id}` },
      { action: 'sign_in.renewed', target: `session:${id}` },
    ])
  })

  it('is refused for an identity of somebody else, or of nobody, and changes nothing', async () => {
    const [{ token, user }, other] = [await newUser(), await newUser()]
    await ageSignIn(user.id)
    for (const stranger of [other.person, `new:${crypto.randomUUID()}`]) {
      const refused = await renew(token, await proofOf(stranger))
      expect([refused.status, refused.body.code]).toEqual([401, 'invalid_identity_token'])
    }
    expect([await statusOf(token), (await link(token)).status]).toEqual([200, 428])
  })

  it('is one of two at once, and the session lives on under the token of that one', async () => {
    const { token, person } = await newUser()
    const proofs = [await proofOf(person), await proofOf(person)]
    const answers = await Promise.all(proofs.map(async (proof) => await renew(token, proof)))
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 401])
    const next = answers.find(({ status }) => status === 200)?.body.session_token ?? ''
    expect([await statusOf(next), (await call('POST', '/auth/refresh', { token: next })).status]).toEqual([200, 200])
  })

  it('is refused for what carries no nonce, for it may be old', async () => {
    const { token, person, user } = await newUser()
    await ageSignIn(user.id)
    const refused = await renew(token, { token: await googleToken({ person }) })
    expect(refused).toMatchObject({ status: 422, body: { code: 'invalid_body', errors: [{ pointer: '/nonce' }] } })
    expect([await statusOf(token), (await link(token)).status]).toEqual([200, 428])
  })

  it('is not what a sign-in without a nonce is; one with a nonce is fresh', async () => {
    const { person } = await newUser()
    const signIn = async (proof: Record<string, string>) =>
      (await call<{ session_token: string }>('POST', '/auth/login', { body: { provider: 'google', ...proof } })).body
        .session_token
    const [old, fresh] = [await signIn({ token: await googleToken({ person }) }), await signIn(await proofOf(person))]
    expect([(await link(old)).status, (await link(fresh)).status]).toEqual([428, 201])
  })

  it('spends its nonce', async () => {
    const { token, person } = await newUser()
    const nonce = await freshNonce()
    const proof = { token: await googleToken({ person, nonce }), nonce }
    const next = (await renew(token, proof)).body.session_token ?? ''
    const again = await renew(next, proof)
    expect([again.status, again.body.code, await statusOf(next)]).toEqual([401, 'invalid_identity_token', 200])
  })

  it('asks no provider for a session that has ended', async () => {
    const { token, person } = await newUser()
    await call('POST', '/auth/logout', { token })
    const refused = await renew(token, await proofOf(person))
    expect([refused.status, refused.body.code]).toEqual([401, 'unauthenticated'])
  })
})
