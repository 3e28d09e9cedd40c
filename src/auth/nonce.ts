import * as z from 'zod'
import { refuseToken } from '#src/auth/providers/verified-identity.ts'
import type { Nonce } from '#src/auth/shapes.ts'
import { issueSingleUse, readSingleUse, type SingleUse } from '#src/auth/single-use.ts'
import type { Config } from '#src/config.ts'
import type { RequestScope } from '#src/db/scope.ts'

const lifetimeSeconds = 600

/** A nonce for one native sign-in (OpenID Connect Core §15.5.2): good once and for ten minutes. No flight. */
export async function issueNonce({ config }: RequestScope): Promise<Nonce> {
  const { token, expiresAt } = await issueSingleUse(config, 'nonce', {}, lifetimeSeconds)
  return { nonce: token, expires_at: expiresAt.toISOString() }
}

/**
 * The nonce that a native sign-in presents, to be spent where it has its effect. Throws `invalid_identity_token` for one
 * that this service did not issue, and for none where `REQUIRE_NONCE` asks for one.
 */
export async function nonceToSpend(config: Config, nonce: string | undefined): Promise<SingleUse | undefined> {
  if (nonce === undefined) {
    if (config.REQUIRE_NONCE) throw refuseToken('nonce')
    return undefined
  }
  const read = await readSingleUse(config, 'nonce', z.strictObject({}), nonce)
  if (read === undefined) throw refuseToken('nonce')
  return read.use
}
