import { timingSafeEqual } from 'node:crypto'
import * as z from 'zod'
import { auditingRefusals, type NativeProof } from '#src/auth/native-sign-in.ts'
import type { ExchangeRequest, LoginAnswer, Device } from '#src/auth/shapes.ts'
import { completeSignIn } from '#src/auth/sign-in.ts'
import { issueSingleUse, readSingleUse } from '#src/auth/single-use.ts'
import { SealedIdentity, sealedIdentityOf, vouchedFrom, type Vouched } from '#src/auth/ticket.ts'
import type { Config } from '#src/config.ts'
import type { RequestScope } from '#src/db/scope.ts'
import { Problem } from '#src/http/problem.ts'

const lifetimeSeconds = 60

const CodePayload = z.strictObject({
  code_challenge: z.string(),
  vouched: SealedIdentity,
})

/** A code that whoever holds its verifier may trade for a session, once and within a minute. */
export async function issueOneTimeCode(config: Config, vouched: Vouched, codeChallenge: string): Promise<string> {
  const payload = { code_challenge: codeChallenge, vouched: sealedIdentityOf(vouched) }
  return (await issueSingleUse(config, 'code', payload, lifetimeSeconds)).token
}

/**
 * Trades the code that a redirect ended with for a session, or for a registration ticket. Throws `invalid_code` for one
 * that is invented, late, spent or of another client (RFC 7636 §4.6), and what `completeSignIn` throws.
 */
export async function exchangeCode(
  scope: RequestScope,
  { code, code_verifier: codeVerifier }: Pick<ExchangeRequest, 'code' | 'code_verifier'>,
  device: Device,
): Promise<LoginAnswer> {
  const read = await readSingleUse(scope.config, 'code', CodePayload, code)
  return await auditingRefusals(scope, read?.payload.vouched.provider, async () => {
    if (read === undefined) throw new Problem('invalid_code')
    if (!(await isChallengeOf(codeVerifier, read.payload.code_challenge))) throw new Problem('invalid_code')
    const proof: NativeProof = { ...vouchedFrom(read.payload.vouched), uses: [read.use], isFresh: true }
    try {
      return await completeSignIn(scope, proof, device)
    } catch (error) {
      throw error instanceof Problem && error.code === 'ticket_used' ? new Problem('invalid_code') : error
    }
  })
}

/** Whether a challenge is the verifier's SHA-256 in base64url (S256, RFC 7636 §4.2). */
async function isChallengeOf(verifier: string, challenge: string): Promise<boolean> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier)))
  const given = decoded(challenge)
  return given !== undefined && given.length === digest.length && timingSafeEqual(given, digest)
}

function decoded(challenge: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(challenge, { alphabet: 'base64url' })
  } catch {
    return undefined
  }
}
