import { importPKCS8, SignJWT } from 'jose'
import * as z from 'zod'
import { buildAuthorizationUrl } from '#src/auth/providers/authorization-request.ts'
import { FlagClaim, NameClaim, SubjectClaim } from '#src/auth/providers/claims.ts'
import { redeemCode, refreshGrant, revokeToken, type CodeTokens } from '#src/auth/providers/code-exchange.ts'
import { verifyEventToken, verifyIdToken } from '#src/auth/providers/id-token.ts'
import type { IdentityProvider, Names, ProviderEvent } from '#src/auth/providers/identity-provider.ts'
import { refuseToken, type VerifiedIdentity } from '#src/auth/providers/verified-identity.ts'
import type { Config } from '#src/config.ts'
import { Problem } from '#src/http/problem.ts'
import { parseStrictJson } from '#src/http/strict-json.ts'

// Pinned: Apple's discovery document named another issuer for some days in June 2025, while tokens kept this one.
const appleIssuer = 'https://appleid.apple.com'
const otherSpelling = 'https://account.apple.com'
const authorizationEndpoint = 'https://appleid.apple.com/auth/authorize'
const tokenEndpoint = 'https://appleid.apple.com/auth/token'
const revocationEndpoint = 'https://appleid.apple.com/auth/revoke'
const keySetUrl = 'https://appleid.apple.com/auth/keys'
const secretLifetimeSeconds = 300
const longestUserField = 4_000

/** Apple's own claims. It spells both flags as booleans or as texts. */
const AppleClaims = z.object({ email_verified: FlagClaim, is_private_email: FlagClaim })

/** One event of a notification. Of types that came later there is nothing to do. */
const AppleEvent = z.object({
  type: z.string(),
  sub: SubjectClaim,
  /** In milliseconds. */
  event_time: z.number().int().positive().max(8.64e15).optional().catch(undefined),
})

// Apple's documents spell the last one both ways.
const effects: Readonly<Record<string, ProviderEvent['effect']>> = {
  'email-disabled': 'email_disabled',
  'email-enabled': 'email_enabled',
  'consent-revoked': 'deauthorized',
  'account-delete': 'account_deleted',
  'account-deleted': 'account_deleted',
}

/** What Apple's page posts as `user`, at the first sign-in only and unsigned. The address in it is nobody's word. */
const PostedUser = z.object({
  name: z.object({ firstName: NameClaim, lastName: NameClaim }).catch({ firstName: undefined, lastName: undefined }),
})

/**
 * Apple (developer.apple.com/documentation/signinwithapplerestapi). A token is for one of the bundle ids or for the
 * Services ID, never for the team; redirects are for the Services ID; a code is exchanged, and its refresh token
 * revoked, as the client that it was given to.
 */
export const apple = {
  name: 'apple',
  responseMode: 'form_post',
  issuerOf,
  verifyToken: async (config, token, nonce) => {
    const audiences = audiencesOf(config)
    if (audiences.length === 0) throw notConfigured()
    return await verify(config, token, audiences, { presented: nonce })
  },

  exchangeNativeCode: async (config, { code, identity, redirectUri }) => {
    if (signingKeyOf(config) === undefined) return undefined
    const parameters = { code, ...(redirectUri === undefined ? {} : { redirect_uri: redirectUri }) }
    const tokens = await redeem(config, identity.clientId, parameters)
    const { subject } = await verify(config, tokens.id_token, [identity.clientId], 'any')
    if (subject !== identity.subject) throw refuseToken('provider')
    return refreshGrant(identity.clientId, tokens)
  },

  authorizationUrl: (config, request) =>
    buildAuthorizationUrl(request, {
      endpoint: config.APPLE_ENDPOINTS.authorization ?? authorizationEndpoint,
      clientId: servicesIdOf(config),
      scopes: ['name', 'email'],
      // Scopes are granted with this mode alone.
      parameters: { nonce: request.nonce, response_mode: 'form_post' },
    }),

  exchangeCode: async (config, { code, codeVerifier, redirectUri, nonce }) => {
    const clientId = servicesIdOf(config)
    const parameters = { code, code_verifier: codeVerifier, redirect_uri: redirectUri }
    const tokens = await redeem(config, clientId, parameters)
    const identity = await verify(config, tokens.id_token, [clientId], { presented: nonce })
    return { identity, grant: refreshGrant(clientId, tokens) }
  },

  readCallbackNames,

  readEvent: async (config, signed) => {
    const audiences = audiencesOf(config)
    if (audiences.length === 0) throw notConfigured()
    const { id, issuedAt, events } = await verifyEventToken(config, signed, { ...keysOf(config), audiences })
    const event = AppleEvent.safeParse(events)
    if (!event.success) throw refuseToken('claims')
    const effect = effects[event.data.type]
    if (effect === undefined) return undefined
    return { id, subject: event.data.sub, effect, toldAt: new Date(event.data.event_time ?? issuedAt * 1_000) }
  },

  revoke: async (config, { kind, value, client_id: clientId }) => {
    const endpoint = config.APPLE_ENDPOINTS.revocation ?? revocationEndpoint
    const secret = await clientSecretFor(config, clientId)
    const form = { client_id: clientId, client_secret: secret, token: value, token_type_hint: kind }
    await revokeToken(config, { endpoint, form })
  },
} as const satisfies IdentityProvider

