import { env } from 'cloudflare:workers'
import { decodeJwt } from 'jose'
import { describe, expect, it } from 'vitest'
import { readGrant } from '#src/auth/grants.ts'
import type { Authenticated, LoginAnswer, RegistrationRequired } from '#src/auth/shapes.ts'
import { configOf } from '#src/config.ts'
import { unwrapDataKeys } from '#src/vault/data-key.ts'
import { Vault } from '#src/vault/vault.ts'
import { appleHandover, askUpstream, call, registration } from '#test/setup/client.ts'
import { asOwner, tablesThatHold } from '#test/setup/owner-database.ts'

interface Stored {
  readonly id: string
  readonly refresh_token: Uint8Array | null
  readonly is_private_email: boolean
  readonly version: number
  readonly key_encryption_key_id: string
  readonly wrapped_key: Uint8Array
}

/** What is kept of a person's only identity, opened. */
async function keptOf(userId: string) {
  const [row] = await asOwner<Stored>(
    `select i.id, i.refresh_token, i.is_private_email, k.version, k.key_encryption_key_id, k.wrapped_key
     from identities i join user_keys k using (user_id) where i.user_id = $1`,
    [userId],
  )
  if (row === undefined) throw new Error('no identity')
  const wrapped = { version: row.version, key_encryption_key_id: row.key_encryption_key_id }
  const hex = new Uint8Array(row.wrapped_key).toHex()
  const { keys } = await unwrapDataKeys(configOf(env), userId, [{ ...wrapped, wrapped_key: hex }])
  const sealed = row.refresh_token === null ? null : new Uint8Array(row.refresh_token)
  const vault = new Vault(userId, keys, { broken: [], onBroken: () => undefined })
  return { grant: await readGrant(vault, row.id, sealed), isPrivateEmail: row.is_private_email }
}

const login = async (body: Record<string, unknown>) => await call<LoginAnswer>('POST', '/auth/login', { body })
const facebookToken = async (person: string) =>
  await askUpstream<{ access_token: string; user_id: string }>('/facebook/access-token', { person })
const somebody = () => `new:${crypto.randomUUID()}`

async function register(body: Record<string, unknown>) {
  const required = (await login(body)).body as RegistrationRequired
  const made = await call<Authenticated>('POST', '/auth/register', { body: registration(required.registration_ticket) })
  expect(made.status).toBe(201)
  return made.body.user
}

describe('a native sign-in with Apple', () => {
  it('trades its code for a token that is kept sealed, from the registration on', async () => {
    const person = somebody()
    const user = await register({ provider: 'apple', ...(await appleHandover({ person })) })
    const { grant } = await keptOf(user.id)
    expect(grant).toEqual({ kind: 'refresh_token', value: expect.any(String), client_id: 'com.example.companion' })
    expect(await tablesThatHold(grant?.value ?? '')).toEqual([])
  })

  it('keeps the newest token at every sign-in that brings a code', async () => {
    const person = somebody()
    const user = await register({ provider: 'apple', token: (await appleHandover({ person })).token })
    expect((await keptOf(user.id)).grant).toBeUndefined()
    const again = await login({ provider: 'apple', ...(await appleHandover({ person })) })
    expect(again).toMatchObject({ status: 200, body: { status: 'authenticated', user: { id: user.id } } })
    const first = (await keptOf(user.id)).grant
    await login({ provider: 'apple', ...(await appleHandover({ person })) })
    const second = (await keptOf(user.id)).grant
    expect([first?.kind, second?.kind, first?.value === second?.value]).toEqual([
      'refresh_token',
      'refresh_token',
      false,
    ])
  })

  it('knows an address that Apple relays for one', async () => {
    const claims = { is_private_email: 'true', email: `${crypto.randomUUID()}@privaterelay.appleid.com` }
    const user = await register({ provider: 'apple', token: (await appleHandover({ claims })).token })
    expect((await keptOf(user.id)).isPrivateEmail).toBe(true)
  })

  it('trades the code that a page was given under its redirect URI', async () => {
    const at = { audience: 'com.example.companion.web', redirect_uri: 'https://app.example.com/signed-in' }
    const handover = await appleHandover(at)
    const without = await call('POST', '/auth/login', { body: { provider: 'apple', ...handover } })
    expect(without).toMatchObject({ status: 401, body: { code: 'invalid_identity_token' } })
    const again = { ...(await appleHandover(at)), redirect_uri: at.redirect_uri }
    const user = await register({ provider: 'apple', ...again })
    expect((await keptOf(user.id)).grant?.client_id).toBe(at.audience)
  })

  it('is refused with a code of somebody else', async () => {
    const { token } = await appleHandover()
    const { authorization_code } = await appleHandover()
    const refused = await call<{ code: string }>('POST', '/auth/login', {
      body: { provider: 'apple', token, authorization_code },
    })
    expect([refused.status, refused.body.code]).toEqual([401, 'invalid_identity_token'])
  })
})

describe('a native sign-in with Facebook', () => {
  it('comes to one account by either kind of token', async () => {
    const person = somebody()
    const classic = await facebookToken(person)
    const user = await register({ provider: 'facebook', token: classic.access_token })
    const { id_token: token } = await askUpstream<{ id_token: string }>('/facebook/limited-token', {
      person,
      audience: '1000200030004000',
    })
    expect(decodeJwt(token).sub).toBe(classic.user_id)
    const again = await login({ provider: 'facebook', token })
    expect(again).toMatchObject({ status: 200, body: { status: 'authenticated', user: { id: user.id } } })
  })

  it('keeps what takes the app away from its user later', async () => {
    const { access_token: token, user_id: value } = await facebookToken(somebody())
    const user = await register({ provider: 'facebook', token, authorization_code: 'of no use here' })
    expect(await keptOf(user.id)).toEqual({
      grant: { kind: 'user_id', value, client_id: '1000200030004000' },
      isPrivateEmail: false,
    })
  })

  it('needs no address', async () => {
    const { access_token: token } = await askUpstream<{ access_token: string }>('/facebook/access-token', {
      person: somebody(),
      profile: { email: null },
    })
    const user = await register({ provider: 'facebook', token })
    expect(user.email).toBeNull()
  })
})
