import { reportRefusal } from '#src/audit/report-refusal.ts'
import { nonceToSpend } from '#src/auth/nonce.ts'
import type { Grant } from '#src/auth/providers/identity-provider.ts'
import { providerOf } from '#src/auth/providers/registry.ts'
import { refuseToken, type VerifiedIdentity } from '#src/auth/providers/verified-identity.ts'
import { verifyIdentity } from '#src/auth/providers/verify-identity.ts'
import type { ProviderProof } from '#src/auth/shapes.ts'
import type { SingleUse } from '#src/auth/single-use.ts'
import type { Vouched } from '#src/auth/ticket.ts'
import type { RequestScope } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import { Problem } from '#src/http/problem.ts'

/** Whom a provider vouched for, and the nonce that is spent where that has its effect. */
export interface NativeProof extends Vouched {
  readonly uses: readonly SingleUse[]
  /** Whether they signed in just now: what shows it was made for a nonce or a redirect of ours. What carries neither may be old. */
  readonly isFresh: boolean
}

/**
 * Checks what a native client brings from a provider: its token, the nonce if there is one, and the code that can be
 * traded for what is revoked later. Throws what `verifyIdentity` throws.
 */
export async function checkNativeProof(scope: RequestScope, proof: ProviderProof): Promise<NativeProof> {
  const nonce = await nonceToSpend(scope.config, proof.nonce)
  const identity = await verifyIdentity(scope.config, proof.provider, proof.token, proof.nonce)
  return {
    identity,
    grant: await grantOf(scope, identity, proof),
    uses: nonce === undefined ? [] : [nonce],
    isFresh: nonce !== undefined,
  }
}

// A provider that cannot be asked just now is no reason to keep somebody out: the next sign-in brings another code.
async function grantOf(
  scope: RequestScope,
  identity: VerifiedIdentity,
  { authorization_code: code, redirect_uri: redirectUri }: ProviderProof,
): Promise<Grant | undefined> {
  const provider = providerOf(identity.provider)
  if (code === undefined || provider.exchangeNativeCode === undefined) {
    return provider.grantOf?.(scope.config, identity.subject)
  }
  try {
    return await provider.exchangeNativeCode(scope.config, { code, identity, redirectUri })
  } catch (error) {
    if (error instanceof Problem && error.status < 500) throw error
    scope.report({ event: 'grant_not_obtained', provider: identity.provider, ...describeFailure(error) })
    return undefined
  }
}

const refusals: ReadonlySet<string> = new Set([
  'invalid_identity_token',
  'invalid_code',
  'invalid_state',
  'invalid_ticket',
  'ticket_used',
  'already_registered',
  'registration_refused',
  'forbidden',
])

/**
 * Runs a sign-in, or a part of one; what refuses it is counted in the audit log. Of an invented code or ticket nobody knows
 * the provider.
 */
export async function auditingRefusals<T>(
  scope: RequestScope,
  provider: VerifiedIdentity['provider'] | undefined,
  signIn: () => Promise<T>,
): Promise<T> {
  try {
    return await signIn()
  } catch (error) {
    if (error instanceof Problem && refusals.has(error.code)) reportRefusal(scope, { provider, reason: error.code })
    throw error
  }
}

/** The same for what a native client brings: a spent nonce makes its token one like any other bad one. */
export async function auditingNativeRefusals<T>(
  scope: RequestScope,
  provider: VerifiedIdentity['provider'],
  signIn: () => Promise<T>,
): Promise<T> {
  return await auditingRefusals(scope, provider, async () => {
    try {
      return await signIn()
    } catch (error) {
      throw error instanceof Problem && error.code === 'ticket_used' ? refuseToken('nonce', error) : error
    }
  })
}
