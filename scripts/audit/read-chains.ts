import type { Client } from 'pg'
import { z } from 'zod'
import type { AuditEntry, Chain, ChainHead } from '#scripts/audit/verify-chain.ts'

const hash = z.instanceof(Buffer).transform((bytes) => bytes.toString('hex'))
const Head = z.object({ chain_id: z.uuid(), seq: z.coerce.number(), hash })
const Entry = z.object({
  seq: z.coerce.number(),
  action: z.string(),
  target: z.string().nullable(),
  details: z.json(),
  request_id: z.string().nullable(),
  occurred_at: z.date().transform((at) => at.toISOString()),
  previous_hash: hash,
  hash,
})

const atOnce = 1_000

/**
 * Every chain with all of its entries, as `neuraform_jobs`, which the client may become. A chain that was anchored and
 * is gone comes with no entry and its head at 0.
 */
export async function* readChains(
  client: Client,
  anchors: ReadonlyMap<string, readonly ChainHead[]>,
): AsyncGenerator<Chain> {
  const seen = new Set<string>()
  for (let last: string | null = null; ;) {
    const heads: z.output<typeof Head>[] = await readHeads(client, last)
    for (const { chain_id: chainId, ...head } of heads) {
      seen.add(chainId)
      const entries = await readEntries(client, chainId)
      yield { chainId, head, entries, anchors: anchors.get(chainId) ?? [] }
    }
    const end = heads.at(-1)
    if (end === undefined) break
    last = end.chain_id
  }
  for (const [chainId, known] of anchors) {
    if (!seen.has(chainId)) yield { chainId, head: { seq: 0, hash: '' }, entries: [], anchors: known }
  }
}

async function readHeads(client: Client, last: string | null): Promise<z.output<typeof Head>[]> {
  const { rows } = await client.query(
    'select chain_id, head_seq as seq, head_hash as hash from app.audit_chains_after($1, $2)',
    [last, atOnce],
  )
  return z.array(Head).parse(rows)
}

async function readEntries(client: Client, chainId: string): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = []
  for (;;) {
    const last = entries.at(-1)?.seq ?? 0
    const { rows } = await client.query('select * from app.audit_entries_after($1, $2, $3)', [chainId, last, atOnce])
    if (rows.length === 0) return entries
    entries.push(...z.array(Entry).parse(rows))
  }
}
