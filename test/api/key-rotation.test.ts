/// <reference types="@cloudflare/vitest-pool-workers/types" />
import { createExecutionContext, introspectWorkflowInstance } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Profile } from '#src/accounts/shapes.ts'
import type { SecurityLog, SessionPage } from '#src/auth/shapes.ts'
import type { ConversationPage, MessagePage } from '#src/conversations/shapes.ts'
import type { RotatedDataKey } from '#src/privacy/data-key-rotation.ts'
import { serviceScope } from '#src/http/service-scope.ts'
import { addDataKey, retireDataKeys, sealedColumns } from '#src/privacy/rotate-data-key.ts'
import { apart, asOwnerApart, newUserApart } from '#test/setup/apart-database.ts'
import { call } from '#test/setup/client.ts'
import { eventually } from '#test/setup/eventually.ts'
import { fullLife } from '#test/setup/full-life.ts'
import { holdLock } from '#test/setup/other-database.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { callWith, runSchedule } from '#test/setup/worker-with.ts'

// wrangler.toml binds it.
const rotation = env.DATA_KEY_ROTATION as Workflow

async function rotate(userId: string, meanwhile?: () => Promise<void>): Promise<RotatedDataKey | null> {
  const id = crypto.randomUUID()
  await using instance = await introspectWorkflowInstance(rotation, id)
  await instance.modify(async (modifier) => await modifier.disableSleeps())
  await rotation.create({ id, params: { user_id: userId } })
  await instance.waitForStepResult({ name: 'choose the version' })
  if (meanwhile !== undefined) {
    await instance.waitForStepResult({ name: 'add the key' })
    await meanwhile()
  }
  await instance.waitForStatus('complete')
  return (await instance.getOutput()) as RotatedDataKey | null
}

/** Everything that somebody can read of themselves. */
async function readAll(token: string, conversationId: string) {
  const read = async <Body>(path: string) => {
    const { status, body } = await call<Body>('GET', path, { token })
    expect([path, status]).toEqual([path, 200])
    return body
  }
  return {
    profile: await read<Profile>('/auth/profile'),
    sessions: (await read<SessionPage>('/auth/sessions')).items.map(({ device_info, user_agent, ip_prefix }) => ({
      device_info,
      user_agent,
      ip_prefix,
    })),
    titles: (await read<ConversationPage>('/conversations')).items.map(({ title }) => title),
    said: (await read<MessagePage>(`/conversations/${conversationId}/messages`)).items.map(({ content }) => content),
  }
}

/** How many cells of somebody's are sealed under each version of their data key. */
async function versionsOf(userId: string): Promise<Record<string, number>> {
  const versions: Record<string, number> = {}
  for (const [name] of sealedColumns) {
    const [table = '', column = ''] = name.split('.')
    const rows = await asOwner<{ version: number }>(
      `select get_byte(${column}, 1) * 256 + get_byte(${column}, 2) as version from public.${table}
       where ${table === 'users' ? 'id' : 'user_id'} = $1 and ${column} is not null`,
      [userId],
    )
    for (const { version } of rows) versions[version] = (versions[version] ?? 0) + 1
  }
  return versions
}

const scope = () => serviceScope(env, createExecutionContext())

const entriesOf = async (token: string) => (await call<SecurityLog>('GET', '/auth/security-log', { token })).body.items

const keyVersions = async (userId: string) =>
  (
    await asOwner<{ version: number }>('select version from public.user_keys where user_id = $1 order by 1', [userId])
  ).map(({ version }) => version)

