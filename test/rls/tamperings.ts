import { createHash, randomInt, randomUUID } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { AuditEntry, Chain } from '#scripts/audit/verify-chain.ts'

interface Tampered {
  readonly chain: Chain
  /** A place that must be named. */
  readonly expected: number
}

type Tamper = (chain: Chain) => Tampered

export const copyOf = (chain: Chain): Chain => structuredClone(chain)

const anyOf = ({ entries }: Chain, upTo = entries.length) => {
  const entry = entries[randomInt(upTo)]
  if (entry === undefined) throw new Error('the chain is empty')
  return entry
}

const edit = (chain: Chain, change: (entry: AuditEntry) => Partial<AuditEntry>): Tampered => {
  const { seq } = anyOf(chain)
  const entries = chain.entries.map((entry) => (entry.seq === seq ? { ...entry, ...change(entry) } : entry))
  return { chain: { ...chain, entries }, expected: seq }
}

/** The chain with one more entry at a place and every later one a place further; no hash is worked out anew. */
function withInsertion(chain: Chain, seq: number): Chain {
  const forged = { ...anyOf(chain), seq, action: 'test.forged' }
  const moved = chain.entries.map((entry) => (entry.seq < seq ? entry : { ...entry, seq: entry.seq + 1 }))
  const entries = moved.toSpliced(seq - 1, 0, forged)
  return { ...chain, entries, head: { ...chain.head, seq: chain.head.seq + 1 } }
}

const unchanged = (entry: AuditEntry) => entry

const later = (at: string) => new Date(Date.parse(at) + randomInt(1, 100_000)).toISOString()

/** Everything that somebody who may write to the tables could do to a chain whose entries up to 20 are anchored. */
export const tamperings: Readonly<Record<string, Tamper>> = {
  'a changed action': (chain) => edit(chain, () => ({ action: 'test.other' })),
  'a changed target': (chain) => edit(chain, () => ({ target: `session:${randomUUID()}` })),
  'changed details': (chain) => edit(chain, () => ({ details: { provider: 'apple' } })),
  'a changed time': (chain) => edit(chain, ({ occurred_at: at }) => ({ occurred_at: later(at) })),
  'a changed request': (chain) => edit(chain, () => ({ request_id: randomUUID() })),
  'a changed hash before': (chain) => edit(chain, () => ({ previous_hash: createHash('sha256').digest('hex') })),
  'a deleted entry': (chain) => {
    const { seq } = anyOf(chain)
    return { chain: { ...chain, entries: chain.entries.filter((entry) => entry.seq !== seq) }, expected: seq }
  },
  'a cut tail': (chain) => {
    const { seq } = anyOf(chain)
    return { chain: { ...chain, entries: chain.entries.filter((entry) => entry.seq < seq) }, expected: seq }
  },
  'two entries in each other’s place': (chain) => {
    const one = anyOf(chain)
    const other = anyOf({ ...chain, entries: chain.entries.filter(({ seq }) => seq !== one.seq) })
    const swapped = chain.entries.map((entry) => {
      if (entry.seq === one.seq) return { ...other, seq: one.seq }
      return entry.seq === other.seq ? { ...one, seq: other.seq } : entry
    })
    return { chain: { ...chain, entries: swapped }, expected: one.seq }
  },
  'an entry in front of the first, at no place': (chain) => {
    const forged = { ...anyOf(chain), seq: randomInt(-1_000, 1) }
    return { chain: { ...chain, entries: [forged, ...chain.entries] }, expected: forged.seq }
  },
  'an entry at place 0 with every hash right': (chain) => {
    const forged = { ...anyOf(chain), seq: 0, previous_hash: '00'.repeat(32) }
    return { chain: relinked({ ...chain, entries: [forged, ...chain.entries] }, 0, unchanged), expected: 0 }
  },
  'an entry in front, the others moved up with every hash right': (chain) => ({
    chain: relinked(withInsertion(chain, 1), 1, unchanged),
    expected: 20,
  }),
  'an entry in the middle, the later ones moved up': (chain) => {
    const { seq } = anyOf(chain)
    return { chain: withInsertion(chain, seq), expected: seq }
  },
  'an entry in the middle, the later ones moved up with every hash right, below the anchor': (chain) => {
    const { seq } = anyOf(chain, 20)
    return { chain: relinked(withInsertion(chain, seq), seq, unchanged), expected: 20 }
  },
  'an entry behind the head, with its hash right': (chain) => {
    const seq = chain.head.seq + 1
    return { chain: { ...relinked(withInsertion(chain, seq), seq, unchanged), head: chain.head }, expected: seq }
  },
  'a head moved far away': (chain) => ({
    chain: { ...chain, head: { ...chain.head, seq: randomInt(100, 2 ** 40) } },
    expected: chain.head.seq + 1,
  }),
  'a mark moved to the head': (chain) => ({
    chain: { ...chain, anchoredSeq: chain.head.seq },
    expected: chain.head.seq,
  }),
  'a tail cut with its head put back, below the anchor': (chain) => {
    const { seq, previous_hash: hash } = anyOf(chain, 20)
    const entries = chain.entries.filter((entry) => entry.seq < seq)
    return { chain: { ...chain, entries, head: { seq: seq - 1, hash } }, expected: 20 }
  },
  'a history written anew with every hash right, below the anchor': (chain) => {
    const { seq } = anyOf(chain, 20)
    return { chain: relinked(chain, seq, (entry) => ({ ...entry, action: 'test.other' })), expected: 20 }
  },
}

/** The chain as somebody leaves it who changes one entry and works out every hash from there on. */
export function relinked(chain: Chain, from: number, change: (entry: AuditEntry) => AuditEntry): Chain {
  const entries: AuditEntry[] = []
  for (const entry of chain.entries) {
    const previous_hash = entries.at(-1)?.hash ?? entry.previous_hash
    const { hash, ...rest } = { ...(entry.seq === from ? change(entry) : entry), previous_hash }
    const text = canonicalize({ chain_id: chain.chainId, ...rest }) ?? ''
    const right = entry.seq < from ? hash : createHash('sha256').update(text).digest('hex')
    entries.push({ ...rest, hash: right })
  }
  const last = entries.at(-1)
  return { ...chain, entries, head: last === undefined ? chain.head : { seq: last.seq, hash: last.hash } }
}
