import * as z from 'zod'
import { buildAuthorizationUrl } from '#src/auth/providers/authorization-request.ts'
import { EmailClaim, NameClaim, PictureClaim } from '#src/auth/providers/claims.ts'
import { verifyIdToken } from '#src/auth/providers/id-token.ts'
import { longestEventAgeSeconds, type Grant, type IdentityProvider } from '#src/auth/providers/identity-provider.ts'
import { callProvider, parseAnswer, type ProviderAnswer } from '#src/auth/providers/provider-call.ts'
import { readSignedRequest } from '#src/auth/providers/signed-request.ts'
import { refuseToken, type VerifiedIdentity } from '#src/auth/providers/verified-identity.ts'
import type { Config } from '#src/config.ts'
import { Problem } from '#src/http/problem.ts'

const facebookOrigin = 'https://www.facebook.com'
const graphOrigin = 'https://graph.facebook.com'
// Tokens name the older issuer, the documents the newer; both are signed with the keys of the newer.
const limitedIssuers = ['https://limited.facebook.com', 'https://www.facebook.com']
const limitedKeys = 'https://limited.facebook.com/.well-known/oauth/openid/jwks/'

/** An id that Facebook gave a person for this app. It becomes a part of a path. */
const AppScopedId = z.string().regex(/^[\w-]{1,255}$/)

/** developers.facebook.com/docs/graph-api/reference/debug_token. What is of another kind counts as missing. */
const Inspection = z.object({
  data: z.object({
    is_valid: z.boolean().optional().catch(undefined),
    app_id: z.string().optional().catch(undefined),
    type: z.string().optional().catch(undefined),
    user_id: AppScopedId.optional().catch(undefined),
    expires_at: z.number().optional().catch(undefined),
  }),
})

const Me = z.object({
  id: z.string(),
  first_name: NameClaim,
  last_name: NameClaim,
  email: EmailClaim,
  picture: z
    .object({ data: z.object({ url: PictureClaim, is_silhouette: z.boolean().optional() }) })
    .optional()
    .catch(undefined),
})

/**
 * What Facebook's callbacks sign. Its JavaScript SDK gives pages a request of the same form under the same secret, with a
 * code or a token in it: that is a sign-in, and no word of Facebook's to us.
 */
const SignedRequest = z.object({
  algorithm: z.literal('HMAC-SHA256'),
  user_id: AppScopedId,
  issued_at: z.int(),
  code: z.undefined().optional(),
  oauth_token: z.undefined().optional(),
})

const AccessToken = z.object({ access_token: z.string().min(1).max(8_192) })
const Done = z.object({ success: z.literal(true) })

/** developers.facebook.com/docs/graph-api/guides/error-handling */
const GraphRefusal = z.object({
  error: z.object({
    code: z.number(),
    error_subcode: z.number().optional(),
    is_transient: z.boolean().optional().catch(undefined),
  }),
})

/** Codes that mean "later": unknown and passing faults, and the rate limits of apps, people and pages. */
const passingCodes: ReadonlySet<number> = new Set([1, 2, 4, 17, 32, 341, 613])
const appNotAccepted = 101
const rateLimitedSeconds = 60

interface App {
  readonly id: string
  readonly secret: string
}

/**
 * Facebook (developers.facebook.com/docs/facebook-login). Its SDKs hand over one of two things: an access token, which
 * Graph is asked about, or, where tracking is denied, a Limited Login JWT, which is verified here and never sent to Graph.
 * A person has the same app-scoped id in both. Facebook does not say whether an address is verified.
 */
