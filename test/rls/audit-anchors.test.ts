import { randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readAnchors } from '#scripts/audit/read-anchors.ts'
import { readChains } from '#scripts/audit/read-chains.ts'
import { verifyChain, type Finding } from '#scripts/audit/verify-chain.ts'
import { makePerson } from '#test/rls/people.ts'
import { openScratchDatabase } from '#test/rls/scratch-database.ts'

let owner: Client
let chainId: string
/** What the bucket holds, by key. */
let objects: Map<string, string>

beforeAll(async () => {
  owner = (await openScratchDatabase('neuraform_anchors')).owner
})

afterAll(async () => {
  await owner.end()
})

beforeEach(async () => {
  objects = new Map()
  chainId = String((await makePerson(owner)).rows.get('audit_chains')?.['chain_id'])
})

const write = async (entries: number) =>
  await owner.query(
    `insert into public.audit_log (chain_id, action) select $1, 'session.revoked' from generate_series(1, $2::int)`,
    [chainId, entries],
  )

/** Anchors every chain as the daily job does, and returns the key of the object. */
async function anchor(): Promise<string> {
  const { rows } = await owner.query<{ chain_id: string; seq: string; hash: Buffer }>(
    'select chain_id, seq, hash from app.heads_to_anchor(null, 100000)',
  )
  const heads = rows.map(({ chain_id, seq, hash }) => ({ chain_id, seq: Number(seq), hash: hash.toString('hex') }))
  const key = `audit/2026-01-01/${randomUUID()}.json`
  objects.set(key, JSON.stringify({ anchored_at: new Date().toISOString(), heads }))
  await owner.query('select app.mark_anchored(array_agg(chain_id), array_agg(seq)) from app.unanchored_heads(100000)')
  return key
}

const bucket = () => ({
  list: async () => ({ objects: [...objects.keys()].map((key) => ({ key })), truncated: false }),
  get: async (key: string) => {
    const text = objects.get(key)
    return text === undefined ? null : { text: async () => text }
  },
})

/** What is found of the chain, so many hours from now; with every chain read, so that none ends the look. */
async function findings(hours = 0): Promise<readonly Finding[]> {
  const found: Finding[] = []
  for await (const chain of readChains(owner, await readAnchors(bucket()))) {
    if (chain.chainId === chainId) found.push(...verifyChain(chain, Date.now() + hours * 3_600_000))
  }
  return found
}

const change = async (text: string) =>
  await owner.query(`begin; set local session_replication_role = replica; ${text}; commit`)

describe('anchors', () => {
  it('that cover all that is older than 36 hours leave nothing to find', async () => {
    await write(4)
    expect(await findings(35)).toEqual([])
    await anchor()
    await write(1)
    expect([await findings(35), objects.size]).toEqual([[], 1])
  })

  it('are missed where the mark was moved to the head, whether the tail was cut then or not', async () => {
    await write(4)
    await anchor()
    await write(4)
    await owner.query('update public.audit_chains set anchored_seq = head_seq where chain_id = $1', [chainId])
    expect(await findings()).toEqual([{ chainId, seq: 9, fault: 'not anchored' }])
    await change(`delete from public.audit_log where chain_id = '${chainId}' and seq > 7;
      update public.audit_chains c set head_seq = 7, anchored_seq = 7, head_hash = l.hash from public.audit_log l
        where c.chain_id = '${chainId}' and l.chain_id = c.chain_id and l.seq = 7`)
    expect(await findings()).toEqual([{ chainId, seq: 7, fault: 'not anchored' }])
  })

  it('are made of a chain that grew, although its mark was moved to the head', async () => {
    await write(4)
    await owner.query('update public.audit_chains set anchored_seq = head_seq where chain_id = $1', [chainId])
    await anchor()
    expect(await findings()).toEqual([])
  })

  it('are missed where the bucket was emptied', async () => {
    await write(4)
    await anchor()
    objects.clear()
    expect(await findings()).toEqual([{ chainId, seq: 5, fault: 'not anchored' }])
  })

  it('are missed where the newest object is gone', async () => {
    await anchor()
    await write(4)
    const newest = await anchor()
    objects.delete(newest)
    expect(await findings()).toEqual([{ chainId, seq: 5, fault: 'not anchored' }])
  })

  it.each([
    ['never was one', 0, 1],
    ['was one before the chain grew', 1, 2],
  ])('are missed after 36 hours where nobody makes any and there %s', async (_name, times, seq) => {
    if (times > 0) await anchor()
    await write(4)
    expect(await findings(35)).toEqual([])
    expect(await findings(37)).toEqual([{ chainId, seq, fault: 'not anchored' }])
  })

  it.each([
    ['no JSON', '{"anchored_at": "2026'],
    ['no anchor', '{"heads": [7]}'],
  ])('among which one is %s are read but for that one, which is named', async (_name, text) => {
    await anchor()
    const corrupt = `audit/2026-01-02/${randomUUID()}.json`
    objects.set(corrupt, text)
    expect((await readAnchors(bucket())).unreadable).toEqual([corrupt])
    expect(await findings()).toEqual([])
    await change(`update public.audit_log set hash = previous_hash where chain_id = '${chainId}' and seq = 1`)
    expect(await findings()).toContainEqual({ chainId, seq: 1, fault: 'not as anchored' })
  })
})
