import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { findBrokenRows, findBrokenStores } from '#scripts/check/find-broken.ts'
import { insertRow, makePerson, type Person } from '#test/rls/people.ts'
import { openScratchDatabase } from '#test/rls/scratch-database.ts'
import { ownerUrlOf, putObject, runScript } from '#test/scripts/run-script.ts'

const databaseName = 'neuraform_check'
let owner: Client

beforeAll(async () => {
  owner = (await openScratchDatabase(databaseName)).owner
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
  'a conversation ends with one of its messages': (person) => [
    `update public.conversations set leaf_message_id = gen_random_uuid() where id = '${idIn(person, 'conversations')}'`,
    idIn(person, 'conversations'),
  ],
  'a day’s sums are those of its ledger': (person) => [
    `update public.usage_days set day = (now() at time zone 'utc')::date, spent = 7 where user_id = '${person.userId}'`,
    `${person.userId} ${new Date().toISOString().slice(0, 10)} llm_tokens`,
  ],
  'what a companion remembers was drawn from something': (person) => [
    `delete from public.memory_sources where user_id = '${person.userId}'`,
    idIn(person, 'memories'),
  ],
  'a memory is drawn from a person’s own words': (person) => [
    `update public.messages set role = 'assistant', origin = 'external' where id = '${idIn(person, 'messages')}'`,
    idIn(person, 'memories'),
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
  'a live account has one chain, which begins with its registration': (person) => [
    `update public.audit_chains set user_id = null where user_id = '${person.userId}';
     insert into public.audit_chains (user_id) values ('${person.userId}')`,
    person.userId,
  ],
  'a chain of nobody’s ends with an erasure': (person) => [
    `update public.audit_chains set user_id = null where user_id = '${person.userId}'`,
    idIn(person, 'audit_chains', 'chain_id'),
  ],
  'an entry about a session is on its person’s chain': (person) => [
    `update public.audit_chains set user_id = gen_random_uuid() where user_id = '${person.userId}'`,
    idIn(person, 'user_sessions'),
  ],
  'an audit chain is as it was written': (person) => [
    `update public.audit_log set action = 'test.other' where chain_id = '${idIn(person, 'audit_chains', 'chain_id')}'`,
    `chain ${idIn(person, 'audit_chains', 'chain_id')}, entry 1: changed`,
  ],
}

describe('the check of a database', () => {
  it('finds nothing where everything holds', async () => {
    await makePerson(owner)
    expect(await findBrokenRows(owner, undefined)).toEqual([])
  })

  it.each(Object.entries(breakages))('finds and names what breaks it: %s', async (invariant, breaks) => {
    const person = await makePerson(owner)
    const [text, subject] = breaks(person)
    await owner.query(`begin; set local session_replication_role = replica; ${text}; commit`)
    const broken = await findBrokenRows(owner, undefined)
    expect(broken).toContainEqual({ invariant: invariant.replace('’', "'"), subject })
    await owner.query(`begin; set local session_replication_role = replica;
      delete from public.audit_log; delete from public.audit_chains; delete from public.erasures; commit;
      delete from public.users`)
    expect(await findBrokenRows(owner, undefined)).toEqual([])
  })

  it('names a thousand rows of one fault, says that there are more, and hides no other fault behind them', async () => {
    await owner.query(`begin; insert into public.erasures (id, requested_at)
      select gen_random_uuid(), now() - interval '2 hours' from generate_series(1, 1001)`)
    const person = await makePerson(owner)
    await owner.query('delete from public.identities where user_id = $1', [person.userId])
    await owner.query('commit')
    const broken = await findBrokenRows(owner, undefined)
    const late = broken.filter(({ invariant }) => invariant === 'an erasure is finished within an hour')
    expect([late.length, late.at(-1)?.subject]).toEqual([1_001, 'and more'])
    expect(broken).toContainEqual({ invariant: 'a person has an identity', subject: person.userId })
    await owner.query(`begin; set local session_replication_role = replica; delete from public.audit_log;
      delete from public.audit_chains; delete from public.erasures; commit; delete from public.users`)
  })

  it('knows every invariant that the database does', async () => {
    const { rows } = await owner.query<{ body: string }>(
      `select prosrc as body from pg_proc where proname = 'broken_invariants'`,
    )
    const listed = [...(rows[0]?.body ?? '').matchAll(/^\s*select '((?:[^']|'')+)'/gm)].map(([, name]) =>
      name?.replaceAll("''", '’'),
    )
    expect(listed.length).toBe(17)
    expect(Object.keys(breakages)).toEqual([...listed, 'an audit chain is as it was written'])
  })
})

