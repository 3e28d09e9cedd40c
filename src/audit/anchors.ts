import { sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import * as z from 'zod'
import { asService, type RequestScope } from '#src/db/scope.ts'
import { Problem } from '#src/http/problem.ts'

const headsPerObject = 5_000
const mostObjects = 200

const Heads = z.array(z.object({ chain_id: z.guid(), seq: z.coerce.number(), hash: z.instanceof(Uint8Array) }))

/**
 * Copies the heads of all chains that grew in the last 48 hours, or are marked as not copied yet, out of the database into
 * `ANCHORS`: one object for each 5,000, `audit/{yyyy-mm-dd}/{uuid}.json`, `{anchored_at, heads: [{chain_id, seq, hash}]}`
 * with hashes in hexadecimal. An entry that such a head covers cannot be changed or cut off unseen, whoever owns the
 * database. Returns how many heads it wrote. Throws `not_configured` without the binding.
 */
export async function anchorHeads(scope: RequestScope): Promise<number> {
  const bucket = scope.config.bindings.ANCHORS
  if (bucket === undefined) throw new Problem('not_configured', 'No bucket is bound: ANCHORS.')
  let anchored = 0
  let last: string | null = null
  for (let objects = 0; objects < mostObjects; objects += 1) {
    const heads: z.output<typeof Heads> = await readHeads(scope, last)
    if (heads.length > 0) await writeHeads(scope, bucket, heads)
    anchored += heads.length
    if (heads.length < headsPerObject) break
    last = heads.at(-1)?.chain_id ?? null
  }
  return anchored
}

async function readHeads(scope: RequestScope, last: string | null): Promise<z.output<typeof Heads>> {
  const [answer] = await asService(scope, 'jobs', 'anchor', (db) => [
    db.execute(sql`select chain_id, seq, hash from app.heads_to_anchor(${last}, ${headsPerObject})`),
  ])
  return Heads.parse(answer.rows)
}

// A second flight, since no transaction is open while R2 works: one that is cut short in between anchors twice.
async function writeHeads(scope: RequestScope, bucket: R2Bucket, heads: z.output<typeof Heads>): Promise<void> {
  const anchoredAt = new Date().toISOString()
  const body = { anchored_at: anchoredAt, heads: heads.map((head) => ({ ...head, hash: head.hash.toHex() })) }
  await bucket.put(`audit/${anchoredAt.slice(0, 10)}/${uuidv7()}.json`, JSON.stringify(body), {
    httpMetadata: { contentType: 'application/json' },
  })
  const ids = sql.param(heads.map((head) => head.chain_id))
  const seqs = sql.param(heads.map((head) => head.seq))
  await asService(scope, 'jobs', 'anchor', (db) => [
    db.execute(sql`select app.mark_anchored(${ids}::uuid[], ${seqs}::bigint[])`),
  ])
}
