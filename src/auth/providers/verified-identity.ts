import { Problem } from '#src/http/problem.ts'

export const providers = ['google', 'facebook', 'apple'] as const
export type Provider = (typeof providers)[number]

/** What a provider vouches for. Nothing in it comes from the client. */
export interface VerifiedIdentity {
  readonly provider: Provider
  /** The provider's one canonical name, whatever spelling the token has. */
  readonly issuer: string
  readonly subject: string
  /** Which of our client ids it was issued to. */
  readonly clientId: string
  readonly email: string | null
  readonly isEmailVerified: boolean
  /** Whether the address is a relay that the provider made for this app alone. */
  readonly isPrivateEmail: boolean
  readonly firstName: string | null
  readonly lastName: string | null
  readonly avatarUrl: string | null
}

/** Why a token was refused: for the log. The client hears `invalid_identity_token`, whatever it was. */
export type RefusalReason = 'signature' | 'claims' | 'audience' | 'age' | 'nonce' | 'shape' | 'provider'

export function refuseToken(reason: RefusalReason, cause?: unknown): Problem {
  return new Problem('invalid_identity_token', undefined, { cause: new Error(`identity token: ${reason}`, { cause }) })
}