it('finds audit entries that were anchored and are gone', async () => {
  const chainId = randomUUID()
  const anchors = { heads: new Map([[chainId, [{ seq: 3, hash: '00' }]]]), unreadable: ['audit/2026-01-01/x.json'] }
  expect(await findBrokenRows(owner, anchors)).toEqual([
    { invariant: 'an anchor can be read', subject: 'audit/2026-01-01/x.json' },
    { invariant: 'an audit chain is as it was written', subject: `chain ${chainId}, entry 0: not the head` },
    { invariant: 'an audit chain is as it was written', subject: `chain ${chainId}, entry 3: not as anchored` },
  ])
})

it('finds audio without a row, rows without audio but for recordings that are being taken in, and cached lines that lead nowhere', async () => {
  const person = await makePerson(owner)
  const key = idIn(person, 'voice_data', 'r2_key')
  const recording = `u/${person.userId}/r/1`
  const shared = 'shared/v/1'
  const row = { id: randomUUID(), audio_bytes: 1, duration_ms: 1, codec: 'wav' }
  await insertRow(owner, 'voice_data', { ...row, user_id: person.userId, kind: 'recording', r2_key: recording })
  const pending = `u/${person.userId}/r/2`
  await insertRow(owner, 'voice_data', {
    ...row,
    id: randomUUID(),
    user_id: person.userId,
    kind: 'recording',
    r2_key: pending,
    audio_bytes: 0,
  })
  await insertRow(owner, 'shared_speech', { ...row, cache_key: '\\x0a', r2_key: shared, voice: 'x', provider: 'x' })
  const bucketOf = (keys: readonly string[]) => ({
    list: async ({ prefix = '' } = {}) => ({
      objects: keys.filter((one) => one.startsWith(prefix)).map((one) => ({ key: one })),
      truncated: false,
    }),
    get: async () => null,
    head: async () => null,
  })
  const storesWith = (keys: readonly string[], leadsTo: string) => ({
    audio: bucketOf(keys),
    anchors: bucketOf([]),
    speechIndex: {
      list: async () => ({ keys: [{ name: 'speech/2/a' }], list_complete: true }),
      get: async () => JSON.stringify({ r2_key: leadsTo }),
    },
    [Symbol.asyncDispose]: async () => undefined,
  })
  const held = [key, recording, shared]
  // Without its track a line is made anew.
  expect(await findBrokenStores(owner, storesWith(held, key))).toEqual([])
  expect(await findBrokenStores(owner, storesWith([...held, pending], key))).toEqual([])
  expect(await findBrokenStores(owner, storesWith([...held, `${key}/track`, `${shared}/track`], shared))).toEqual([])
  const strays = ['u/x', 'shared/v/2', 'shared/v/2/track', `${key}/track`]
  const broken = await findBrokenStores(owner, storesWith([...strays, 'elsewhere/x'], 'u/y'))
  const byName = ({ subject: one }: { subject: string }, { subject: other }: { subject: string }) =>
    one < other ? -1 : 1
  expect(broken.toSorted(byName)).toEqual(
    [
      ...held.map((subject) => ({ invariant: 'audio of a row is in the bucket', subject })),
      ...strays.slice(0, 3).map((subject) => ({ invariant: 'audio in the bucket has a row', subject })),
      { invariant: 'a cached line leads to audio', subject: 'speech/2/a' },
    ].toSorted(byName),
  )
  await owner.query('delete from public.shared_speech')
})

it('prints what is broken between rows and stores, and ends with 1', { timeout: 180_000 }, async () => {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'neuraform-check-'))
  onTestFinished(async () => await rm(stateDirectory, { recursive: true, force: true }))
  const alone = { DATABASE_URL: ownerUrlOf(databaseName) }
  await owner.query(`begin; set local session_replication_role = replica; delete from public.audit_log;
    delete from public.audit_chains; delete from public.erasures; commit; delete from public.users`)
  expect(await runScript('scripts/db-check.ts', alone)).toEqual({
    code: 0,
    stdout: 'KV, R2 and anchors are not looked at (STORES=none).\nEverything holds.\n',
    stderr: '',
  })
  const person = await makePerson(owner)
  await owner.query('update public.conversations set message_count = 7 where user_id = $1', [person.userId])
  await putObject(stateDirectory, 'neuraform-audio', 'u/stray', 'RIFF')
  expect(await runScript('scripts/db-check.ts', { ...alone, STORES: stateDirectory })).toEqual({
    code: 1,
    stdout:
      `✗ a conversation counts its messages: ${idIn(person, 'conversations')}\n` +
      `✗ audio of a row is in the bucket: ${idIn(person, 'voice_data', 'r2_key')}\n` +
      '✗ audio in the bucket has a row: u/stray\n3 broken\n',
    stderr: '',
  })
  expect((await runScript('scripts/db-check.ts', {})).code).toBe(2)
})
