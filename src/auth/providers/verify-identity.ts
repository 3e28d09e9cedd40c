import { verifyGoogleToken } from '#src/auth/providers/google.ts'
import type { Provider, VerifiedIdentity } from '#src/auth/providers/verified-identity.ts'
import type { Config } from '#src/config.ts'
import { Problem } from '#src/http/problem.ts'

/**
 * Who a provider says that a token is about. The provider named by the client chooses the rules and keys; the token
 * chooses nothing. Throws `invalid_identity_token`, `upstream_unavailable` or `not_configured`.
 */
export async function verifyIdentity(
  config: Config,
  provider: Provider,
  token: string,
  nonce: string | undefined,
): Promise<VerifiedIdentity> {
  if (provider === 'google') return await verifyGoogleToken(config, token, nonce)
  throw new Problem('not_configured', `Sign-in with ${provider} is not configured.`)
}
