import * as z from 'zod'
import { buildAuthorizationUrl } from '#src/auth/providers/authorization-request.ts'
import { redeemCode, refreshGrant, revokeToken, type CodeTokens } from '#src/auth/providers/code-exchange.ts'
import { verifyIdToken, type VerifiedIdToken } from '#src/auth/providers/id-token.ts'
import type { IdentityProvider } from '#src/auth/providers/identity-provider.ts'
import { refuseToken, type VerifiedIdentity } from '#src/auth/providers/verified-identity.ts'
import type { Config } from '#src/config.ts'
import { Problem } from '#src/http/problem.ts'

const googleIssuer = 'https://accounts.google.com'
const authorizationEndpoint = 'https://accounts.google.com/o/oauth2/v2/auth'
const tokenEndpoint = 'https://oauth2.googleapis.com/token'
const revocationEndpoint = 'https://oauth2.googleapis.com/revoke'
const keySetUrl = 'https://www.googleapis.com/oauth2/v3/certs'

/** Google's own claims beside those that every provider has. */
const GoogleClaims = z.object({
  email_verified: z.boolean().optional().catch(false),
  hd: z.string().optional().catch(undefined),
})

/**
 * Google (developers.google.com/identity/openid-connect). Native sign-in is for any of our client ids; redirects and
 * codes are for the first one, the web's.
 */
export const google = {
  name: 'google',
  responseMode: 'query',
  issuerOf,
  verifyToken: async (config, token, nonce) => {
    if (config.GOOGLE_CLIENT_ID.length === 0) throw notConfigured()
    return await verify(config, token, config.GOOGLE_CLIENT_ID, { presented: nonce })
  },

  // What Google's SDKs hand to a server (`serverAuthCode`) was asked for without a redirect: its URI is empty.
  exchangeNativeCode: async (config, { code, identity, redirectUri }) => {
    if (config.GOOGLE_CLIENT_SECRET === undefined) return undefined
    const { clientId, tokens } = await redeem(config, { code, redirect_uri: redirectUri ?? '' })
    const { subject } = await verify(config, tokens.id_token, [clientId], 'any')
    if (subject !== identity.subject) throw refuseToken('provider')
    return refreshGrant(clientId, tokens)
  },

  authorizationUrl: (config, request) =>
    buildAuthorizationUrl(request, {
      endpoint: config.GOOGLE_ENDPOINTS.authorization ?? authorizationEndpoint,
      clientId: webClientOf(config).clientId,
      scopes: ['openid', 'email', 'profile'],
      // Offline access brings a refresh token the first time: the one thing that is there to revoke a month later.
      parameters: { nonce: request.nonce, access_type: 'offline' },
    }),

  exchangeCode: async (config, { code, codeVerifier, redirectUri, nonce }) => {
    const { clientId, tokens } = await redeem(config, { code, code_verifier: codeVerifier, redirect_uri: redirectUri })
    const identity = await verify(config, tokens.id_token, [clientId], { presented: nonce })
    return { identity, grant: refreshGrant(clientId, tokens) }
  },

  revoke: async (config, { value }) => {
    const endpoint = config.GOOGLE_ENDPOINTS.revocation ?? revocationEndpoint
    await revokeToken(config, { endpoint, form: { token: value } })
  },
} as const satisfies IdentityProvider

function issuerOf(config: Config): string {
  return config.GOOGLE_ENDPOINTS.issuer ?? googleIssuer
}

async function verify(
  config: Config,
  token: string,
  audiences: readonly string[],
  nonce: { readonly presented: string | undefined } | 'any',
): Promise<VerifiedIdentity> {
  const issuer = issuerOf(config)
  const verified = await verifyIdToken(config, token, {
    // Google spells its issuer both ways.
    issuers: issuer === googleIssuer ? [googleIssuer, 'accounts.google.com'] : [issuer],
    keySetUrl: config.GOOGLE_ENDPOINTS.jwks ?? keySetUrl,
    audiences,
    nonce,
  })
  const { claims, clientId } = verified
  return {
    provider: 'google',
    issuer,
    subject: claims.sub,
    clientId,
    email: claims.email ?? null,
    isEmailVerified: isVouchedFor(verified),
    isPrivateEmail: false,
    firstName: claims.given_name ?? null,
    lastName: claims.family_name ?? null,
    avatarUrl: claims.picture ?? null,
  }
}

/** Google vouches for an address only where it runs the mailbox: gmail.com, or a Workspace domain (`hd`). */
function isVouchedFor({ claims: { email }, payload }: VerifiedIdToken): boolean {
  const { email_verified: isVerified, hd } = GoogleClaims.parse(payload)
  return isVerified === true && email !== undefined && (hd !== undefined || email.toLowerCase().endsWith('@gmail.com'))
}

async function redeem(
  config: Config,
  parameters: Readonly<Record<string, string>>,
): Promise<{ clientId: string; tokens: CodeTokens }> {
  const { clientId, clientSecret } = webClientOf(config)
  const endpoint = config.GOOGLE_ENDPOINTS.token ?? tokenEndpoint
  return { clientId, tokens: await redeemCode(config, { endpoint, clientId, clientSecret, parameters }) }
}

function webClientOf(config: Config): { clientId: string; clientSecret: string } {
  const [clientId] = config.GOOGLE_CLIENT_ID
  const clientSecret = config.GOOGLE_CLIENT_SECRET
  if (clientId === undefined || clientSecret === undefined) throw notConfigured()
  return { clientId, clientSecret }
}

const notConfigured = () => new Problem('not_configured', 'Sign-in with Google is not configured.')
