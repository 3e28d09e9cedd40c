import type { Client } from 'pg'
import { z } from 'zod'
import type { Anchors } from '#scripts/audit/read-anchors.ts'
import type { AuditEntry, Chain } from '#scripts/audit/verify-chain.ts'

const hash = z.instanceof(Buffer).transform((bytes) => bytes.toString('hex'))
const Head = z.object({ chain_id: z.string(), seq: z.coerce.number(), hash, anchored_seq: z.coerce.number() })
const Entry = z.object({
  seq: z.coerce.number(),
  action: z.string(),
  target: z.string().nullable(),
  details: z.json(),
  request_id: z.string().nullable(),
  // No writer can have meant a time that JavaScript does not know; its hash says so.
  occurred_at: z
    .date()
    .transform((at) => at.toISOString())
    .catch('no time'),
  previous_hash: hash,
  hash,
})

const atOnce = 1_000

/**
 * Every chain with all of its entries, as `neuraform_jobs`, which the client may become; with what was anchored of each,
 * where the anchors are known. A chain that was anchored and is gone comes with no entry and its head at 0.
 */
export async function* readChains(client: Client, anchors: Anchors | undefined): AsyncGenerator<Chain> {
  const seen = new Set<string>()
  for (let last: string | null = null; ;) {
    const heads: z.output<typeof Head>[] = await readHeads(client, last)
    for (const { chain_id: chainId, anchored_seq: anchoredSeq, ...head } of heads) {
      seen.add(chainId)
      const entries = await readEntries(client, chainId)
      const known = anchors && (anchors.heads.get(chainId) ?? [])
      yield { chainId, head, anchoredSeq, entries, anchors: known }
    }
    const end = heads.at(-1)
    if (end === undefined) break
    last = end.chain_id
  }
  for (const [chainId, known] of anchors?.heads ?? []) {
    if (!seen.has(chainId)) yield { chainId, head: { seq: 0, hash: '' }, anchoredSeq: 0, entries: [], anchors: known }
  }
}

async function readHeads(client: Client, last: string | null): Promise<z.output<typeof Head>[]> {
  const { rows } = await client.query(
    'select chain_id, head_seq as seq, head_hash as hash, anchored_seq from app.audit_chains_after($1, $2)',
    [last, atOnce],
  )
  return z.array(Head).parse(rows)
}

async function readEntries(client: Client, chainId: string): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = []
  // As the database writes it: a place that somebody made up may be too large to be a number here.
  for (let last: string | null = null; ;) {
    const page: { rows: { seq: string }[] } = await client.query('select * from app.audit_entries_after($1, $2, $3)', [
      chainId,
      last,
      atOnce,
    ])
    entries.push(...z.array(Entry).parse(page.rows))
    const end = page.rows.at(-1)
    if (end === undefined) return entries
    last = end.seq
  }
}
