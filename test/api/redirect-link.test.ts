import { describe, expect, it } from 'vitest'
import { providers, type Provider } from '#src/auth/providers/verified-identity.ts'
import type { IdentityList, LinkStarted } from '#src/auth/shapes.ts'
import { call, freshNonce, googleToken, newUser } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { Browser, choose, returned, returnTo } from '#test/setup/redirect.ts'

const newPerson = () => `new:${crypto.randomUUID()}`

/** Begins a link in a browser of its own, and picks a person at the provider. */
async function begin(provider: Provider, token: string, person = newPerson()) {
  const begun = await call<LinkStarted>('POST', `/auth/${provider}/link`, { token, body: { return_to: returnTo } })
  expect(begun.status).toBe(200)
  const browser = new Browser()
  browser.keep(begun.headers)
  return { browser, callback: await choose(begun.body.authorization_url, person) }
}

const identitiesOf = async (token: string) =>
  (await call<IdentityList>('GET', '/auth/identities', { token })).body.items.map(({ id }) => id)

describe.each(providers)('linking %s by redirect', (provider) => {
  it('adds the identity to the account of whoever began it, once', async () => {
    const { token } = await newUser()
    const { browser, callback } = await begin(provider, token)
    const { linked = '', ...others } = returned(await browser.callBack(provider, callback))
    expect(others).toEqual({})
    const ids = await identitiesOf(token)
    expect([ids.length, ids]).toEqual([2, expect.arrayContaining([linked])])
  })

  it('is of no use in another browser', async () => {
    const { token } = await newUser()
    const { callback } = await begin(provider, token)
    expect((await new Browser().callBack(provider, callback)).status).toBe(400)
    expect((await identitiesOf(token)).length).toBe(1)
  })

  it('moves no identity that belongs to somebody else, and tells the client', async () => {
    const person = newPerson()
    const [owner, other] = [await newUser(), await newUser()]
    const first = await begin(provider, owner.token, person)
    expect(returned(await first.browser.callBack(provider, first.callback))).toHaveProperty('linked')
    const second = await begin(provider, other.token, person)
    const answer = await second.browser.callBack(provider, second.callback)
    expect(returned(answer)).toEqual({ error: 'identity_unavailable' })
    expect([(await identitiesOf(owner.token)).length, (await identitiesOf(other.token)).length]).toEqual([2, 1])
  })
})

describe('a link by redirect', () => {
  it('needs a session that has signed in lately, at its start and at its end', async () => {
    const { token, user } = await newUser()
    const { browser, callback } = await begin('google', token)
    await asOwner("update user_sessions set authenticated_at = now() - interval '6 minutes' where user_id = $1", [
      user.id,
    ])
    const late = await call('POST', '/auth/google/link', { token, body: { return_to: returnTo } })
    expect([late.status, late.body]).toMatchObject([428, { code: 'fresh_sign_in_needed' }])
    expect(returned(await browser.callBack('google', callback))).toEqual({ error: 'fresh_sign_in_needed' })
  })

  it('goes on when the session was given a new token meanwhile, however long ago', async () => {
    const { token, user } = await newUser()
    const { browser, callback } = await begin('google', token)
    const { body } = await call<{ session_token: string }>('POST', '/auth/refresh', { token })
    await asOwner("update retired_tokens set good_until = now() - interval '1 minute' where user_id = $1", [user.id])
    expect(returned(await browser.callBack('google', callback))).toHaveProperty('linked')
    expect((await identitiesOf(body.session_token)).length).toBe(2)
  })

  it('ends where the sign-in was renewed meanwhile: the one who began it may be somebody else', async () => {
    const { token, person } = await newUser()
    const { browser, callback } = await begin('google', token)
    const nonce = await freshNonce()
    const renewal = { provider: 'google', token: await googleToken({ person, nonce }), nonce }
    const renewed = await call<{ session_token: string }>('POST', '/auth/reauthenticate', { token, body: renewal })
    expect(renewed.status).toBe(200)
    expect(returned(await browser.callBack('google', callback))).toEqual({ error: 'unauthenticated' })
    expect((await identitiesOf(renewed.body.session_token)).length).toBe(1)
  })

  it('ends with the session that began it', async () => {
    const { token, user } = await newUser()
    const { browser, callback } = await begin('google', token)
    await call('POST', '/auth/logout', { token })
    expect(returned(await browser.callBack('google', callback))).toEqual({ error: 'unauthenticated' })
    expect(await asOwner('select id from identities where user_id = $1', [user.id])).toHaveLength(1)
  })

  it('goes back to an allowed URL alone', async () => {
    const { token } = await newUser()
    const answer = await call('POST', '/auth/google/link', { token, body: { return_to: 'https://evil.test/' } })
    expect([answer.status, answer.body]).toMatchObject([422, { code: 'invalid_body' }])
  })
})
