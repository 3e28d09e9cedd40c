import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { recordServiceEvent } from '#src/audit/record-event.ts'
import { asService, type RequestScope } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import { currentKeyEncryptionKeyId, olderKeyEncryptionKeyIds, rewrapDataKey } from '#src/vault/data-key.ts'

const keysAtOnce = 200
const mostBatches = 50

const Wrapped = z.object({
  user_id: z.uuid(),
  version: z.int(),
  key_encryption_key_id: z.string(),
  wrapped_key: z.instanceof(Uint8Array).transform((bytes) => bytes.toHex()),
})

/**
 * Wraps the data keys that are under an older key-encryption key under the current one, up to 10,000 of them; the next
 * run goes on from there. Readers need both keys to be configured meanwhile, and notice nothing. Keys whose
 * key-encryption key is not configured are left; one of them is reported. Returns how many were wrapped anew.
 */
export async function rewrapDataKeys(scope: RequestScope): Promise<number> {
  const older = olderKeyEncryptionKeyIds(scope.config)
  let rewrapped = 0
  for (let batch = 0; older.length > 0 && batch < mostBatches; batch += 1) {
    const count = await rewrapBatch(scope, older)
    rewrapped += count
    if (count < keysAtOnce) break
  }
  if (rewrapped < keysAtOnce * mostBatches) await reportOneLeft(scope)
  return rewrapped
}

async function rewrapBatch(scope: RequestScope, older: readonly string[]): Promise<number> {
  const found = await keysToRewrap(scope, older, keysAtOnce)
  const keys = await Promise.all(found.map(async (key) => await rewrap(scope, key)))
  const rewrapped = keys.filter((key) => key !== undefined)
  if (rewrapped.length === 0) return 0
  const current = currentKeyEncryptionKeyId(scope.config)
  // A second flight, since the keys are opened here and not in the database; one that changed meanwhile is left.
  await asService(scope, 'jobs', 'key rotation', (db) => [
    db.execute(sql`select app.rewrap_keys(${current}, ${JSON.stringify(rewrapped)}::jsonb)`),
    recordServiceEvent(db, scope, null, {
      action: 'key_encryption_key.rotated',
      details: { current, data_keys: String(rewrapped.length) },
    }),
  ])
  return rewrapped.length
}

/** What is left could not be wrapped anew: trying one of it says why. */
async function reportOneLeft(scope: RequestScope): Promise<void> {
  for (const key of await keysToRewrap(scope, null, 1)) await rewrap(scope, key)
}

async function keysToRewrap(
  scope: RequestScope,
  among: readonly string[] | null,
  most: number,
): Promise<z.output<typeof Wrapped>[]> {
  const current = currentKeyEncryptionKeyId(scope.config)
  const [found] = await asService(scope, 'jobs', 'key rotation', (db) => [
    db.execute(sql`select * from app.keys_to_rewrap(${current}, ${sql.param(among)}::text[], ${most})`),
  ])
  return z.array(Wrapped).parse(found.rows)
}

async function rewrap({ config, report }: RequestScope, key: z.output<typeof Wrapped>) {
  try {
    const { wrappedKey } = await rewrapDataKey(config, key.user_id, key)
    return { user_id: key.user_id, version: key.version, wrapped: key.wrapped_key, rewrapped: wrappedKey.toHex() }
  } catch (error) {
    report({ event: 'key_not_rewrapped', key_encryption_key: key.key_encryption_key_id, ...describeFailure(error) })
    return undefined
  }
}
