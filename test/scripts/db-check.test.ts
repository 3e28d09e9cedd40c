import { randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findBrokenRows, findBrokenStores } from '#scripts/check/find-broken.ts'
import { makePerson, type Person } from '#test/rls/people.ts'
import { openScratchDatabase } from '#test/rls/scratch-database.ts'

let owner: Client

beforeAll(async () => {
  owner = (await openScratchDatabase('neuraform_check')).owner
})

afterAll(async () => {
  await owner.end()
})

const idIn = (person: Person, table: string, column = 'id') => String(person.rows.get(table)?.[column])

/** What can be broken, as somebody at the database's own console would, and what of it is named. */
const breakages: Readonly<Record<string, (person: Person) => readonly [text: string, subject: string]>> = {
  'a message is of its conversation’s person': (person) => [
    `update public.messages set user_id = gen_random_uuid() where id = '${idIn(person, 'messages')}'`,
    idIn(person, 'messages'),
  ],
  'no turn streams for longer than 20 minutes': (person) => [
    `update public.turns set started_at = now() - interval '21 minutes' where id = '${idIn(person, 'turns')}'`,
    idIn(person, 'turns'),
  ],
  'a complete turn has its reply': (person) => [
    `update public.turns set state = 'complete', ended_at = now() where id = '${idIn(person, 'turns')}'`,
    idIn(person, 'turns'),
  ],
  'a conversation counts its messages': (person) => [
    `update public.conversations set message_count = 7 where id = '${idIn(person, 'conversations')}'`,
    idIn(person, 'conversations'),
  ],
  'a person has an identity': (person) => [
    `delete from public.identities where user_id = '${person.userId}'`,
    person.userId,
  ],
  'a person has a data key': (person) => [
    `delete from public.user_keys where user_id = '${person.userId}'`,
    person.userId,
  ],
  'an account that has ended has no live session': (person) => [
    `update public.users set is_active = false where id = '${person.userId}'`,
    idIn(person, 'user_sessions'),
  ],
  'an erasure is finished within an hour': (person) => [
    `update public.erasures set requested_at = now() - interval '61 minutes' where user_id = '${person.userId}'`,
    idIn(person, 'erasures'),
  ],
  'an account that has ended has an erasure': (person) => [
    `delete from public.erasures where user_id = '${person.userId}'; update public.users set is_active = false where id = '${person.userId}'`,
    person.userId,
  ],
  'a chain’s head is its last entry': (person) => [
    `update public.audit_chains set head_seq = 9 where user_id = '${person.userId}'`,
    idIn(person, 'audit_chains', 'chain_id'),
  ],
  'an audit chain is as it was written': (person) => [
    `update public.audit_log set action = 'test.other' where chain_id = '${idIn(person, 'audit_chains', 'chain_id')}'`,
    `${idIn(person, 'audit_chains', 'chain_id')}, entry 1: changed`,
  ],
}

describe('the check of a database', () => {
  it('finds nothing where everything holds', async () => {
    await makePerson(owner)
    expect(await findBrokenRows(owner, new Map())).toEqual([])
  })

  it.each(Object.entries(breakages))('finds and names what breaks it: %s', async (invariant, breaks) => {
    const person = await makePerson(owner)
    const [text, subject] = breaks(person)
    await owner.query(`begin; set local session_replication_role = replica; ${text}; commit`)
    const broken = await findBrokenRows(owner, new Map())
    expect(broken).toContainEqual({ invariant: invariant.replace('’', "'"), subject })
    await owner.query(`begin; set local session_replication_role = replica;
      delete from public.audit_log; delete from public.audit_chains; delete from public.erasures; commit;
      delete from public.users`)
    expect(await findBrokenRows(owner, new Map())).toEqual([])
  })

  it('knows every invariant that the database does', async () => {
    const { rows } = await owner.query<{ body: string }>(
      `select prosrc as body from pg_proc where proname = 'broken_invariants'`,
    )
    const listed = [...(rows[0]?.body ?? '').matchAll(/^\s*select '((?:[^']|'')+)'/gm)].map(([, name]) =>
      name?.replaceAll("''", '’'),
    )
    expect(listed.length).toBe(10)
    expect(Object.keys(breakages)).toEqual([...listed, 'an audit chain is as it was written'])
  })
})

it('finds audit entries that were anchored and are gone', async () => {
  const chainId = randomUUID()
  const anchors = new Map([[chainId, [{ seq: 3, hash: '00' }]]])
  expect(await findBrokenRows(owner, anchors)).toContainEqual({
    invariant: 'an audit chain is as it was written',
    subject: `${chainId}, entry 3: not as anchored`,
  })
})

it('finds audio without a row, rows without audio, and cached lines that lead nowhere', async () => {
  const person = await makePerson(owner)
  const key = idIn(person, 'voice_data', 'r2_key')
  const bucketOf = (keys: readonly string[]) => ({
    list: async () => ({ objects: keys.map((one) => ({ key: one })), truncated: false }),
    get: async () => null,
    head: async () => null,
  })
  const storesWith = (keys: readonly string[], leadsTo: string) => ({
    audio: bucketOf(keys),
    anchors: bucketOf([]),
    speechIndex: {
      list: async () => ({ keys: [{ name: 'speech/1/a' }], list_complete: true }),
      get: async () => JSON.stringify({ r2_key: leadsTo }),
    },
    [Symbol.asyncDispose]: async () => undefined,
  })
  expect(await findBrokenStores(owner, storesWith([key], key))).toEqual([])
  expect(await findBrokenStores(owner, storesWith(['u/x'], 'u/y'))).toEqual([
    { invariant: 'audio of a row is in the bucket', subject: key },
    { invariant: 'audio in the bucket has a row', subject: 'u/x' },
    { invariant: 'a cached line leads to audio', subject: 'speech/1/a' },
  ])
})
