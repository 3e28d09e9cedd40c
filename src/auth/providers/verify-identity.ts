import { providerOf } from '#src/auth/providers/registry.ts'
import type { Provider, VerifiedIdentity } from '#src/auth/providers/verified-identity.ts'
import type { Config } from '#src/config.ts'

/**
 * Who a provider says that a token is about. The provider named by the client chooses the rules and keys; the token
 * chooses nothing. Throws `invalid_identity_token`, `upstream_unavailable`, `upstream_nonsense` or `not_configured`.
 */
export async function verifyIdentity(
  config: Config,
  provider: Provider,
  token: string,
  nonce: string | undefined,
): Promise<VerifiedIdentity> {
  return await providerOf(provider).verifyToken(config, token, nonce)
}
