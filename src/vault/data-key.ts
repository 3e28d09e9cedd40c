import type { Config } from '#src/config.ts'
import { Problem } from '#src/http/problem.ts'
import type { WrappedKeys } from '#src/db/scope.ts'

const utf8 = new TextEncoder()
const nonceBytes = 12

/** A person's data key, unwrapped: its version and the keys derived from it (HKDF-SHA-256, RFC 5869). */
export interface DataKey {
  readonly version: number
  /** AES-256-GCM, for `Vault.seal` and `Vault.open`. */
  readonly sealing: CryptoKey
  /** HMAC-SHA-256, for names that only this person's requests can work out. */
  readonly naming: CryptoKey
  /** SipHash-2-4, 128 bits, for the words of what is sealed. */
  readonly indexing: Uint32Array
}

/** What the database keeps of a data key. */
interface WrappedKey {
  readonly keyEncryptionKeyId: string
  readonly wrappedKey: Uint8Array
}

/** A new data key, and what the database keeps of it. */
export interface NewDataKey extends WrappedKey {
  readonly dataKey: DataKey
}

/** Makes a data key (256 random bits) for a person and wraps it under the current key-encryption key. */
export async function createDataKey(config: Config, userId: string, version = 1): Promise<NewDataKey> {
  const raw = crypto.getRandomValues(new Uint8Array(32))
  return { dataKey: await derive(raw, version), ...(await wrap(config, userId, version, raw)) }
}

/** A data key that does not open, and why. */
export interface BrokenDataKey {
  /** 0 where the person has no key at all. */
  readonly version: number
  readonly reason: 'lost' | 'damaged' | 'key_encryption_key_missing'
  /** What the database keeps of it; undefined for one that is lost. */
  readonly wrapped?: WrappedKeys[number]
}

/** A person's data keys, oldest version first, and those that do not open. */
export interface UnwrappedKeys {
  readonly keys: readonly DataKey[]
  readonly broken: readonly BrokenDataKey[]
}

/** Unwraps a person's data keys, each apart: one that does not open takes none of the others away. Throws `not_configured`. */
export async function unwrapDataKeys(config: Config, userId: string, wrapped: WrappedKeys): Promise<UnwrappedKeys> {
  const ring = keyRing(config)
  if (wrapped.length === 0) return { keys: [], broken: [{ version: 0, reason: 'lost' }] }
  const tried = await Promise.all(
    wrapped.map(async (key): Promise<DataKey | BrokenDataKey> => {
      const isMissing = ring.keys[key.key_encryption_key_id] === undefined
      if (isMissing) return { version: key.version, reason: 'key_encryption_key_missing', wrapped: key }
      const raw = await unwrap(config, userId, key).catch(() => undefined)
      return raw === undefined
        ? { version: key.version, reason: 'damaged', wrapped: key }
        : await derive(raw, key.version)
    }),
  )
  return {
    keys: tried.filter((key): key is DataKey => 'sealing' in key),
    broken: tried.filter((key): key is BrokenDataKey => 'reason' in key),
  }
}

/**
 * A data key as it is, wrapped under the current key-encryption key. Throws `key_unavailable` where the older one is not
 * configured, and an unknown error where the wrapped key is not what was stored for this person.
 */
export async function rewrapDataKey(config: Config, userId: string, wrapped: WrappedKeys[number]): Promise<WrappedKey> {
  return await wrap(config, userId, wrapped.version, await unwrap(config, userId, wrapped))
}

/** The names of the configured key-encryption keys that wrap no more, and still open what they wrapped. */
export const olderKeyEncryptionKeyIds = (config: Config): readonly string[] =>
  Object.keys(keyRing(config).keys).filter((id) => id !== keyRing(config).current)

/** The name of the key-encryption key that wraps from now on. */
export const currentKeyEncryptionKeyId = (config: Config): string => keyRing(config).current

async function wrap(config: Config, userId: string, version: number, raw: Uint8Array): Promise<WrappedKey> {
  const { current } = keyRing(config)
  const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes))
  const algorithm = { name: 'AES-GCM', iv: nonce, additionalData: wrapContext(userId, version, current) }
  const wrapped = await crypto.subtle.encrypt(algorithm, await wrappingKey(config, current), raw)
  const wrappedKey = new Uint8Array(nonceBytes + wrapped.byteLength)
  wrappedKey.set(nonce)
  wrappedKey.set(new Uint8Array(wrapped), nonceBytes)
  return { keyEncryptionKeyId: current, wrappedKey }
}

async function unwrap(config: Config, userId: string, wrapped: WrappedKeys[number]): Promise<Uint8Array> {
  const { version, key_encryption_key_id: keyId, wrapped_key: hex } = wrapped
  const bytes = Uint8Array.fromHex(hex)
  const iv = bytes.subarray(0, nonceBytes)
  const algorithm = { name: 'AES-GCM', iv, additionalData: wrapContext(userId, version, keyId) }
  const raw = await crypto.subtle.decrypt(algorithm, await wrappingKey(config, keyId), bytes.subarray(nonceBytes))
  return new Uint8Array(raw)
}

function keyRing(config: Config) {
  if (config.KEY_ENCRYPTION_KEYS === undefined) throw new Problem('not_configured', 'KEY_ENCRYPTION_KEYS is not set.')
  return config.KEY_ENCRYPTION_KEYS
}

async function wrappingKey(config: Config, keyId: string): Promise<CryptoKey> {
  const bytes = keyRing(config).keys[keyId]
  if (bytes === undefined) throw new Problem('key_unavailable')
  return await crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt'])
}

const wrapContext = (userId: string, version: number, keyId: string) =>
  utf8.encode(JSON.stringify(['neuraform/wrap/1', userId, version, keyId]))

async function derive(raw: Uint8Array, version: number): Promise<DataKey> {
  const root = await crypto.subtle.importKey('raw', raw, 'HKDF', false, ['deriveKey', 'deriveBits'])
  const [sealing, naming, indexing] = await Promise.all([
    crypto.subtle.deriveKey(purpose('seal'), root, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']),
    crypto.subtle.deriveKey(purpose('name'), root, { name: 'HMAC', hash: 'SHA-256', length: 256 }, false, ['sign']),
    crypto.subtle.deriveBits(purpose('index'), root, 128),
  ])
  return { version, sealing, naming, indexing: new Uint32Array(indexing) }
}

const purpose = (name: string) => ({
  name: 'HKDF',
  hash: 'SHA-256',
  salt: new Uint8Array(),
  info: utf8.encode(`neuraform/${name}/1`),
})