function issuerOf(config: Config): string {
  return config.APPLE_ENDPOINTS.issuer ?? appleIssuer
}

function keysOf(config: Config) {
  const issuer = issuerOf(config)
  return {
    issuers: issuer === appleIssuer ? [appleIssuer, otherSpelling] : [issuer],
    keySetUrl: config.APPLE_ENDPOINTS.jwks ?? keySetUrl,
  }
}

function audiencesOf({ APPLE_CLIENT_ID: servicesId, APPLE_BUNDLE_IDS: bundleIds, APPLE_TEAM_ID: teamId }: Config) {
  return [...bundleIds, ...(servicesId === undefined ? [] : [servicesId])].filter((id) => id !== teamId)
}

async function verify(
  config: Config,
  token: string,
  audiences: readonly string[],
  nonce: { readonly presented: string | undefined } | 'any',
): Promise<VerifiedIdentity> {
  const { claims, clientId, payload } = await verifyIdToken(config, token, { ...keysOf(config), audiences, nonce })
  const { email_verified: isVerified, is_private_email: isPrivate } = AppleClaims.parse(payload)
  return {
    provider: 'apple',
    issuer: issuerOf(config),
    subject: claims.sub,
    clientId,
    email: claims.email ?? null,
    isEmailVerified: isVerified && claims.email !== undefined,
    isPrivateEmail: isPrivate && claims.email !== undefined,
    // Apple's tokens name nobody.
    firstName: null,
    lastName: null,
    avatarUrl: null,
  }
}

async function redeem(
  config: Config,
  clientId: string,
  parameters: Readonly<Record<string, string>>,
): Promise<CodeTokens> {
  return await redeemCode(config, {
    endpoint: config.APPLE_ENDPOINTS.token ?? tokenEndpoint,
    clientId,
    clientSecret: await clientSecretFor(config, clientId),
    parameters,
  })
}

/**
 * The secret of one of our client ids: a JWT of five minutes under the team's key
 * (developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret).
 */
async function clientSecretFor(config: Config, clientId: string): Promise<string> {
  const key = signingKeyOf(config)
  if (key === undefined) throw notConfigured()
  return await new SignJWT()
    .setProtectedHeader({ alg: 'ES256', kid: key.id, typ: 'JWT' })
    .setIssuer(key.teamId)
    .setSubject(clientId)
    .setAudience(issuerOf(config))
    .setIssuedAt()
    .setExpirationTime(`${secretLifetimeSeconds}s`)
    .sign(await importKey(key.pem))
}

async function importKey(pem: string) {
  try {
    return await importPKCS8(pem, 'ES256')
  } catch (error) {
    throw new Problem('not_configured', 'APPLE_PRIVATE_KEY is no P-256 key.', { cause: error })
  }
}

function signingKeyOf({ APPLE_TEAM_ID: teamId, APPLE_KEY_ID: id, APPLE_PRIVATE_KEY: pem }: Config) {
  return teamId === undefined || id === undefined || pem === undefined ? undefined : { teamId, id, pem }
}

function servicesIdOf(config: Config): string {
  if (config.APPLE_CLIENT_ID === undefined || signingKeyOf(config) === undefined) throw notConfigured()
  return config.APPLE_CLIENT_ID
}

function readCallbackNames({ user = '' }: Readonly<Record<string, string>>): Names {
  const { name } = PostedUser.catch({ name: { firstName: undefined, lastName: undefined } }).parse(jsonOf(user))
  return { firstName: name.firstName ?? null, lastName: name.lastName ?? null }
}

function jsonOf(text: string): unknown {
  if (text.length > longestUserField) return undefined
  try {
    return parseStrictJson(text)
  } catch {
    return undefined
  }
}

const notConfigured = () => new Problem('not_configured', 'Sign-in with Apple is not configured.')
