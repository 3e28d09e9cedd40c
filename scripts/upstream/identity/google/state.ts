import { randomBytes } from 'node:crypto'
import { createCodes, createTokens, type Codes, type Tokens } from '#scripts/upstream/identity/grants.ts'
import type { Revocations } from '#scripts/upstream/identity/revocations.ts'
import type { Keyring } from '#scripts/upstream/identity/signing-key.ts'

const codeLifetimeSeconds = 600

/** What the local Google remembers. */
export interface GoogleState {
  readonly issuer: string
  readonly keyring: Keyring
  readonly codes: Codes
  readonly tokens: Tokens
  readonly revocations: Revocations
}

export function createGoogleState(issuer: string, keyring: Keyring, revocations: Revocations): GoogleState {
  return { issuer, keyring, codes: createCodes(codeLifetimeSeconds), tokens: createTokens(), revocations }
}

/** An authorization code as Google writes them: with a slash, which must survive the way through a URL. */
export function newCode(): string {
  return `4/0A${randomBytes(48).toString('base64url')}`
}