describe('a person’s data key', () => {
  it('is replaced while they read and write: everything is sealed anew, nothing is unread, and the old one is gone', async () => {
    const { tokens, user, conversationId } = await fullLife()
    const [token] = tokens
    const before = await readAll(token, conversationId)
    const { 1: cells } = await versionsOf(user.id)
    const rotated = await rotate(user.id, async () => {
      for (let n = 0; n < 5; n += 1) {
        // Whatever was read brings the newest key; fifteen minutes take the place of this where the reader sleeps.
        expect((await readAll(token, conversationId)).profile).toEqual(before.profile)
        const content = `while it rotates ${n}`
        const said = await call('POST', `/conversations/${conversationId}/messages`, {
          token,
          body: { role: 'user', content },
        })
        expect(said.status).toBe(201)
      }
    })
    expect(rotated).toEqual({ version: 2, resealed: expect.any(Number), broken: 0, are_older_retired: true })
    expect(rotated?.resealed).toBeGreaterThanOrEqual(cells ?? 0)
    const after = await readAll(token, conversationId)
    expect({ ...after, said: after.said.slice(5) }).toEqual(before)
    expect(Object.keys(await versionsOf(user.id))).toEqual(['2'])
    expect(await keyVersions(user.id)).toEqual([2])
    const search = await call<MessagePage>('POST', '/search', { token, body: { query: 'rotates' } })
    expect(search.body.items.length).toBe(5)
    const { items } = (await call<SecurityLog>('GET', '/auth/security-log', { token })).body
    expect([items[0]?.action, items[0]?.target]).toEqual(['data_key.rotated', 'data_key:2'])
  })

  it('is found by words under either key while it is replaced', async () => {
    const { tokens, user, conversationId } = await fullLife()
    const [token] = tokens
    const say = async (content: string) =>
      await call('POST', `/conversations/${conversationId}/messages`, { token, body: { role: 'user', content } })
    await say('a comet before')
    const id = crypto.randomUUID()
    await using instance = await introspectWorkflowInstance(rotation, id)
    await rotation.create({ id, params: { user_id: user.id } })
    await instance.waitForStepResult({ name: 'add the key' })
    await call('GET', '/auth/profile', { token })
    await say('a comet after')
    const found = await call<MessagePage>('POST', '/search', { token, body: { query: 'comet' } })
    expect(found.body.items.map(({ content }) => content)).toEqual(['a comet after', 'a comet before'])
    expect(Object.keys(await versionsOf(user.id))).toEqual(['1', '2'])
  })

  it('is found by words under every key while rotations overlap', async () => {
    const { tokens, user, conversationId } = await fullLife()
    const [token] = tokens
    for (const version of [1, 2, 3, 4]) {
      if (version > 1) await addDataKey(scope(), user.id, version)
      await call('GET', '/auth/profile', { token })
      const body = { role: 'user', content: `a comet under key ${version}` }
      await call('POST', `/conversations/${conversationId}/messages`, { token, body })
    }
    const found = await call<MessagePage>('POST', '/search', { token, body: { query: 'comet' } })
    expect(found.body.items.map(({ content }) => content)).toEqual(
      [4, 3, 2, 1].map((version) => `a comet under key ${version}`),
    )
    expect(Object.keys(await versionsOf(user.id))).toEqual(['1', '2', '3', '4'])
  })

  it('stays beside the new one while a cell needs it that cannot be opened', async () => {
    const { tokens, user, conversationId } = await fullLife()
    await asOwner(
      `update public.messages set content = set_byte(content, length(content) - 1, get_byte(content, length(content) - 1) # 1)
       where id = (select id from public.messages where user_id = $1 order by id limit 1)`,
      [user.id],
    )
    expect(await rotate(user.id)).toMatchObject({ broken: 1, are_older_retired: false })
    expect(await keyVersions(user.id)).toEqual([1, 2])
    const { said } = await readAll(tokens[0], conversationId)
    expect(said.filter((content) => content === null).length).toBe(1)
    expect(said.length).toBeGreaterThan(1)
    const entries = await entriesOf(tokens[0])
    // The rotation and whoever reads find the same: it is one entry.
    expect(entries.slice(0, 2).map(({ action, target }) => [action, target])).toEqual([
      ['data_key.kept', 'data_key:2'],
      ['seal.broken', expect.stringMatching(/^messages\.content:/)],
    ])
    expect(entries.filter(({ action }) => action === 'data_key.rotated')).toEqual([])
    expect(await retireDataKeys(scope(), user.id, 2)).toBe(false)
    expect(await entriesOf(tokens[0])).toEqual(entries)
  })

  it('is an entry of the security log once it has gone, however often that step is taken', async () => {
    const { tokens, user } = await fullLife()
    await rotate(user.id)
    const entries = await entriesOf(tokens[0])
    expect(entries[0]).toMatchObject({ action: 'data_key.rotated', target: 'data_key:2' })
    expect(await retireDataKeys(scope(), user.id, 2)).toBe(true)
    expect(await entriesOf(tokens[0])).toEqual(entries)
  })

  it('that does not open stays too, with what it sealed, and the rotation goes on with the rest', async () => {
    const { tokens, user } = await fullLife()
    await addDataKey(scope(), user.id, 2)
    await asOwner(
      `update public.user_keys set wrapped_key = substr(wrapped_key, 1, 40) where user_id = $1 and version = 1`,
      [user.id],
    )
    const { 1: cells } = await versionsOf(user.id)
    expect(await rotate(user.id)).toEqual({ version: 3, resealed: 0, broken: cells, are_older_retired: false })
    expect(await keyVersions(user.id)).toEqual([1, 2, 3])
    expect((await entriesOf(tokens[0])).slice(0, 2).map(({ action, target }) => [action, target])).toEqual([
      ['data_key.kept', 'data_key:3'],
      ['data_key.broken', 'data_key:1'],
    ])
  })

  it('is not made for somebody who is not there, or leaves meanwhile', async () => {
    expect(await rotate(crypto.randomUUID())).toBeNull()
    const { tokens, user } = await fullLife()
    // No key is added, nor deleted with its person, until they have begun to leave.
    const { release } = await holdLock('lock table public.user_keys in share mode', [])
    const rotating = rotate(user.id)
    const leaving = call('DELETE', '/auth/account', { token: tokens[0] })
    const active = 'select id from users where id = $1 and is_active'
    await eventually(async () => expect(await asOwner(active, [user.id])).toEqual([]))
    await release()
    expect([(await leaving).status, await rotating]).toEqual([202, null])
    expect(await keyVersions(user.id)).toEqual([])
  })

  it('seals every column that the database lists, and no other is listed', async () => {
    const listed = await asOwner<{ name: string }>(
      `select table_name || '.' || column_name as name from app.sealed_columns() order by place`,
    )
    expect(listed.map(({ name }) => name).toSorted()).toEqual([...sealedColumns.keys()].toSorted())
    const plain = [
      'hash',
      'key',
      'index',
      'key_hash',
      'token_hash',
      'subject_hash',
      'request_hash',
      'cache_key',
      'wrapped_key',
    ]
    const bytea = await asOwner<{ name: string }>(
      `select c.relname || '.' || a.attname as name from pg_attribute a join pg_class c on c.oid = a.attrelid
       where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.atttypid = 'bytea'::regtype and not a.attisdropped`,
    )
    const unknown = bytea.filter(({ name }) => !sealedColumns.has(name) && !plain.some((end) => name.endsWith(end)))
    expect(unknown).toEqual([])
  })
})

