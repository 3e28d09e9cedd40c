import { describe, expect, inject, it } from 'vitest'
import type { Env } from '#src/config.ts'
import { call, newUser } from '#test/setup/client.ts'
import { eventually } from '#test/setup/eventually.ts'
import { databaseVia, holdLock, lockConversation, namedDatabase, transports } from '#test/setup/other-database.ts'
import { messagesOf, newConversation } from '#test/setup/talk.ts'
import { callWith } from '#test/setup/worker-with.ts'
import type { Conversation } from '#src/conversations/shapes.ts'

type Named = ReturnType<typeof namedDatabase>

async function lockedTalk() {
  const { token } = await newUser()
  const { id } = await newConversation(token, 'Before')
  return { token, id, lock: await lockConversation(id) }
}

const rename = async (variables: Partial<Env>, token: string, id: string) =>
  await callWith<Conversation & { code?: string }>(variables, 'PATCH', `/conversations/${id}`, {
    token,
    body: { title: 'After' },
  })

const titleOf = async (token: string, id: string) =>
  (await call<Conversation>('GET', `/conversations/${id}`, { token })).body.title

const untilItWaits = async ({ connections }: Named) =>
  await eventually(async () => expect((await connections()).map(({ waits_for: what }) => what)).toContain('Lock'))

describe.each(transports)('a flight by %s that must wait', (transport) => {
  it('is given up at the deadline with 504, and nothing of it is written later', async () => {
    const { token, id, lock } = await lockedTalk()
    const database = namedDatabase(transport)
    const startedAt = Date.now()
    const late = await rename({ ...database.variables, DATABASE_DEADLINE_MS: '300' }, token, id)
    expect([late.status, late.headers.get('Retry-After'), late.body.code]).toEqual([504, '2', 'deadline_exceeded'])
    expect(Date.now() - startedAt).toBeLessThan(2_000)
    await eventually(async () =>
      expect((await database.connections()).filter(({ state }) => state === 'active')).toEqual([]),
    )
    await lock.release()
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await titleOf(token, id)).toBe('Before')
    expect((await rename({}, token, id)).body.title).toBe('After')
  })

  it('twice, each time for less than its deadline, is given up all the same, and nothing of it is written later', async () => {
    const { token, user } = await newUser()
    const { id } = await newConversation(token)
    const database = namedDatabase(transport)
    const key = await holdLock(
      `insert into idempotency_keys (user_id, key, request_hash, resource_id) values ($1, 'key', sha256('x'), $1)`,
      [user.id],
    )
    const row = await lockConversation(id)
    const variables = { ...database.variables, DATABASE_DEADLINE_MS: '600' }
    const sending = callWith<{ code?: string }>(variables, 'POST', `/conversations/${id}/messages`, {
      token,
      body: { role: 'user', content: 'Late.' },
      headers: { 'Idempotency-Key': 'key' },
    })
    const pause = async () => await new Promise((resolve) => setTimeout(resolve, 400))
    await pause()
    await key.release()
    await pause()
    await row.release()
    const late = await sending
    expect([late.status, late.body.code]).toEqual([504, 'deadline_exceeded'])
    await eventually(async () =>
      expect((await database.connections()).filter(({ state }) => state === 'active')).toEqual([]),
    )
    expect(await messagesOf(token, id)).toEqual([])
  })

  it.each([
    ['is cancelled', ''],
    ['may not wait for a lock', '-c lock_timeout=100'],
  ])('and %s answers 504', async (_name, options) => {
    const { token, id, lock } = await lockedTalk()
    const database = namedDatabase(transport, options)
    const renaming = rename(database.variables, token, id)
    if (options === '') {
      await untilItWaits(database)
      expect(await database.cancel()).toBe(1)
    }
    const late = await renaming
    await lock.release()
    expect([late.status, late.body.code, await titleOf(token, id)]).toEqual([504, 'deadline_exceeded', 'Before'])
  })

  it('and loses to another writer flies again', async () => {
    const { token, id, lock } = await lockedTalk()
    const database = namedDatabase(transport, '-c default_transaction_isolation=serializable')
    const renaming = rename(database.variables, token, id)
    await untilItWaits(database)
    await lock.changeAndRelease()
    const { status, body, headers } = await renaming
    expect([status, body.title, body.tags]).toEqual([200, 'After', ['changed']])
    expect(headers.get('Server-Timing')).toBe('db;desc="2 flights"')
  })
})

it('a database that takes a connection and says nothing is given up at the deadline with 504, and its socket is closed', async () => {
  const { silentPort } = inject('stack')
  const open = async () => await (await fetch(`http://127.0.0.1:${silentPort}/`)).text()
  const { token } = await newUser()
  const { id } = await newConversation(token, 'Before')
  const variables = databaseVia((url) => (url.port = silentPort))
  const startedAt = Date.now()
  const renaming = rename({ ...variables, DATABASE_DEADLINE_MS: '1000' }, token, id)
  await eventually(async () => expect(await open()).toBe('1'))
  const late = await renaming
  expect([late.status, late.headers.get('Retry-After'), late.body.code]).toEqual([504, '2', 'deadline_exceeded'])
  expect(Date.now() - startedAt).toBeLessThan(3_000)
  await eventually(async () => expect(await open()).toBe('0'))
  expect((await rename({}, token, id)).body.title).toBe('After')
})

describe.each(transports)('a connection that the database ends in flight, by %s,', (transport) => {
  it('is replaced once or twice, and the request notices nothing', async () => {
    const { token, id, lock } = await lockedTalk()
    const database = namedDatabase(transport)
    const renaming = rename(database.variables, token, id)
    for (const _ of [1, 2]) {
      await untilItWaits(database)
      expect(await database.terminate()).toBe(1)
      await eventually(async () => expect((await database.connections()).length).toBeLessThan(2))
    }
    await untilItWaits(database)
    await lock.release()
    const { status, body, headers } = await renaming
    expect([status, body.title, headers.get('Server-Timing')]).toEqual([200, 'After', 'db;desc="3 flights"'])
  })

  it('again and again answers 503; the same key then makes one message', async () => {
    const { token, id, lock } = await lockedTalk()
    const database = namedDatabase(transport)
    const headers = { 'Idempotency-Key': 'key' }
    const body = { role: 'user', content: 'Once.' }
    const path = `/conversations/${id}/messages`
    const sending = callWith<{ code?: string }>(database.variables, 'POST', path, { token, body, headers })
    for (const _ of [1, 2, 3]) {
      await untilItWaits(database)
      expect(await database.terminate()).toBe(1)
    }
    const lost = await sending
    expect([lost.status, lost.headers.get('Retry-After'), lost.body.code]).toEqual([503, '2', 'unavailable'])
    await lock.release()
    expect(await messagesOf(token, id)).toEqual([])
    for (const _ of [1, 2]) {
      const sent = await callWith(database.variables, 'POST', path, { token, body, headers })
      expect(sent.status).toBe(201)
    }
    expect((await messagesOf(token, id)).map(({ content }) => content)).toEqual(['Once.'])
  })
})
