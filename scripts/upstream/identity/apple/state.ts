import { randomBytes } from 'node:crypto'
import { createCodes, createTokens, type Codes, type Grant, type Tokens } from '#scripts/upstream/identity/grants.ts'
import type { Revocations } from '#scripts/upstream/identity/revocations.ts'
import type { Keyring } from '#scripts/upstream/identity/signing-key.ts'

const codeLifetimeSeconds = 300

/** What the local Apple remembers. */
export interface AppleState {
  readonly issuer: string
  readonly keyring: Keyring
  readonly codes: Codes
  readonly tokens: Tokens
  readonly revocations: Revocations
  readonly firstAuthorizations: FirstAuthorizations
}

type Pair = Pick<Grant, 'person' | 'clientId'>

/** Who has authorized which client before: Apple gives a name once. */
interface FirstAuthorizations {
  /** Whether this is the first one. Remembers it. */
  claim(pair: Pair): boolean
  /** After a revocation the next one is the first again. */
  forget(pair: Pair): void
}

export function createAppleState(issuer: string, keyring: Keyring, revocations: Revocations): AppleState {
  const codes = createCodes(codeLifetimeSeconds)
  return { issuer, keyring, codes, tokens: createTokens(), revocations, firstAuthorizations: createFirsts() }
}

function createFirsts(): FirstAuthorizations {
  const seen = new Set<string>()
  const key = ({ person, clientId }: Pair) => `${clientId} ${person.label}`
  return {
    claim(pair) {
      const isFirst = !seen.has(key(pair))
      seen.add(key(pair))
      return isFirst
    },
    forget: (pair) => void seen.delete(key(pair)),
  }
}

/** An authorization code as Apple writes them. */
export function newCode(): string {
  return `c${randomBytes(16).toString('hex')}.0.local.${randomBytes(12).toString('base64url')}`
}
