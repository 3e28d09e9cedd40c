import * as z from 'zod'
import type { Grant } from '#src/auth/providers/identity-provider.ts'
import { callProvider, parseAnswer } from '#src/auth/providers/provider-call.ts'
import { refuseToken } from '#src/auth/providers/verified-identity.ts'
import type { Config } from '#src/config.ts'
import { Problem } from '#src/http/problem.ts'

// Google promises 512 bytes at most, and Apple's are shorter; what is sealed with it travels in a URL.
const Secret = z.string().min(1).max(1_024)

/** What a token endpoint gives for a code (RFC 6749 §5.1; OpenID Connect Core §3.1.3.3). */
const CodeTokens = z.object({ id_token: z.string().min(1).max(16_000), refresh_token: Secret.optional() })
export type CodeTokens = z.output<typeof CodeTokens>

/** RFC 6749 §5.2. */
const OAuthRefusal = z.object({ error: z.string() })

/** Our own credentials are what the endpoint does not take (RFC 6749 §5.2): no fault of the one who signs in. */
const ourFaults: ReadonlySet<string> = new Set(['invalid_client', 'unauthorized_client'])

interface TokenRequest {
  readonly endpoint: string
  readonly clientId: string
  readonly clientSecret: string
  readonly parameters: Readonly<Record<string, string>>
}

/**
 * Trades an authorization code for tokens (RFC 6749 §4.1.3), once. Throws `invalid_identity_token` for a code that is not
 * accepted, `not_configured` where our credentials are not, `upstream_unavailable` or `upstream_nonsense`.
 */
export async function redeemCode(
  config: Config,
  { endpoint, clientId, clientSecret, parameters }: TokenRequest,
): Promise<CodeTokens> {
  const answer = await callProvider(config, {
    url: endpoint,
    method: 'POST',
    form: { grant_type: 'authorization_code', client_id: clientId, client_secret: clientSecret, ...parameters },
  })
  if (!answer.isRefused) return parseAnswer(CodeTokens, answer)
  const { error } = parseAnswer(OAuthRefusal, answer)
  if (ourFaults.has(error)) throw new Problem('not_configured', 'The provider does not accept this service.')
  throw refuseToken('provider')
}

/** A refresh token as what can be taken back. Without one there is nothing: an access token is dead before anybody leaves. */
export function refreshGrant(clientId: string, tokens: CodeTokens): Grant | undefined {
  if (tokens.refresh_token === undefined) return undefined
  return { kind: 'refresh_token', value: tokens.refresh_token, client_id: clientId }
}

interface RevocationRequest {
  readonly endpoint: string
  readonly form: Readonly<Record<string, string>>
}

/**
 * Revokes a token (RFC 7009 §2). One that the provider does not know, or no more, counts as revoked. Throws
 * `not_configured`, `upstream_unavailable` or `upstream_nonsense`.
 */
export async function revokeToken(config: Config, { endpoint, form }: RevocationRequest): Promise<void> {
  const answer = await callProvider(config, { url: endpoint, method: 'POST', form })
  if (!answer.isRefused) return
  const { error } = parseAnswer(OAuthRefusal, answer)
  if (ourFaults.has(error)) throw new Problem('not_configured', 'The provider does not accept this service.')
  if (error !== 'invalid_token' && error !== 'invalid_grant') {
    throw new Problem('upstream_nonsense', undefined, { cause: new Error('the provider refuses to revoke') })
  }
}
