import { randomBytes, randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { fly, flyAs, insertOf, type Answer, type Query } from '#test/rls/flight.ts'
import { another, insertRow, makePerson, type Person } from '#test/rls/people.ts'
import { rowOf } from '#test/rls/scene.ts'
import { connectTo, openScratchDatabase } from '#test/rls/scratch-database.ts'

let owner: Client
let edge: Client
let other: Client
let person: Person

beforeAll(async () => {
  const scratch = await openScratchDatabase('neuraform_data_keys')
  owner = scratch.owner
  ;[edge, other] = [await connectTo(scratch.edgeUrl), await connectTo(scratch.edgeUrl)]
})

afterAll(async () => {
  await Promise.all([owner.end(), edge.end(), other.end()])
})

beforeEach(async () => {
  person = await makePerson(owner)
})

const sealedUnder = (version: number) =>
  `\\x01${version.toString(16).padStart(4, '0')}${randomBytes(32).toString('hex')}`
const idOf = (table: string) => String(rowOf(person, table)['id'])
const retire = (newest: number): Query => ['select app.retire_data_keys($1, $2) as retired', person.userId, newest]
const versions = async () =>
  (await owner.query('select version from public.user_keys where user_id = $1 order by 1', [person.userId])).rows.map(
    ({ version }) => Number(version),
  )

/** A second key, under which all that the person has is sealed: the first one is needed no more. */
async function rotateAll(): Promise<void> {
  await insertRow(owner, 'user_keys', another('user_keys', rowOf(person, 'user_keys')))
  for (const [table, columns] of [
    ['users', ['first_name', 'last_name', 'birthdate']],
    ['messages', ['content']],
    ['memories', ['content']],
  ] as const) {
    const set = columns.map((column) => `${column} = set_byte(${column}, 2, 2)`).join()
    await owner.query(`update public.${table} set ${set} where ${table === 'users' ? 'id' : 'user_id'} = $1`, [
      person.userId,
    ])
  }
}

const newMessage = (version: number): Query =>
  insertOf('messages', { ...another('messages', rowOf(person, 'messages')), content: sealedUnder(version) })
const newTitle = (version: number): Query => [
  'update public.conversations set title = $1 where id = $2',
  Buffer.from(sealedUnder(version).slice(2), 'hex'),
  idOf('conversations'),
]

/** Starts a transaction of the person's that has run its statements and is still open. */
async function openFlight(queries: readonly Query[]): Promise<{ commit: () => Promise<unknown> }> {
  await edge.query('begin; set local role neuraform_user')
  await edge.query('select app.begin_session($1)', [person.tokenHash])
  for (const [text, ...values] of queries) await edge.query(text, values)
  return { commit: async () => await edge.query('commit') }
}

const pauseMs = 300
const isWaiting = async (answer: Promise<Answer>) =>
  await Promise.race([
    answer.then(() => false),
    new Promise<boolean>((resolve) => setTimeout(() => resolve(true), pauseMs)),
  ])

describe('a data key that is to be retired', () => {
  it.each([
    ['a message that is being written', newMessage],
    ['a title that is being changed', newTitle],
  ])('waits for %s under it, and then stays', async (_name, write) => {
    await rotateAll()
    const writer = await openFlight([write(1)])
    const retired = fly(other, 'jobs', [retire(2)], 'commit')
    expect(await isWaiting(retired)).toBe(true)
    await writer.commit()
    expect(await retired).toEqual({ rows: [{ retired: false }], count: 1 })
    expect(await versions()).toEqual([1, 2])
  })

  it('does not wait for what is written under the newest', async () => {
    await rotateAll()
    const writer = await openFlight([newMessage(2)])
    expect(await fly(other, 'jobs', [retire(2)], 'commit')).toEqual({ rows: [{ retired: true }], count: 1 })
    await writer.commit()
    expect(await versions()).toEqual([2])
  })

  it('goes before a writer who comes later, and who is refused', async () => {
    await rotateAll()
    await other.query('begin; set local role neuraform_jobs')
    await other.query(retire(2)[0], retire(2).slice(1))
    const written = flyAs(edge, person, [newMessage(1)], 'commit')
    expect(await isWaiting(written)).toBe(true)
    await other.query('commit')
    expect(await written).toMatchObject({ code: 'NF423' })
    expect(await versions()).toEqual([2])
  })

  it('stands in line behind an erasure of its person, and does not stand in its way', async () => {
    await rotateAll()
    // As erase_rows does it: the person first, then their chain, then all that is theirs.
    await owner.query('begin')
    await owner.query('select from public.users where id = $1 for update', [person.userId])
    await owner.query(`select app.append_event($1, 'account.erased', null, '{}', null)`, [person.userId])
    const ended = fly(other, 'jobs', [['select app.end_rotation($1, 2, null)', person.userId]], 'commit')
    expect(await isWaiting(ended)).toBe(true)
    await owner.query('delete from public.users where id = $1', [person.userId])
    await owner.query('commit')
    // Who is gone has no chain: the rotation hears that they are not there.
    expect(await ended).toMatchObject({ code: '23503', constraint: 'audit_chains_user_id_fkey' })
  })
})

describe('a sealed cell', () => {
  it('is refused under a key that its person does not have, in every column', async () => {
    const { rows } = await owner.query<{ table_name: string; column_name: string; owner_column: string }>(
      'select * from app.sealed_columns()',
    )
    const refused: string[] = []
    for (const { table_name: table, column_name: column, owner_column: key } of rows) {
      const update = `update public.${table} set ${column} = $1 where ${key} = $2`
      await owner.query(update, [Buffer.from(sealedUnder(1).slice(2), 'hex'), person.userId])
      const attempt = owner.query(update, [Buffer.from(sealedUnder(9).slice(2), 'hex'), person.userId])
      refused.push(
        await attempt.then(
          () => 'written',
          (error: { code: string }) => error.code,
        ),
      )
    }
    expect(rows.length).toBe(15)
    expect(refused).toEqual(rows.map(() => 'NF423'))
  })

  it('is refused in a new row too', async () => {
    for (const [table, column] of [
      ['messages', 'content'],
      ['conversations', 'title'],
      ['user_sessions', 'user_agent'],
      ['identities', 'email'],
      ['turns', 'checkpoint'],
      ['memories', 'content'],
    ] as const) {
      const row = { ...another(table, rowOf(person, table)), [column]: sealedUnder(9) }
      await expect(insertRow(owner, table, row)).rejects.toMatchObject({ code: 'NF423' })
    }
  })

  it('that is broken keeps nobody from changing another one of its row', async () => {
    const id = idOf('conversations')
    await owner.query(`begin; set local session_replication_role = replica;
      update public.conversations set summary = '${sealedUnder(9)}' where id = '${id}'; commit`)
    expect(await flyAs(edge, person, [newTitle(1)])).toMatchObject({ count: 1 })
  })
})

describe('the cells of an older key', () => {
  it('come in batches that leave none out and name none twice', async () => {
    await insertRow(owner, 'user_keys', another('user_keys', rowOf(person, 'user_keys')))
    for (let n = 0; n < 6; n += 1) await flyAs(edge, person, [newMessage(1)], 'commit')
    await flyAs(edge, person, [newMessage(2)], 'commit')
    const stranger = await makePerson(owner)
    const seen: string[] = []
    let after: { place: number; row_id: string | null } = { place: 1, row_id: null }
    for (let batch = 0; batch < 20; batch += 1) {
      const { rows } = await owner.query<{ place: number; row_id: string; column_name: string }>(
        'select place, row_id, column_name from app.stale_cells($1, 2, $2, $3, 2)',
        [person.userId, after.place, after.row_id],
      )
      seen.push(...rows.map(({ column_name: column, row_id: id }) => `${column} ${id}`))
      after = rows.at(-1) ?? after
      if (rows.length < 2) break
    }
    const names = ['first_name', 'last_name', 'birthdate'].map((column) => `${column} ${person.userId}`)
    const { rows: said } = await owner.query<{ id: string }>(
      'select id from public.messages where user_id = $1 and get_byte(content, 2) = 1 order by id',
      [person.userId],
    )
    expect(seen).toEqual([...names, ...said.map(({ id }) => `content ${id}`), `content ${idOf('memories')}`])
    expect(said.length).toBe(7)
    expect(seen.join()).not.toContain(stranger.userId)
  })
})

describe('what is found broken', () => {
  const entry = (fingerprint: string) =>
    JSON.stringify([{ action: 'seal.broken', target: `messages.content:${randomId}`, details: { fingerprint } }])
  const randomId = randomUUID()
  const recorded = async () =>
    (
      await owner.query(
        `select l.details ->> 'fingerprint' as fingerprint from public.audit_log l join public.audit_chains c using (chain_id)
         where c.user_id = $1 and l.action = 'seal.broken' order by l.seq`,
        [person.userId],
      )
    ).rows.map(({ fingerprint }) => String(fingerprint))

  it('is one entry, however many find it at once, and another one once it is broken otherwise', async () => {
    const record = (fingerprint: string): Query => ['select app.record_breakages($1, null)', entry(fingerprint)]
    const first = await openFlight([record('a')])
    const second = fly(
      other,
      'jobs',
      [['select app.record_service_breakages($1, $2, null)', person.userId, entry('a')]],
      'commit',
    )
    expect(await isWaiting(second)).toBe(true)
    await first.commit()
    expect(await second).toMatchObject({ count: 1 })
    expect(await recorded()).toEqual(['a'])
    await flyAs(edge, person, [record('b'), record('a'), record('b')], 'commit')
    expect(await recorded()).toEqual(['a', 'b'])
  })
})
