import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { users } from '#src/accounts/tables.ts'
import { configOf, type Config } from '#src/config.ts'
import type { WrappedKeys } from '#src/db/scope.ts'
import { createDataKey, unwrapDataKeys, type NewDataKey } from '#src/vault/data-key.ts'
import { Vault } from '#src/vault/vault.ts'

const bytes = (fill: number) => new Uint8Array(32).fill(fill)
const ring = (current: string, keys: Record<string, Uint8Array<ArrayBuffer>>): Config => ({
  ...configOf(env),
  KEY_ENCRYPTION_KEYS: { current, keys },
})
const config = ring('k1', { k1: bytes(1) })
const userId = crypto.randomUUID()

const stored = ({ keyEncryptionKeyId, wrappedKey }: NewDataKey, version = 1): WrappedKeys => [
  { version, key_encryption_key_id: keyEncryptionKeyId, wrapped_key: wrappedKey.toHex() },
]

const failureOf = async (attempt: Promise<unknown>): Promise<string> =>
  await attempt.then(
    () => 'no failure',
    (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : String(error)),
  )

describe('a data key', () => {
  it('is wrapped under the current key-encryption key, and opens what it sealed', async () => {
    const made = await createDataKey(config, userId)
    expect([made.keyEncryptionKeyId, made.dataKey.version, made.wrappedKey.length]).toEqual(['k1', 1, 12 + 32 + 16])
    const sealed = await new Vault(userId, [made.dataKey]).seal(users.email, userId, 'ada')
    const vault = new Vault(userId, (await unwrapDataKeys(config, userId, stored(made))).keys)
    expect(await vault.open(users.email, userId, sealed)).toBe('ada')
    expect(await vault.nameOf('ada')).toEqual(await new Vault(userId, [made.dataKey]).nameOf('ada'))
  })

  it('is a new one each time', async () => {
    const [one, other] = [await createDataKey(config, userId), await createDataKey(config, userId)]
    const sealed = await new Vault(userId, [one.dataKey]).seal(users.email, userId, 'ada')
    const failure = await failureOf(new Vault(userId, [other.dataKey]).open(users.email, userId, sealed))
    expect(failure).toBe('SealBroken: the seal does not match')
  })

  it('cannot be taken out of the isolate', async () => {
    const { dataKey } = await createDataKey(config, userId)
    expect([dataKey.sealing.extractable, dataKey.naming.extractable]).toEqual([false, false])
  })

  it('is unwrapped with an older key-encryption key that is still there', async () => {
    const made = await createDataKey(config, userId)
    const rolled = ring('k2', { k1: bytes(1), k2: bytes(2) })
    expect((await unwrapDataKeys(rolled, userId, stored(made))).keys.map(({ version }) => version)).toEqual([1])
    expect((await createDataKey(rolled, userId)).keyEncryptionKeyId).toBe('k2')
  })

  it('opens beside one that does not, and a person without any has lost theirs', async () => {
    const made = await createDataKey(config, userId)
    const both = [...stored(made), ...stored(made, 2)]
    const { keys, broken } = await unwrapDataKeys(config, userId, both)
    expect(keys.map(({ version }) => version)).toEqual([1])
    expect(broken).toEqual([{ version: 2, reason: 'damaged', wrapped: both[1] }])
    expect(await unwrapDataKeys(config, userId, [])).toEqual({ keys: [], broken: [{ version: 0, reason: 'lost' }] })
  })
})

describe('a wrapped key', () => {
  it('opens for its own person, version and key-encryption key alone', async () => {
    const made = await createDataKey(config, userId)
    const [wrapped] = stored(made)
    if (wrapped === undefined) throw new Error('nothing was wrapped')
    const turned = Uint8Array.fromHex(wrapped.wrapped_key)
    turned[20] = (turned[20] ?? 0) ^ 1
    const opened = await Promise.all([
      unwrapDataKeys(config, crypto.randomUUID(), [wrapped]),
      unwrapDataKeys(config, userId, [{ ...wrapped, version: 2 }]),
      unwrapDataKeys(ring('k1', { k1: bytes(9) }), userId, [wrapped]),
      unwrapDataKeys(ring('k1', { k1: bytes(1), k2: bytes(1) }), userId, [{ ...wrapped, key_encryption_key_id: 'k2' }]),
      unwrapDataKeys(config, userId, [{ ...wrapped, wrapped_key: turned.toHex() }]),
      unwrapDataKeys(config, userId, [{ ...wrapped, wrapped_key: wrapped.wrapped_key.slice(0, -2) }]),
      unwrapDataKeys(config, userId, [{ ...wrapped, wrapped_key: '00' }]),
      unwrapDataKeys(config, userId, [{ ...wrapped, wrapped_key: '' }]),
    ])
    expect(opened.map(({ keys, broken }) => [keys, broken[0]?.reason])).toEqual(opened.map(() => [[], 'damaged']))
  })

  it('is not available when its key-encryption key is not configured', async () => {
    const made = await createDataKey(config, userId)
    const { keys, broken } = await unwrapDataKeys(ring('k2', { k2: bytes(2) }), userId, stored(made))
    expect([keys, broken[0]?.reason]).toEqual([[], 'key_encryption_key_missing'])
    const failures = await Promise.all([
      failureOf(unwrapDataKeys({ ...config, KEY_ENCRYPTION_KEYS: undefined }, userId, stored(made))),
      failureOf(createDataKey({ ...config, KEY_ENCRYPTION_KEYS: undefined }, userId)),
    ])
    expect(failures).toEqual(['Problem: not_configured', 'Problem: not_configured'])
  })
})
