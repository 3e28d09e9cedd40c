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
  /** How far the database says that the head was copied out. */
  readonly anchoredSeq: number
  /** In the order of `seq`. */
  readonly entries: readonly AuditEntry[]
  /** What was anchored of it; undefined where nobody looked. */
  readonly anchors: readonly ChainHead[] | undefined
}

/** What was done to a chain, and where. */
export interface Finding {
  readonly chainId: string
  readonly seq: number
  /** The last place of several that are alike. */
  readonly upTo?: number
  readonly fault:
    | 'changed'
    | 'missing'
    | 'unlinked'
    | 'out of place'
    | 'not the head'
    | 'not as anchored'
    | 'not anchored'
}

type Find = (seq: number, fault: Finding['fault'], upTo?: number) => void

const noHash = '00'.repeat(32)

/** Heads are anchored every day; what has waited for half a day longer was passed over. */
const longestWithoutAnchorMs = 36 * 3_600_000

/**
 * Works every hash of a chain out again, apart from the database, and compares: each entry with its own hash (`changed`)
 * and with the one before it (`unlinked`), the places with 1, 2, 3… (`missing`, one finding for each gap, and `out of
 * place`), the last entry with the head, and the entries with what was anchored of them. Where the anchors are known,
 * they must reach as far as the database says, and to every entry that is older than 36 hours (`not anchored`).
 */
export function verifyChain(chain: Chain, now = Date.now()): readonly Finding[] {
  const findings: Finding[] = []
  const find: Find = (seq, fault, upTo = seq) =>
    findings.push({ chainId: chain.chainId, seq, ...(upTo > seq ? { upTo } : {}), fault })
  findInEntries(chain, find)
  if (chain.anchors !== undefined) findInAnchors(chain, chain.anchors, now, find)
  return findings
}

function findInEntries({ chainId, entries, head }: Chain, find: Find): void {
  let before: ChainHead = { seq: 0, hash: noHash }
  for (const entry of entries) {
    if (hashOf(chainId, entry) !== entry.hash) find(entry.seq, 'changed')
    if (entry.seq <= before.seq) {
      find(entry.seq, 'out of place')
      continue
    }
    if (entry.seq > before.seq + 1) find(before.seq + 1, 'missing', entry.seq - 1)
    else if (entry.previous_hash !== before.hash) find(entry.seq, 'unlinked')
    before = entry
  }
  if (head.seq > before.seq) find(before.seq + 1, 'missing', head.seq)
  else if (before.seq !== head.seq || before.hash !== head.hash) find(before.seq, 'not the head')
}

function findInAnchors({ entries, anchoredSeq }: Chain, anchors: readonly ChainHead[], now: number, find: Find): void {
  const bySeq = new Map(entries.map((entry) => [entry.seq, entry.hash]))
  for (const { seq, hash } of anchors) if (bySeq.get(seq) !== hash) find(seq, 'not as anchored')
  const reached = anchors.reduce((most, { seq }) => Math.max(most, seq), 0)
  if (anchoredSeq > reached) find(anchoredSeq, 'not anchored')
  const next = entries.find(({ seq }) => seq > reached)
  if (next !== undefined && Date.parse(next.occurred_at) < now - longestWithoutAnchorMs) find(next.seq, 'not anchored')
}

/** A finding as a person reads it. */
export const describeFinding = ({ chainId, seq, upTo, fault }: Finding) =>
  `chain ${chainId}, ${upTo === undefined ? `entry ${seq}` : `entries ${seq} to ${upTo}`}: ${fault}`

/** SHA-256 of an entry's canonical JSON (RFC 8785), everything in it but its hash. */
function hashOf(chainId: string, { hash: _hash, ...entry }: AuditEntry): string {
  const text = canonicalize({ chain_id: chainId, ...entry }) ?? ''
  return createHash('sha256').update(text).digest('hex')
}
