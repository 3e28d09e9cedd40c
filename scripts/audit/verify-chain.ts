import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'

/** An entry as the database gives it; hashes in hexadecimal, the time as RFC 3339 in UTC to the millisecond. */
export interface AuditEntry {
  readonly seq: number
  readonly action: string
  readonly target: string | null
  readonly details: unknown
  readonly request_id: string | null
  readonly occurred_at: string
  readonly previous_hash: string
  readonly hash: string
}

/** Where a chain ended when it was looked at: now, by its head, or once, by an anchor. */
export interface ChainHead {
  readonly seq: number
  readonly hash: string
}

export interface Chain {
  readonly chainId: string
  readonly head: ChainHead
  /** In the order of `seq`. */
  readonly entries: readonly AuditEntry[]
  readonly anchors: readonly ChainHead[]
}

/** What was done to a chain, and where. */
export interface Finding {
  readonly chainId: string
  readonly seq: number
  readonly fault: 'changed' | 'missing' | 'unlinked' | 'not the head' | 'not as anchored'
}

const noHash = '00'.repeat(32)

/**
 * Works every hash of a chain out again, apart from the database, and compares: each entry with its own hash (`changed`)
 * and with the one before it (`unlinked`), the places with 1, 2, 3… (`missing`), the last entry with the head, and the
 * entries with what was anchored of them.
 */
export function verifyChain(chain: Chain): readonly Finding[] {
  const { chainId, entries, head, anchors } = chain
  const findings: Finding[] = []
  const find = (seq: number, fault: Finding['fault']) => findings.push({ chainId, seq, fault })
  let before: ChainHead = { seq: 0, hash: noHash }
  for (const entry of entries) {
    for (let seq = before.seq + 1; seq < entry.seq; seq += 1) find(seq, 'missing')
    const isNext = entry.seq === before.seq + 1
    if (isNext && entry.previous_hash !== before.hash) find(entry.seq, 'unlinked')
    if (hashOf(chainId, entry) !== entry.hash) find(entry.seq, 'changed')
    before = entry
  }
  for (let seq = before.seq + 1; seq <= head.seq; seq += 1) find(seq, 'missing')
  if (before.seq >= head.seq && (before.seq !== head.seq || before.hash !== head.hash)) {
    find(before.seq, 'not the head')
  }
  const bySeq = new Map(entries.map((entry) => [entry.seq, entry.hash]))
  for (const { seq, hash } of anchors) if (bySeq.get(seq) !== hash) find(seq, 'not as anchored')
  return findings
}

/** SHA-256 of an entry's canonical JSON (RFC 8785), everything in it but its hash. */
function hashOf(chainId: string, { hash: _hash, ...entry }: AuditEntry): string {
  const text = canonicalize({ chain_id: chainId, ...entry }) ?? ''
  return createHash('sha256').update(text).digest('hex')
}
