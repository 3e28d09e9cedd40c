import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { verifyGoogleToken } from '#src/auth/providers/google.ts'
import { configOf, type Config } from '#src/config.ts'
import { foundGoogle } from '#test/setup/private-google.ts'

afterEach(() => {
  vi.mocked(fetch).mockRestore()
})

/** The real Google's name over keys of this test. */
async function realGoogle() {
  const google = await foundGoogle()
  const config: Config = { ...configOf(env), GOOGLE_ENDPOINTS: { jwks: `${google.issuer}/jwks` } }
  const verify = async (claims: Record<string, unknown>) =>
    await verifyGoogleToken(config, await google.token({ iss: 'https://accounts.google.com', ...claims }), undefined)
  return { config, verify, google }
}

describe('a token of the real Google', () => {
  it.each(['https://accounts.google.com', 'accounts.google.com'])('names one issuer, spelled %s', async (iss) => {
    const { verify } = await realGoogle()
    expect(await verify({ iss, sub: '110169484474386276334', given_name: 'Ada' })).toEqual({
      provider: 'google',
      issuer: 'https://accounts.google.com',
      subject: '110169484474386276334',
      email: null,
      isEmailVerified: false,
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

  it('is taken for each of the client ids, and for none when there are none', async () => {
    const { config, google } = await realGoogle()
    const ours = { ...config, GOOGLE_CLIENT_ID: ['web', 'ios', 'android'] }
    for (const aud of ours.GOOGLE_CLIENT_ID) {
      const token = await google.token({ iss: 'accounts.google.com', aud, azp: 'android', sub: 'ada' })
      expect((await verifyGoogleToken(ours, token, undefined)).subject).toBe('ada')
    }
    const attempt = verifyGoogleToken({ ...config, GOOGLE_CLIENT_ID: [] }, await google.token(), undefined)
    await expect(attempt).rejects.toMatchObject({ code: 'not_configured' })
  })
})
