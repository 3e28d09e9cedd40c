import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { apple as provider } from '#src/auth/providers/apple.ts'
import { configOf, type Config } from '#src/config.ts'
import { foundProvider } from '#test/setup/providers/private-provider.ts'

/** The real Apple's name over keys of this test. */
async function realApple(replaced: Partial<Config> = {}) {
  const apple = await foundProvider('apple')
  const config: Config = { ...apple.config, APPLE_ENDPOINTS: { jwks: `${apple.origin}/jwks` }, ...replaced }
  const verify = async (claims: Record<string, unknown> = {}) =>
    await provider.verifyToken(config, await apple.token({ iss: 'https://appleid.apple.com', ...claims }), undefined)
  return { config, verify }
}

describe('a token of the real Apple', () => {
  afterEach(() => {
    vi.mocked(fetch).mockRestore()
  })

  it.each(['https://appleid.apple.com', 'https://account.apple.com'])('names one issuer, spelled %s', async (iss) => {
    const { verify } = await realApple()
    const sub = '000123.0123456789abcdef0123456789abcdef.0456'
    expect(await verify({ iss, sub, email: 'ada@example.com', given_name: 'Nobody' })).toEqual({
      provider: 'apple',
      issuer: 'https://appleid.apple.com',
      subject: sub,
      clientId: 'com.neuraform.companion',
      email: 'ada@example.com',
      isEmailVerified: true,
      isPrivateEmail: false,
      firstName: null,
      lastName: null,
      avatarUrl: null,
    })
  })

  it.each([
    'http://appleid.apple.com',
    'https://appleid.apple.com/',
    'appleid.apple.com',
    'https://appleid.apple.com.attacker.test',
    'https://idmsa.apple.com',
    'https://accounts.google.com',
  ])('is not one that names %s', async (iss) => {
    const { verify } = await realApple()
    await expect(verify({ iss })).rejects.toMatchObject({ code: 'invalid_identity_token' })
  })

  it('is not one of Google’s or Facebook’s keys, in either spelling', async () => {
    const { config } = await realApple()
    for (const name of ['google', 'facebook'] as const) {
      const other = await foundProvider(name)
      for (const iss of ['https://appleid.apple.com', 'https://account.apple.com']) {
        const token = await other.token({ iss, aud: 'com.neuraform.companion', azp: undefined })
        const attempt = provider.verifyToken(config, token, undefined)
        await expect(attempt).rejects.toMatchObject({ code: 'invalid_identity_token' })
      }
    }
  })

  it.each(['com.neuraform.companion', 'com.neuraform.tablet', 'com.neuraform.web'])(
    'is taken for a bundle id or the Services ID: %s',
    async (aud) => {
      const { verify } = await realApple()
      expect((await verify({ aud })).clientId).toBe(aud)
    },
  )

  it('is never taken for the team, not even where it stands among the bundle ids', async () => {
    const teamId = 'TEAM123456'
    for (const bundleIds of [['com.neuraform.companion'], ['com.neuraform.companion', teamId]]) {
      const { verify } = await realApple({ APPLE_BUNDLE_IDS: bundleIds })
      await expect(verify({ aud: teamId })).rejects.toMatchObject({ code: 'invalid_identity_token' })
    }
  })

  it('is taken for nobody where neither is set', async () => {
    const { verify } = await realApple({ APPLE_BUNDLE_IDS: [], APPLE_CLIENT_ID: undefined })
    await expect(verify()).rejects.toMatchObject({ code: 'not_configured' })
    const attempt = provider.verifyToken(
      { ...configOf(env), APPLE_BUNDLE_IDS: [], APPLE_CLIENT_ID: undefined },
      'a.b.c',
      undefined,
    )
    await expect(attempt).rejects.toMatchObject({ code: 'not_configured' })
  })

  it.each([
    [true, true],
    ['true', true],
    [false, false],
    ['false', false],
    ['TRUE', false],
    ['yes', false],
    ['', false],
    [1, false],
    [null, false],
    [undefined, false],
    [['true'], false],
  ])('says %j of whether the address is verified or private: %s', async (flag, expected) => {
    const { verify } = await realApple()
    expect(await verify({ email_verified: flag, is_private_email: 'false' })).toMatchObject({
      isEmailVerified: expected,
      isPrivateEmail: false,
    })
    expect(await verify({ email_verified: 'true', is_private_email: flag })).toMatchObject({
      isEmailVerified: true,
      isPrivateEmail: expected,
    })
  })

  it('vouches for no address that is not there', async () => {
    const { verify } = await realApple()
    expect(await verify({ email: undefined, email_verified: true, is_private_email: true })).toMatchObject({
      email: null,
      isEmailVerified: false,
      isPrivateEmail: false,
    })
  })
})

const named = (user: unknown) =>
  provider.readCallbackNames({ user: typeof user === 'string' ? user : JSON.stringify(user) })
const nobody = { firstName: null, lastName: null }

describe('the names that Apple’s page posts at the first sign-in', () => {
  it('are taken as text, without the address beside them', () => {
    const user = { name: { firstName: ' Noør ', lastName: '林 Çelik' }, email: 'victim@gmail.com' }
    expect(named(user)).toEqual({ firstName: 'Noør', lastName: '林 Çelik' })
    expect(named({ name: { firstName: '<b>Ada</b>' } })).toEqual({ firstName: '<b>Ada</b>', lastName: null })
  })

  it.each([
    ['nothing', ''],
    ['what is no JSON', '{name'],
    ['another shape', { name: ['Ada'] }],
    ['a text', '"Ada"'],
    ['null', 'null'],
    ['names of other types', { name: { firstName: 7, lastName: { a: 'b' } } }],
    ['names with NUL', { name: { firstName: 'A\0da', lastName: '\0' } }],
    ['names with lone surrogates', { name: { firstName: 'A\ud800', lastName: '\udfff' } }],
    ['names that are too long', { name: { firstName: 'a'.repeat(101), lastName: 'b'.repeat(101) } }],
    ['blank names', { name: { firstName: ' ', lastName: '\n' } }],
    ['a name twice', '{"name":{"firstName":"Ada","firstName":"Eve"}}'],
    ['__proto__', '{"__proto__":{"name":{"firstName":"Ada"}}}'],
    ['too much', `{"name":{"firstName":"Ada"},"pad":"${'a'.repeat(4_000)}"}`],
    ['what is nested deep', `${'['.repeat(3_000)}${']'.repeat(3_000)}`],
  ])('are none in %s', (_, user) => {
    expect(named(user)).toEqual(nobody)
  })

  it('are none where the form has no such field', () => {
    expect(provider.readCallbackNames({ code: 'c', state: 's' })).toEqual(nobody)
  })
})
