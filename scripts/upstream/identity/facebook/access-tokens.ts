import { randomBytes } from 'node:crypto'
import { facebookUserId } from '#scripts/upstream/identity/facebook/profile.ts'
import { facebookApp } from '#scripts/upstream/identity/local-clients.ts'
import type { Person } from '#scripts/upstream/identity/people.ts'

export const accessTokenLifetimeSeconds = 5_184_000

/** What becomes of an access token, and what a test has bent of its answers. */
interface TokenTerms {
  readonly appId: string
  readonly scopes: readonly string[]
  /** In seconds since 1970; 0 for never. */
  readonly expiresAt: number
  readonly isValid: boolean
  /** Override members of what `debug_token` and `/me` answer; null takes one away. */
  readonly debugData: Readonly<Record<string, unknown>>
  readonly profile: Readonly<Record<string, unknown>>
}

export interface AccessToken extends TokenTerms {
  readonly person: Person
  readonly userId: string
  /** In seconds since 1970. */
  readonly issuedAt: number
}

/** The classic user access tokens, which mean something to the Graph only. */
export interface AccessTokens {
  issue(person: Person, terms?: Partial<TokenTerms>): string
  find(token: string): AccessToken | undefined
  /** Takes from an app all that a person allowed it; undefined when that is nothing. */
  revoke(appId: string, userId: string): Person | undefined
}

/** Why a token is not good, as `debug_token` and every call that carries it say. */
export interface TokenTrouble {
  readonly code: number
  readonly message: string
  readonly subcode: number
}

export function createAccessTokens(): AccessTokens {
  const issued = new Map<string, AccessToken>()
  return {
    issue(person, terms = {}) {
      const token = `EAA${randomBytes(60).toString('base64url').replaceAll(/[_-]/g, 'Z')}`
      const issuedAt = Math.floor(Date.now() / 1000)
      const full = { ...usualTerms(issuedAt), ...terms }
      issued.set(token, { ...full, person, issuedAt, userId: facebookUserId(person, full.appId) })
      return token
    },
    find: (token) => issued.get(token),
    revoke(appId, userId) {
      const theirs = [...issued].filter(([, one]) => one.appId === appId && one.userId === userId && one.isValid)
      for (const [token, one] of theirs) issued.set(token, { ...one, isValid: false })
      return theirs[0]?.[1].person
    },
  }
}

function usualTerms(issuedAt: number): TokenTerms {
  return {
    appId: facebookApp.id,
    scopes: ['email', 'public_profile'],
    expiresAt: issuedAt + accessTokenLifetimeSeconds,
    isValid: true,
    debugData: {},
    profile: {},
  }
}

export function troubleOf({ isValid, expiresAt, appId }: AccessToken): TokenTrouble | undefined {
  if (!isValid) {
    const message = `Error validating access token: The user has not authorized application ${appId}.`
    return { code: 190, message, subcode: 458 }
  }
  if (expiresAt === 0 || expiresAt > Date.now() / 1000) return undefined
  const message = `Error validating access token: Session has expired on ${new Date(expiresAt * 1000).toUTCString()}.`
  return { code: 190, message, subcode: 463 }
}