describe('a key-encryption key', () => {
  const second = { id: 'second', bytes: crypto.getRandomValues(new Uint8Array(32)).toBase64() }
  const ring = JSON.parse(String(env['KEY_ENCRYPTION_KEYS'])) as { current: string; keys: Record<string, string> }
  const both = {
    ...apart(),
    KEY_ENCRYPTION_KEYS: JSON.stringify({ current: second.id, keys: { ...ring.keys, [second.id]: second.bytes } }),
  }
  const secondOnly = {
    ...apart(),
    KEY_ENCRYPTION_KEYS: JSON.stringify({ current: second.id, keys: { [second.id]: second.bytes } }),
  }

  const wrappersOf = async (userId: string) =>
    (
      await asOwnerApart<{ id: string }>(
        'select key_encryption_key_id as id from public.user_keys where user_id = $1',
        [userId],
      )
    ).map(({ id }) => id)

  afterEach(() => {
    vi.useRealTimers()
  })

  it('that is not configured answers 503 and loses nothing; the sweep says so and goes on', async () => {
    const { session_token: token, user } = await newUserApart()
    // Past the time for which the isolate keeps what it has unwrapped.
    vi.useFakeTimers({ now: Date.now() + 6 * 60_000, toFake: ['Date'] })
    const refused = await callWith<{ code?: string }>(secondOnly, 'GET', '/auth/profile', { token })
    vi.useRealTimers()
    expect([refused.status, refused.body.code]).toEqual([503, 'key_unavailable'])
    const log = vi.spyOn(console, 'log').mockReturnValue()
    await runSchedule(secondOnly)
    const lines = log.mock.calls.map(([line]) => String(line)).filter((line) => line.includes('key_not_rewrapped'))
    log.mockRestore()
    expect(lines.length).toBeGreaterThan(0)
    expect(await wrappersOf(user.id)).toEqual([ring.current])
    expect((await callWith(apart(), 'GET', '/auth/profile', { token })).status).toBe(200)
  })

  it('is replaced by the sweep while requests are served, and then needed no more', async () => {
    const people = await Promise.all(Array.from({ length: 5 }, newUserApart))
    const [one] = people
    const token = one?.session_token ?? ''
    expect(await wrappersOf(one?.user.id ?? '')).toEqual([ring.current])
    const read = async (variables: object) => await callWith<Profile>(variables, 'GET', '/auth/profile', { token })
    const reads = Array.from({ length: 10 }, async () => (await read(both)).status)
    await runSchedule(both)
    expect(await Promise.all(reads)).toEqual(reads.map(() => 200))
    for (const { user } of people) expect(await wrappersOf(user.id)).toEqual([second.id])
    vi.useFakeTimers({ now: Date.now() + 6 * 60_000, toFake: ['Date'] })
    const after = await read(secondOnly)
    expect([after.status, after.body.first_name]).toEqual([200, one?.user.first_name])
    const entries = await asOwnerApart<{ details: { current: string; data_keys: string } }>(
      `select details from public.audit_log where action = 'key_encryption_key.rotated'`,
    )
    expect(entries.map(({ details }) => details.current)).toEqual([second.id])
    await runSchedule(both)
    expect(
      (await asOwnerApart(`select from public.audit_log where action = 'key_encryption_key.rotated'`)).length,
    ).toBe(1)
  })
})
