import { createHash, randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verifyChain } from '#scripts/audit/verify-chain.ts'
import { chainIdOf, chainOf, personWithChain, recordOne } from '#test/rls/chains.ts'
import { fly, flyAs } from '#test/rls/flight.ts'
import { makePerson } from '#test/rls/people.ts'
import { connectTo, openScratchDatabase } from '#test/rls/scratch-database.ts'

let owner: Client
let edge: Client

beforeAll(async () => {
  const scratch = await openScratchDatabase('neuraform_forgeries')
  owner = scratch.owner
  edge = await connectTo(scratch.edgeUrl)
})

afterAll(async () => {
  await Promise.all([owner.end(), edge.end()])
})

describe('a place that nobody gave', () => {
  it('is refused in front of the first entry, and seen by everybody where the rule was taken away', async () => {
    const person = await personWithChain(owner, edge, 3)
    const forge = `begin; set local session_replication_role = replica;
      insert into public.audit_log select chain_id, 0, action, target, details, request_id, occurred_at, previous_hash, hash
        from public.audit_log where seq = 1 and chain_id = '${chainIdOf(person)}'; commit`
    await expect(owner.query(forge)).rejects.toMatchObject({ constraint: 'audit_log_seq_check' })
    await owner.query('rollback; alter table public.audit_log drop constraint audit_log_seq_check')
    await owner.query(
      `${forge}; alter table public.audit_log add constraint audit_log_seq_check check (seq >= 1) not valid`,
    )
    expect(verifyChain(await chainOf(owner, person))).toContainEqual({
      chainId: chainIdOf(person),
      seq: 0,
      fault: 'out of place',
    })
    const own = await flyAs(edge, person, [['select broken_at from app.own_chain()']])
    expect(own).toMatchObject({ rows: [{ broken_at: '0' }] })
  })

  it('is one finding for all that are missing, however far away somebody puts the head', async () => {
    const person = await personWithChain(owner, edge, 2)
    const chainId = chainIdOf(person)
    for (const head of ['500000000', '9223372036854775807']) {
      await owner.query('update public.audit_chains set head_seq = $2 where chain_id = $1', [chainId, head])
      const missing = { chainId, seq: 3, upTo: Number(head), fault: 'missing' }
      expect(verifyChain(await chainOf(owner, person))).toEqual([missing])
      const own = await flyAs(edge, person, [['select broken_at from app.own_chain()']])
      expect(own).toMatchObject({ rows: [{ broken_at: String(BigInt(head) - 499n) }] })
      const heads = [['select from app.heads_to_anchor(null, 1000) where chain_id = $1', chainId]] as const
      expect(await fly(edge, 'jobs', heads)).toMatchObject({ count: head === '500000000' ? 1 : 0 })
    }
  })

  it('and a time that no calendar knows are faults, and end no verification', async () => {
    const person = await personWithChain(owner, edge, 2)
    const where = `where chain_id = '${chainIdOf(person)}' and seq = 2`
    await owner.query(`begin; set local session_replication_role = replica;
      update public.audit_log set occurred_at = 'infinity', seq = 9223372036854775807 ${where}; commit`)
    const faults = verifyChain(await chainOf(owner, person)).map(({ fault }) => fault)
    expect(faults).toEqual(['changed', 'missing', 'not the head'])
  })
})

describe('a chain that was hung to nobody', () => {
  it('leaves its person none, and one that begins anew is broken from its first entry', async () => {
    const person = await personWithChain(owner, edge, 2)
    await owner.query('update public.audit_chains set user_id = null where chain_id = $1', [chainIdOf(person)])
    expect(await flyAs(edge, person, [['select from app.own_chain()']])).toMatchObject({ count: 0 })
    await flyAs(edge, person, [[recordOne, 'session.revoked', null, {}, null]], 'commit')
    const own = await flyAs(edge, person, [['select head_seq, broken_at from app.own_chain()']])
    expect(own).toMatchObject({ rows: [{ head_seq: '1', broken_at: '1' }] })
  })
})

describe('a hash', () => {
  it('is of the canonical JSON, whatever its details are', async () => {
    const details = [
      {},
      { b: 'x', aa: 'y', B: 'z', _: true, 'odd "key"\\': 'a "quoted" \\ text ~/', empty: '', null: null },
      { nested: { z: ['a', { y: false, x: null }], a: {} }, list: [] },
    ]
    const hash = `\\x${'ab'.repeat(32)}`
    const row = {
      chain_id: randomUUID(),
      seq: 7,
      action: 'test.done',
      occurred_at: '2026-01-02T03:04:05.006+02:00',
      hash,
    }
    const bare = details.map((each) => Object.assign({ details: each, previous_hash: hash }, row))
    const whole = bare.map((each) => Object.assign({ request_id: randomUUID(), target: 'session:it' }, each))
    for (const one of bare.concat(whole)) {
      const { rows } = await owner.query(
        `select app.audit_hash(l) as hash, app.canonical_json(to_jsonb(l) - 'hash' || jsonb_build_object(
           'previous_hash', encode(l.previous_hash, 'hex'), 'occurred_at', '2026-01-02T01:04:05.006Z')) as text
         from jsonb_populate_record(null::public.audit_log, $1) l`,
        [JSON.stringify(one)],
      )
      expect(rows[0]?.hash).toEqual(createHash('sha256').update(rows[0]?.text).digest())
    }
  })

  it('of each of the newest 500 is worked out in one call when a person looks at their chain', async () => {
    const person = await makePerson(owner)
    await owner.query(
      `insert into public.audit_log (chain_id, action, details)
       select $1, 'session.revoked', '{"reason": "test", "again": true}' from generate_series(1, 600)`,
      [chainIdOf(person)],
    )
    await owner.query(`begin; set local track_functions = 'all'`)
    await owner.query(`select set_config('app.user_id', $1, true), (select broken_at from app.own_chain())`, [
      person.userId,
    ])
    const { rows } = await owner.query(
      `select funcname as name, calls::int from pg_stat_xact_user_functions
       where schemaname = 'app' and funcname <> 'current_user_id' order by 1`,
    )
    await owner.query('rollback')
    expect(rows).toEqual([
      { name: 'audit_hash', calls: 500 },
      { name: 'own_chain', calls: 1 },
    ])
  })
})
