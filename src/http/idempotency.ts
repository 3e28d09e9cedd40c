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

/** A client's key (if it sent one), a keyed hash of what it was sent with, and the id of what it makes if it is new. */
export interface Claim {
  readonly key: string | undefined
  readonly requestHash: Uint8Array
  readonly resourceId: string
}

/** The claim of a request. The hash is salted with the key, so that equal words leave unequal hashes. */
export async function claimFor(
  config: Config,
  key: string | undefined,
  resourceId: string,
  request: readonly unknown[],
): Promise<Claim> {
  if (key === undefined) return { key, requestHash: new Uint8Array(), resourceId }
  return { key, requestHash: await lookupIndex(config, 'request', JSON.stringify([key, ...request])), resourceId }
}

/** Claims the key, if there is one; a request that holds it already, or is about to, wins. Runs before the statement that creates. */
export function claimKey(db: Db, { key, requestHash, resourceId }: Claim) {
  return key === undefined
    ? undefined
    : db.insert(idempotencyKeys).values({ key, requestHash, resourceId }).onConflictDoNothing()
}

/** True, inside the same flight, where this request is the first with its key: `insert … select … where` it. */
export function isOurClaim({ key, resourceId }: Claim): SQL {
  return key === undefined
    ? sql`true`
    : sql`exists (select 1 from ${idempotencyKeys} where ${idempotencyKeys.key} = ${key} and ${idempotencyKeys.resourceId} = ${resourceId})`
}

/** True, inside the same flight, where the key was claimed with this very request, now or before. */
export function isSameRequest({ key, requestHash }: Claim): SQL {
  return key === undefined
    ? sql`true`
    : sql`exists (select 1 from ${idempotencyKeys} where ${idempotencyKeys.key} = ${key} and ${idempotencyKeys.requestHash} = ${requestHash})`
}

/** The id of what the key made, then or now. */
export function claimedResource({ key, resourceId }: Claim): SQL {
  return key === undefined ? sql`${resourceId}::uuid` : sql`app.claimed_resource(${key})`
}

/** What the key was claimed with, if there is one. */
export const readClaim = (db: Db, { key }: Claim) =>
  key === undefined
    ? undefined
    : db.select({ requestHash: idempotencyKeys.requestHash }).from(idempotencyKeys).where(eq(idempotencyKeys.key, key))

/** Throws `idempotency_key_reused` when the key came with another request before. */
export function refuseReusedKey(claim: Claim, found: readonly { requestHash: Uint8Array }[] = []): void {
  const isReused = found.some(({ requestHash }) => Buffer.compare(requestHash, claim.requestHash) !== 0)
  if (isReused) throw new Problem('idempotency_key_reused')
}
