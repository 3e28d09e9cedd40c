import { exportPKCS8, generateKeyPair } from 'jose'
import type { Provider } from '#src/auth/providers/verified-identity.ts'
import type { Env } from '#src/config.ts'

/** What sets one vendor's tokens and settings apart from another's, for tests. */
export interface Vendor {
  /** The client id that its tokens are for, unless a test wishes otherwise, and another one of ours where there may be several. */
  readonly audience: string
  readonly otherAudience: string | undefined
  variables(origin: string): Promise<Partial<Env>>
  claims(origin: string): Readonly<Record<string, unknown>>
}

export const secondsFromNow = (seconds: number): number => Math.floor(Date.now() / 1_000) + seconds

export const secretsOf = {
  google: `google-secret-${crypto.randomUUID()}`,
  facebook: `facebook-secret-${crypto.randomUUID()}`,
}

/** The team's key, of which Apple would know the public half. */
export const appleTeam = await generateKeyPair('ES256', { extractable: true })
export const appleTeamPem = await exportPKCS8(appleTeam.privateKey)

const digits = () => Array.from(crypto.getRandomValues(new Uint8Array(18)), (byte) => byte % 10).join('')
const times = () => ({ iat: secondsFromNow(0), exp: secondsFromNow(3_600) })
const named = () => ({ given_name: 'Noør', family_name: 'Çelik 美' })
const email = () => `robin.${crypto.randomUUID()}@gmail.com`

const endpointsAt = (origin: string) =>
  JSON.stringify({
    issuer: origin,
    jwks: `${origin}/jwks`,
    authorization: `${origin}/authorize`,
    token: `${origin}/token`,
    revocation: `${origin}/revoke`,
  })

const google: Vendor = {
  audience: 'neuraform-local',
  otherAudience: 'neuraform-ios',
  variables: async (origin) => ({
    GOOGLE_CLIENT_ID: 'neuraform-local, neuraform-ios,neuraform-android',
    GOOGLE_CLIENT_SECRET: secretsOf.google,
    GOOGLE_ENDPOINTS: endpointsAt(origin),
  }),
  claims: (origin) => ({
    iss: origin,
    azp: google.audience,
    aud: google.audience,
    sub: digits(),
    email: email(),
    email_verified: true,
    ...named(),
    picture: 'https://lh3.googleusercontent.com/a/1=s96-c',
    ...times(),
  }),
}

const apple: Vendor = {
  audience: 'com.neuraform.companion',
  otherAudience: 'com.neuraform.web',
  variables: async (origin) => ({
    APPLE_CLIENT_ID: 'com.neuraform.web',
    APPLE_BUNDLE_IDS: 'com.neuraform.companion, com.neuraform.tablet',
    APPLE_TEAM_ID: 'TEAM123456',
    APPLE_KEY_ID: 'KEY1234567',
    APPLE_PRIVATE_KEY: appleTeamPem,
    APPLE_ENDPOINTS: endpointsAt(origin),
  }),
  claims: (origin) => ({
    iss: origin,
    aud: apple.audience,
    sub: `000123.${crypto.randomUUID().replaceAll('-', '')}.0456`,
    email: email(),
    email_verified: 'true',
    is_private_email: 'false',
    nonce_supported: true,
    auth_time: secondsFromNow(0),
    ...times(),
    exp: secondsFromNow(86_400),
  }),
}

/** Limited Login: the one of Facebook's tokens that is a JWT. */
const facebook: Vendor = {
  audience: '1234567890123456',
  otherAudience: undefined,
  variables: async (origin) => ({
    FACEBOOK_APP_ID: facebook.audience,
    FACEBOOK_APP_SECRET: secretsOf.facebook,
    FACEBOOK_ENDPOINTS: JSON.stringify({
      issuer: origin,
      authorization: origin,
      graph: `${origin}/graph/`,
      limited_issuer: `${origin}/limited`,
      limited_jwks: `${origin}/jwks`,
    }),
  }),
  claims: (origin) => ({
    iss: `${origin}/limited`,
    aud: facebook.audience,
    sub: digits(),
    email: email(),
    ...named(),
    name: 'Noør Çelik',
    picture: 'https://platform-lookaside.fbsbx.com/platform/profilepic/?asid=1',
    jti: crypto.randomUUID(),
    ...times(),
  }),
}

export const vendors: Readonly<Record<Provider, Vendor>> = { google, facebook, apple }
