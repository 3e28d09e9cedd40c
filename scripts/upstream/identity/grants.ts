import { createHash } from 'node:crypto'
import type { Person } from '#scripts/upstream/identity/people.ts'

/** What a person has allowed an app. */
export interface Grant {
  readonly person: Person
  readonly clientId: string
  readonly scope: readonly string[]
  readonly nonce: string | undefined
}

/** An authorization request that a person has agreed to. */
export interface CodeGrant extends Grant {
  /** Where the code was sent; empty for one that a native SDK was handed. */
  readonly redirectUri: string
  /** RFC 7636 with S256; undefined where the app sent none. */
  readonly codeChallenge: string | undefined
  /** Whether a refresh token is wanted. */
  readonly isOffline: boolean
}

/** Why a code is refused. */
export type CodeRefusal = 'unknown' | 'used' | 'expired' | 'client' | 'redirect' | 'verifier'

interface CodePresented {
  readonly code: string
  readonly clientId: string
  readonly redirectUri: string
  readonly codeVerifier?: string | undefined
}

/** A provider's authorization codes (RFC 6749 §4.1). */
export interface Codes {
  issue(code: string, grant: CodeGrant): string
  /** What was agreed to, or why not. A code is spent by its first presentation, whatever comes of it. */
  redeem(presented: CodePresented): CodeGrant | CodeRefusal
}

export function createCodes(lifetimeSeconds: number): Codes {
  const issued = new Map<string, { readonly grant: CodeGrant; readonly issuedAt: number; isUsed: boolean }>()
  return {
    issue(code, grant) {
      issued.set(code, { grant, issuedAt: Date.now(), isUsed: false })
      return code
    },
    redeem(presented) {
      const entry = issued.get(presented.code)
      if (entry === undefined) return 'unknown'
      if (entry.isUsed) return 'used'
      entry.isUsed = true
      if (Date.now() - entry.issuedAt > lifetimeSeconds * 1000) return 'expired'
      return refusalOf(entry.grant, presented) ?? entry.grant
    },
  }
}

function refusalOf(grant: CodeGrant, { clientId, redirectUri, codeVerifier }: CodePresented): CodeRefusal | undefined {
  if (grant.clientId !== clientId) return 'client'
  if (grant.redirectUri !== redirectUri) return 'redirect'
  return challengeOf(codeVerifier) === grant.codeChallenge ? undefined : 'verifier'
}

/** RFC 7636 §4.6. A verifier that breaks §4.1 answers to no challenge. */
function challengeOf(verifier: string | undefined): string | undefined {
  if (verifier === undefined) return undefined
  if (!/^[\w.~-]{43,128}$/.test(verifier)) return ''
  return createHash('sha256').update(verifier).digest('base64url')
}

/** A provider's access and refresh tokens. */
export interface Tokens {
  issue(kind: 'access' | 'refresh', token: string, grant: Grant): string
  /** The grant behind a token that is still good. */
  find(kind: 'access' | 'refresh', token: string): Grant | undefined
  /** Ends every token of the grant that the token belongs to; undefined when it belongs to none that is alive. */
  revoke(token: string): Grant | undefined
}

export function createTokens(): Tokens {
  const alive = new Map<string, { readonly kind: 'access' | 'refresh'; readonly grant: Grant }>()
  return {
    issue(kind, token, grant) {
      alive.set(token, { kind, grant })
      return token
    },
    find(kind, token) {
      const entry = alive.get(token)
      return entry?.kind === kind ? entry.grant : undefined
    },
    revoke(token) {
      const grant = alive.get(token)?.grant
      for (const [other, entry] of alive) if (entry.grant === grant) alive.delete(other)
      return grant
    },
  }
}

/** `at_hash` and `c_hash` (OpenID Connect Core §3.1.3.6, §3.3.2.11): the left half of the SHA-256, in base64url. */
export function halfHash(token: string): string {
  return createHash('sha256').update(token).digest().subarray(0, 16).toString('base64url')
}
