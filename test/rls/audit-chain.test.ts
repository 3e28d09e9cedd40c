import { randomBytes } from 'node:crypto'
import { Pool, type Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verifyChain, type AuditEntry, type ChainHead } from '#scripts/audit/verify-chain.ts'
import { chainIdOf, chainOf, personWithChain, recordOne } from '#test/rls/chains.ts'
import { fly, flyAs } from '#test/rls/flight.ts'
import { makePerson } from '#test/rls/people.ts'
import { connectTo, openScratchDatabase } from '#test/rls/scratch-database.ts'
import { copyOf, relinked, tamperings } from '#test/rls/tamperings.ts'

let owner: Client
let edge: Client
let edgeUrl: string

beforeAll(async () => {
  const scratch = await openScratchDatabase('neuraform_audit')
  owner = scratch.owner
  edgeUrl = scratch.edgeUrl
  edge = await connectTo(edgeUrl)
})

afterAll(async () => {
  await edge.end()
  await owner.end()
})

const anchorAt = (entries: readonly AuditEntry[], seq: number): ChainHead[] =>
  entries.filter((entry) => entry.seq === seq).map(({ hash }) => ({ seq, hash }))

describe('a chain', () => {
  it('as it was written is right to the database and to whoever works it out again', async () => {
    const person = await personWithChain(owner, edge, 20)
    const chain = await chainOf(owner, person)
    expect([chain.entries.length, chain.head.seq]).toEqual([20, 20])
    expect(verifyChain(chain)).toEqual([])
    const own = await flyAs(edge, person, [['select head_seq, broken_at from app.own_chain()']])
    expect(own).toEqual({ rows: [{ head_seq: '20', broken_at: null }], count: 1 })
  })

  it('of a thousand entries is worked out over its newest 500, and what is done to those is seen', async () => {
    const person = await makePerson(owner)
    await owner.query(
      `insert into public.audit_log (chain_id, action) select $1, 'test.done' from generate_series(1, 999)`,
      [chainIdOf(person)],
    )
    const brokenAt = async () => await flyAs(edge, person, [['select broken_at from app.own_chain()']])
    const cases = [
      ['select 1', null],
      ["update public.audit_log set action = 'test.other' where seq = 400", null],
      ['update public.audit_log set hash = previous_hash where seq = 500', '501'],
      ["update public.audit_log set action = 'test.other' where seq = 501", '501'],
      ['delete from public.audit_log where seq = 700', '700'],
      ['delete from public.audit_log where seq > 990', '991'],
      ['delete from public.audit_log where seq > 200', '501'],
    ] as const
    for (const [change, place] of cases) {
      await owner.query('begin; set local session_replication_role = replica')
      await owner.query(change === 'select 1' ? change : `${change} and chain_id = '${chainIdOf(person)}'`)
      const { rows } = await owner.query(
        `select set_config('app.user_id', $1, true), (select broken_at from app.own_chain())`,
        [person.userId],
      )
      await owner.query('rollback')
      expect([change, rows[0]?.broken_at]).toEqual([change, place])
    }
    expect(await brokenAt()).toMatchObject({ rows: [{ broken_at: null }] })
  })

  it('of fifty writers at once has no fork and no gap', async () => {
    const person = await makePerson(owner)
    const pool = new Pool({ connectionString: edgeUrl, max: 50 })
    const write = async () => {
      const client = await pool.connect()
      try {
        await client.query('begin; set local role neuraform_auth')
        await client.query('select app.record_service_event($1, $2, null, $3, null)', [
          person.userId,
          'sign_in.succeeded',
          {},
        ])
        await client.query('commit')
      } finally {
        client.release()
      }
    }
    await Promise.all(Array.from({ length: 200 }, write))
    await pool.end()
    const chain = await chainOf(owner, person)
    expect(chain.entries.map(({ seq }) => seq)).toEqual(Array.from({ length: 201 }, (_, index) => index + 1))
    expect(verifyChain(chain)).toEqual([])
  })

  it('is begun once by writers who all find none', async () => {
    const userId = await newUserWithoutChain()
    const clients = await Promise.all(Array.from({ length: 8 }, () => connectTo(edgeUrl)))
    const answers = await Promise.all(
      clients.map((client) =>
        fly(
          client,
          'auth',
          [['select app.record_service_event($1, $2, null, $3, null)', userId, 'sign_in.succeeded', {}]],
          'commit',
        ),
      ),
    )
    await Promise.all(clients.map((client) => client.end()))
    expect(answers.map((answer) => 'count' in answer)).toEqual(clients.map(() => true))
    const { rows } = await owner.query('select head_seq from public.audit_chains where user_id = $1', [userId])
    expect(rows).toEqual([{ head_seq: '8' }])
  })

  it('takes nothing that its writer says of place, time, hash or the hash before', async () => {
    const person = await personWithChain(owner, edge, 2)
    await owner.query(
      `insert into public.audit_log (chain_id, seq, action, occurred_at, previous_hash, hash)
       values ($1, 77, 'test.forged', '2001-01-01', $2, $2)`,
      [chainIdOf(person), randomBytes(32)],
    )
    expect(verifyChain(await chainOf(owner, person))).toEqual([])
  })

  it('is changed by nobody, not even by the tables’ owner or a superuser who does not mean to', async () => {
    const person = await personWithChain(owner, edge, 2)
    const where = `where chain_id = '${chainIdOf(person)}'`
    const attempts = [
      `update public.audit_log set action = 'x.y' ${where}`,
      `delete from public.audit_log ${where}`,
      'truncate public.audit_log',
    ]
    for (const attempt of attempts) {
      await expect(owner.query(attempt)).rejects.toMatchObject({ code: '42501' })
      for (const role of ['user', 'auth', 'jobs', 'visitor'] as const) {
        expect(await fly(edge, role, [[attempt]])).toMatchObject({ code: '42501' })
      }
    }
    expect(verifyChain(await chainOf(owner, person))).toEqual([])
  })

  it.each([
    ['a number', { n: 1 }],
    ['words beyond ASCII', { name: 'Zoë' }],
    ['a list of a number', { deep: [{ n: 0.1 }] }],
    ['a long text', { text: 'x'.repeat(1_001) }],
    ['no object', 'text'],
  ])('has no place for details with %s, whose hash could be disputed', async (_name, details) => {
    const person = await makePerson(owner)
    const answer = await flyAs(edge, person, [[recordOne, 'session.revoked', null, JSON.stringify(details), null]])
    expect(answer).toMatchObject({ code: '23514', constraint: 'audit_log_details_check' })
  })
})

