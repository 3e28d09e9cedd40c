import { EncryptJWT, errors, jwtDecrypt } from 'jose'
import type * as z from 'zod'
import type { Config } from '#src/config.ts'
import { Problem } from '#src/http/problem.ts'

const utf8 = new TextEncoder()

/** What a token is for; one made for one purpose is junk to every other. */
export type Purpose =
  | 'registration'
  | 'registration_page'
  | 'nonce'
  | 'state'
  | 'code'
  | 'cursor'
  | 'sync'
  | 'audio'
  | 'grant'

/**
 * A token that only this service can make or read: a JWE (RFC 7516, direct A256GCM) under a key of its purpose, good
 * for `lifetimeSeconds`. The database keeps nothing of it.
 */
export async function issueSealedToken(
  config: Config,
  purpose: Purpose,
  payload: Record<string, unknown>,
  lifetimeSeconds: number,
): Promise<string> {
  return await new EncryptJWT({ p: payload })
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
    .setExpirationTime(Math.floor(Date.now() / 1_000) + lifetimeSeconds)
    .encrypt(await purposeKey(config, purpose))
}

/** The payload of a token of this purpose; undefined when it is expired, altered, of another purpose or shape. */
export async function readSealedToken<T extends z.ZodType>(
  config: Config,
  purpose: Purpose,
  schema: T,
  token: string,
): Promise<z.output<T> | undefined> {
  try {
    const { payload } = await jwtDecrypt(token, await purposeKey(config, purpose), {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
      requiredClaims: ['exp'],
    })
    return schema.safeParse(payload.p).data
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined
    throw error
  }
}

const keys = new WeakMap<Config, Map<string, Promise<CryptoKey>>>()

async function purposeKey(config: Config, purpose: Purpose): Promise<CryptoKey> {
  const known = keys.get(config) ?? new Map<string, Promise<CryptoKey>>()
  keys.set(config, known)
  const key = known.get(purpose) ?? derive(config, purpose)
  known.set(purpose, key)
  return await key
}

async function derive(config: Config, purpose: string): Promise<CryptoKey> {
  const signingKey = config.TOKEN_SIGNING_KEY
  if (signingKey === undefined) throw new Problem('not_configured', 'TOKEN_SIGNING_KEY is not set.')
  const root = await crypto.subtle.importKey('raw', signingKey, 'HKDF', false, ['deriveKey'])
  const info = utf8.encode(`neuraform/token/${purpose}`)
  const derivation = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info }
  return await crypto.subtle.deriveKey(derivation, root, { name: 'AES-GCM', length: 256 }, false, [
    'encrypt',
    'decrypt',
  ])
}