export const facebook = {
  name: 'facebook',
  responseMode: 'query',
  issuerOf,
  verifyToken: async (config, token, nonce) => {
    // No access token has a dot; what has one is a JWT or nothing.
    if (token.includes('.')) return await verifyLimitedToken(config, token, nonce)
    const app = appOf(config)
    // An access token cannot carry a nonce.
    if (nonce !== undefined) throw refuseToken('nonce')
    if (!/^[\w|-]{1,8192}$/.test(token)) throw refuseToken('shape')
    return await verifyAccessToken(config, app, token)
  },

  authorizationUrl: (config, request) => {
    const origin = baseOf(config.FACEBOOK_ENDPOINTS.authorization ?? facebookOrigin)
    return buildAuthorizationUrl(request, {
      endpoint: `${origin}/${config.FACEBOOK_GRAPH_VERSION}/dialog/oauth`,
      clientId: appOf(config).id,
      scopes: ['public_profile', 'email'],
    })
  },

  // Facebook's answer has no ID token and so no nonce: state and code verifier are what binds it to this attempt.
  exchangeCode: async (config, { code, codeVerifier, redirectUri }) => {
    const app = appOf(config)
    const answer = await askGraph(config, 'oauth/access_token', {
      form: {
        client_id: app.id,
        client_secret: app.secret,
        code,
        code_verifier: codeVerifier,
        redirect_uri: redirectUri,
      },
    })
    if (answer.isRefused) throw refuseToken('provider')
    const identity = await verifyAccessToken(config, app, parseAnswer(AccessToken, answer).access_token)
    return { identity, grant: grantOf(config, identity.subject) }
  },

  readEvent: async (config, signed, effect) => {
    const told = SignedRequest.safeParse(await readSignedRequest(appOf(config).secret, signed))
    if (!told.success || effect === undefined) throw refuseToken('claims')
    const { user_id: subject, issued_at: issuedAt } = told.data
    const age = Date.now() / 1_000 - issuedAt
    if (age > longestEventAgeSeconds || age < -60) throw refuseToken('age')
    return { id: `${effect}\n${subject}\n${issuedAt}`, subject, effect, toldAt: new Date(issuedAt * 1_000) }
  },

  grantOf,
  revoke: async (config, { value }) => {
    const app = appOf(config)
    const answer = await askGraph(config, `${AppScopedId.parse(value)}/permissions`, {
      method: 'DELETE',
      credential: { app, token: appAccessToken(app) },
    })
    if (!answer.isRefused) parseAnswer(Done, answer)
    else if (!isGone(parseAnswer(GraphRefusal, answer))) {
      throw new Problem('upstream_nonsense', undefined, { cause: new Error('Graph refuses to revoke') })
    }
  },
} as const satisfies IdentityProvider

function issuerOf(config: Config): string {
  return config.FACEBOOK_ENDPOINTS.issuer ?? facebookOrigin
}

function grantOf({ FACEBOOK_APP_ID: appId }: Config, subject: string): Grant | undefined {
  return appId === undefined ? undefined : { kind: 'user_id', value: subject, client_id: appId }
}

async function verifyLimitedToken(config: Config, token: string, nonce: string | undefined): Promise<VerifiedIdentity> {
  if (config.FACEBOOK_APP_ID === undefined) throw notConfigured()
  const { limited_issuer: ownIssuer, limited_jwks: ownKeys } = config.FACEBOOK_ENDPOINTS
  const { claims, clientId } = await verifyIdToken(config, token, {
    issuers: ownIssuer === undefined ? limitedIssuers : [ownIssuer],
    keySetUrl: ownKeys ?? limitedKeys,
    audiences: [config.FACEBOOK_APP_ID],
    nonce: { presented: nonce },
  })
  if (!AppScopedId.safeParse(claims.sub).success) throw refuseToken('claims')
  return {
    ...personOf(config, claims.sub, clientId),
    email: claims.email ?? null,
    firstName: claims.given_name ?? null,
    lastName: claims.family_name ?? null,
    avatarUrl: claims.picture ?? null,
  }
}

async function verifyAccessToken(config: Config, app: App, token: string): Promise<VerifiedIdentity> {
  const userId = await inspect(config, app, token)
  const answer = await askGraph(config, 'me', {
    parameters: { fields: 'id,first_name,last_name,email,picture' },
    credential: { app, token },
  })
  if (answer.isRefused) throw refuseToken('provider')
  const me = parseAnswer(Me, answer)
  if (me.id !== userId) throw refuseToken('claims')
  const picture = me.picture?.data
  return {
    ...personOf(config, userId, app.id),
    email: me.email ?? null,
    firstName: me.first_name ?? null,
    lastName: me.last_name ?? null,
    avatarUrl: picture?.is_silhouette === true ? null : (picture?.url ?? null),
  }
}

