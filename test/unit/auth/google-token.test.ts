import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { google as provider } from '#src/auth/providers/google.ts'
import { configOf, type Config } from '#src/config.ts'
import { foundProvider } from '#test/setup/providers/private-provider.ts'

afterEach(() => {
  vi.mocked(fetch).mockRestore()
})

/** The real Google's name over keys of this test. */
async function realGoogle() {
  const google = await foundProvider('google')
  const config: Config = { ...configOf(env), GOOGLE_ENDPOINTS: { jwks: `${google.origin}/jwks` } }
  const token = async (claims: Record<string, unknown>) =>
    await google.token({ iss: 'https://accounts.google.com', email: undefined, email_verified: undefined, ...claims })
  const verify = async (claims: Record<string, unknown>) =>
    await provider.verifyToken(config, await token(claims), undefined)
  return { config, verify, token }
}

describe('a token of the real Google', () => {
  it.each(['https://accounts.google.com', 'accounts.google.com'])('names one issuer, spelled %s', async (iss) => {
    const { verify } = await realGoogle()
    const sub = '110169484474386276334'
    const rest = { family_name: undefined, picture: undefined }
    expect(await verify({ iss, sub, given_name: 'Ada', ...rest })).toEqual({
      provider: 'google',
      issuer: 'https://accounts.google.com',
      subject: '110169484474386276334',
      clientId: 'neuraform-local',
      email: null,
      isEmailVerified: false,
      isPrivateEmail: false,
      firstName: 'Ada',
      lastName: null,
      avatarUrl: null,
    })
  })

  it.each([
    'http://accounts.google.com',
    'https://accounts.google.com/',
    'https://accounts.google.com.attacker.test',
    'ACCOUNTS.GOOGLE.COM',
    'https://appleid.apple.com',
  ])('is not one that names %s', async (iss) => {
    const { verify } = await realGoogle()
    await expect(verify({ iss })).rejects.toMatchObject({ code: 'invalid_identity_token' })
  })

  it.each([
    ['a gmail.com address', { email: 'ada@gmail.com', email_verified: true }, true],
    ['one in upper case', { email: 'ADA@GMAIL.COM', email_verified: true }, true],
    ['an address of a Workspace', { email: 'ada@oak.example', email_verified: true, hd: 'oak.example' }, true],
    ['an address that Google does not run', { email: 'ada@oak.example', email_verified: true }, false],
    ['a gmail.com address that is not verified', { email: 'ada@gmail.com', email_verified: false }, false],
    [
      'one of a Workspace that is not verified',
      { email: 'a@oak.example', email_verified: false, hd: 'oak.example' },
      false,
    ],
    ['a gmail.com address of which nothing is said', { email: 'ada@gmail.com' }, false],
    ['a verification that is a text', { email: 'ada@gmail.com', email_verified: 'true' }, false],
    ['a domain that ends like gmail.com', { email: 'ada@notgmail.com', email_verified: true }, false],
    ['gmail.com as a part of another domain', { email: 'ada@gmail.com.example', email_verified: true }, false],
    ['no address at all', { email_verified: true, hd: 'oak.example' }, false],
  ])('vouches for %s or not: %j', async (_, claims, expected) => {
    const { verify } = await realGoogle()
    expect((await verify(claims)).isEmailVerified).toBe(expected)
  })

  it('is taken for each of the client ids, and says which', async () => {
    const { config, token } = await realGoogle()
    const ours = { ...config, GOOGLE_CLIENT_ID: ['web', 'ios', 'android'] }
    for (const aud of ours.GOOGLE_CLIENT_ID) {
      const identity = await provider.verifyToken(ours, await token({ aud, azp: 'android', sub: 'ada' }), undefined)
      expect([identity.subject, identity.clientId]).toEqual(['ada', aud])
    }
  })

  it('is taken for none when there are none', async () => {
    const { config, token } = await realGoogle()
    const attempt = provider.verifyToken({ ...config, GOOGLE_CLIENT_ID: [] }, await token({}), undefined)
    await expect(attempt).rejects.toMatchObject({ code: 'not_configured' })
  })
})