describe('tampering', () => {
  it('is found and named, a hundred times of each kind', { timeout: 60_000 }, async () => {
    const person = await personWithChain(owner, edge, 24)
    const whole = await chainOf(owner, person)
    const chain = { ...whole, anchors: anchorAt(whole.entries, 20) }
    expect(verifyChain(chain)).toEqual([])
    const kinds = Object.entries(tamperings)
    const missed: string[] = []
    for (let n = 0; n < 100 * kinds.length; n += 1) {
      const [kind, tamper] = kinds[n % kinds.length] ?? ['', () => ({ chain, expected: -1 })]
      const { chain: tampered, expected } = tamper(copyOf(chain))
      const found = verifyChain(tampered)
      if (!found.some(({ seq }) => seq === expected)) missed.push(`${kind} at ${expected}: ${JSON.stringify(found)}`)
    }
    expect(missed).toEqual([])
    expect(kinds.length).toBeGreaterThanOrEqual(19)
  })

  it('that works out every hash anew, behind the last anchor, is not found: that is what an anchor is for', async () => {
    const person = await personWithChain(owner, edge, 10)
    const whole = await chainOf(owner, person)
    const chain = copyOf({ ...whole, anchors: anchorAt(whole.entries, 5) })
    const after = relinked(chain, 8, (entry) => ({ ...entry, action: 'test.rewritten' }))
    expect(verifyChain(after)).toEqual([])
    expect(verifyChain({ ...after, anchors: anchorAt(whole.entries, 10) })).toEqual([
      { chainId: chain.chainId, seq: 10, fault: 'not as anchored' },
    ])
  })

  it.each([
    ['a changed entry', `update public.audit_log set target = 'session:other' where seq = 4`, 4],
    ['a deleted entry', 'delete from public.audit_log where seq = 4', 4],
    ['a cut tail', 'delete from public.audit_log where seq > 6', 7],
    ['a head put back', 'update public.audit_chains set head_seq = 5 where true', 6],
  ])('in the database itself is seen by its owner too: %s', async (_name, change, place) => {
    const person = await personWithChain(owner, edge, 8)
    await owner.query('begin; set local session_replication_role = replica')
    await owner.query(`${change} and chain_id = '${chainIdOf(person)}'`)
    await owner.query('commit')
    const own = await flyAs(edge, person, [['select broken_at from app.own_chain()']])
    expect(own).toMatchObject({ rows: [{ broken_at: String(place) }] })
    expect(verifyChain(await chainOf(owner, person)).map(({ seq }) => seq)).toContain(place === 6 ? 8 : place)
  })
})

async function newUserWithoutChain(): Promise<string> {
  const { userId } = await makePerson(owner)
  await owner.query('update public.audit_chains set user_id = null where user_id = $1', [userId])
  return userId
}
