import { z } from '@hono/zod-openapi'
import { eq, sql, type SQL } from 'drizzle-orm'
import type { Config } from '#src/config.ts'
import type { Db } from '#src/db/scope.ts'
import { Problem } from '#src/http/problem.ts'
import { idempotencyKeys } from '#src/http/tables.ts'
import { lookupIndex } from '#src/vault/lookup.ts'

/** The header of every POST that creates: the same key and body make one thing, however often they are sent. */
export const IdempotencyHeader = z.object({
  'idempotency-key': z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 visible ASCII characters')
    .optional()
    .openapi({ description: 'Makes a repeated request answer with what the first one made, for a day.' }),
})

/** A client's key, a keyed hash of what it was sent with, and the id of what it makes if it is new. */
export interface Claim {
  readonly key: string
  readonly requestHash: Uint8Array
  readonly resourceId: string
}

/**
 * The claim of a request. Without a key of the client's, one of our own that nobody repeats. The hash is salted with the
 * key, so that equal words leave unequal hashes.
 */
export async function claimFor(
  config: Config,
  presentedKey: string | undefined,
  resourceId: string,
  request: readonly unknown[],
): Promise<Claim> {
  const key = presentedKey ?? `auto:${resourceId}`
  return { key, requestHash: await lookupIndex(config, 'request', JSON.stringify([key, ...request])), resourceId }
}

/** Claims the key; a request that holds it already, or is about to, wins. Runs before the statement that creates. */
export const claimKey = (db: Db, claim: Claim) => db.insert(idempotencyKeys).values(claim).onConflictDoNothing()

/** True, inside the same flight, where this request made the claim: `insert … select … where` it. */
export const isOurClaim = ({ key, resourceId }: Claim): SQL =>
  sql`exists (select 1 from ${idempotencyKeys} where ${idempotencyKeys.key} = ${key} and ${idempotencyKeys.resourceId} = ${resourceId})`

/** The id of what the key made, then or now. */
export const claimedResource = ({ key }: Claim): SQL =>
  sql`(select ${idempotencyKeys.resourceId} from ${idempotencyKeys} where ${idempotencyKeys.key} = ${key})`

/** What the key was claimed with. */
export const readClaim = (db: Db, { key }: Claim) =>
  db
    .select({ requestHash: idempotencyKeys.requestHash, resourceId: idempotencyKeys.resourceId })
    .from(idempotencyKeys)
    .where(eq(idempotencyKeys.key, key))

/** Whether this request made the claim. Throws `idempotency_key_reused` when the key came with another request. */
export function isFirst(claim: Claim, found: { requestHash: Uint8Array; resourceId: string }): boolean {
  if (Buffer.compare(found.requestHash, claim.requestHash) !== 0) throw new Problem('idempotency_key_reused')
  return found.resourceId === claim.resourceId
}