/** The app-scoped id of the person whom an access token of this app stands for. Throws `invalid_identity_token`. */
async function inspect(config: Config, app: App, token: string): Promise<string> {
  const answer = await askGraph(config, 'debug_token', {
    parameters: { input_token: token },
    credential: { app, token: appAccessToken(app) },
  })
  if (answer.isRefused) throw refuseToken('provider')
  const { data } = parseAnswer(Inspection, answer)
  if (data.is_valid !== true || data.type !== 'USER') throw refuseToken('provider')
  if (data.app_id !== app.id) throw refuseToken('audience')
  // 0 stands for no end.
  if (data.expires_at === undefined || (data.expires_at !== 0 && data.expires_at <= Date.now() / 1_000)) {
    throw refuseToken('age')
  }
  if (data.user_id === undefined) throw refuseToken('claims')
  return data.user_id
}

const personOf = (config: Config, subject: string, clientId: string) =>
  ({
    provider: 'facebook',
    issuer: issuerOf(config),
    subject,
    clientId,
    isEmailVerified: false,
    isPrivateEmail: false,
  }) as const

interface GraphRequest {
  readonly method?: 'DELETE'
  readonly parameters?: Readonly<Record<string, string>>
  readonly form?: Readonly<Record<string, string>>
  /** Whose call it is. Its proof goes with it (developers.facebook.com/docs/graph-api/guides/secure-requests). */
  readonly credential?: { readonly app: App; readonly token: string }
}

/** Asks Graph. Throws `upstream_unavailable` for what passes, and `not_configured` where it does not know the app. */
async function askGraph(
  config: Config,
  path: string,
  { method, parameters = {}, form, credential }: GraphRequest,
): Promise<ProviderAnswer> {
  const graph = baseOf(config.FACEBOOK_ENDPOINTS.graph ?? graphOrigin)
  const url = new URL(`${graph}/${config.FACEBOOK_GRAPH_VERSION}/${path}`)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  if (credential !== undefined) url.searchParams.set('appsecret_proof', await proofOf(credential))
  const answer = await callProvider(config, {
    url,
    method: method ?? (form === undefined ? 'GET' : 'POST'),
    ...(form === undefined ? {} : { form }),
    ...(credential === undefined ? {} : { bearer: credential.token }),
  })
  if (!answer.isRefused) return answer
  const { error } = parseAnswer(GraphRefusal, answer)
  const cause = new Error(`Graph refused with code ${error.code}`)
  if (error.is_transient === true || passingCodes.has(error.code)) {
    throw new Problem('upstream_unavailable', undefined, { cause, retryAfterSeconds: rateLimitedSeconds })
  }
  if (error.code === appNotAccepted)
    throw new Problem('not_configured', 'Facebook does not accept this app.', { cause })
  return answer
}

/** HMAC-SHA-256 of a token under the app's secret, in hex: it shows that the call comes from the app's own server. */
async function proofOf({ app, token }: { readonly app: App; readonly token: string }): Promise<string> {
  const utf8 = new TextEncoder()
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', utf8.encode(app.secret), algorithm, false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8.encode(token))).toHex()
}

/** Whether there is nothing left to take away: the person is unknown to the app. */
const isGone = ({ error }: z.output<typeof GraphRefusal>) => error.code === 100 && error.error_subcode === 33

const appAccessToken = ({ id, secret }: App) => `${id}|${secret}`
const baseOf = (url: string) => url.replace(/\/+$/, '')

function appOf({ FACEBOOK_APP_ID: id, FACEBOOK_APP_SECRET: secret }: Config): App {
  if (id === undefined || secret === undefined) throw notConfigured()
  return { id, secret }
}

const notConfigured = () => new Problem('not_configured', 'Sign-in with Facebook is not configured.')
