import { env } from 'cloudflare:workers'
import { eq, getTableColumns, sql } from 'drizzle-orm'
import { Client, Connection } from 'pg'
import { v7 as uuidv7 } from 'uuid'
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import { configOf } from '#src/config.ts'
import { conversations, messages } from '#src/conversations/tables.ts'
import { openDatabase } from '#src/db/connect.ts'
import { rowsOf } from '#src/db/function-rows.ts'
import { asService, asUser, asVisitor, type Caller, type RequestScope } from '#src/db/scope.ts'
import { personas } from '#src/personas/tables.ts'
import { checkSessionToken } from '#src/vault/session-token.ts'
import { call, fuka, newUser } from '#test/setup/client.ts'
import { eventually } from '#test/setup/eventually.ts'
import {
  databaseAt,
  rolledBack,
  transports,
  watchFlights,
  watchNeon,
  type Transport,
} from '#test/setup/other-database.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { newConversation } from '#test/setup/talk.ts'

function newScope(transport: Transport): RequestScope {
  const config = configOf({ ...env, ...databaseAt(inject('stack').edgeUrl, transport) })
  return {
    config,
    database: openDatabase(config),
    requestId: uuidv7(),
    defer: () => undefined,
    report: () => undefined,
  }
}

async function newCaller(token: string, transport: Transport): Promise<Caller> {
  const scope = newScope(transport)
  const tokenHash = checkSessionToken(scope.config, token) ?? new Uint8Array()
  return { ...scope, tokenHash, session: undefined }
}

const tagsOf = async (id: string) =>
  (await asOwner<{ tags: string[] }>('select tags from conversations where id = $1', [id]))[0]?.tags

describe.each(transports)('the door, by %s,', (transport) => {
  it('sends statements in the order of the array, whatever builds them', async () => {
    const step = sql<string>`current_setting('app.step')`
    const results = await asVisitor(newScope(transport), (db) => [
      db.execute(sql`select set_config('app.step', 'one', true)`),
      db.select({ step }).from(personas).where(eq(personas.id, fuka)),
      db.execute(sql`select set_config('app.step', 'two', true)`),
      db.select({ step }).from(personas).where(eq(personas.id, fuka)),
      db.execute(sql`select set_config('app.step', 'three', true)`),
      db.execute(sql`select ${step} as step`),
    ])
    expect([results[1], results[3], results[5].rows]).toEqual([
      [{ step: 'one' }],
      [{ step: 'two' }],
      [{ step: 'three' }],
    ])
  })

  it.each([
    ['cannot be encoded', sql`select ${{ toPostgres: () => ({ big: 1n }) }}::text`, 0],
    ['fails', sql`select 1 / 0`, 1],
    ['is not allowed', sql`delete from users`, 1],
  ])(
    'writes nothing of a flight in which one statement %s, and its connection is good for another',
    async (_name, bad, flights) => {
      const { token } = await newUser()
      const { id } = await newConversation(token)
      const caller = await newCaller(token, transport)
      const tag = (...tags: string[]) => ({ tags })
      const named = eq(conversations.id, id)
      await expect(
        asUser(caller, (db) => [
          db.update(conversations).set(tag('before')).where(named),
          db.execute(bad),
          db.update(conversations).set(tag('behind')).where(named),
        ]),
      ).rejects.toThrow()
      expect([await tagsOf(id), caller.database.flights]).toEqual([[], flights])
      await asUser(caller, (db) => [db.update(conversations).set(tag('after')).where(named)])
      expect(await tagsOf(id)).toEqual(['after'])
    },
  )

  it('writes nothing for a value that JSON cannot hold, wherever it stands', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    const caller = await newCaller(token, transport)
    const named = eq(conversations.id, id)
    await expect(
      asUser(caller, (db) => [
        db
          .update(conversations)
          .set({ tags: ['before'] })
          .where(named),
        db
          .update(conversations)
          .set({ metadata: { big: 1n } as never })
          .where(named),
      ]),
    ).rejects.toThrow(TypeError)
    expect([await tagsOf(id), caller.database.flights]).toEqual([[], 0])
  })

  it('leaves nothing of one flight’s settings to the next', async () => {
    const { token } = await newUser()
    const scope = newScope(transport)
    const caller = { ...scope, tokenHash: (await newCaller(token, transport)).tokenHash, session: undefined }
    await asUser(caller, () => [])
    const who = sql`select current_user as role, app.current_user_id() as person`
    const [now] = await asVisitor(scope, (db) => [db.execute(who)])
    expect([now.rows, scope.database.flights]).toEqual([[{ role: 'neuraform_visitor', person: null }], 2])
  })

  it('reads the rows of a function as drizzle reads those of its table', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    const change = { title: 'Read', tags: ['a', 'b,"c'], metadata: { n: [1] } }
    await call('PATCH', `/conversations/${id}`, { token, body: change })
    await call('POST', `/conversations/${id}/messages`, { token, body: { role: 'user', content: 'Words to find.' } })
    const { userId: _owner, summarySeq: _seq, ...talk } = getTableColumns(conversations)
    const { userId: _person, words: _words, editedAt: _edited, ...message } = getTableColumns(messages)
    const path = sql`app.messages_on_path((select leaf_message_id from conversations), ${id}, 5)`
    const [talks, sameTalks, said, sameSaid] = await asUser(await newCaller(token, transport), (db) => [
      db.select(talk).from(conversations),
      rowsOf(talk, sql`app.newest_conversations(5)`),
      db.select(message).from(messages),
      rowsOf(message, path),
    ])
    expect([talks.length, talks[0]?.tags, said.length, said[0]?.seq]).toEqual([1, change.tags, 1, 1])
    expect([sameTalks, sameSaid]).toEqual([talks, said])
  })

  it('reads what is in an object of a row, and what is no column, as they stand', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    const { id: name, updatedAt } = getTableColumns(conversations)
    const fields = { talk: { name, isNew: sql<boolean>`message_count = 0` }, updatedAt, two: sql<number>`1 + 1` }
    const [rows] = await asUser(await newCaller(token, transport), () => [
      rowsOf(fields, sql`app.newest_conversations(5)`),
    ])
    expect(rows).toEqual([{ talk: { name: id, isNew: true }, updatedAt: expect.any(Date) as Date, two: 2 }])
  })

  it('says why the service acts on its own', async () => {
    const name = sql`select current_setting('application_name') as name`
    const [answer] = await asService(newScope(transport), 'jobs', 'a test', (db) => [db.execute(name)])
    expect(answer.rows).toEqual([{ name: 'neuraform: a test' }])
  })
})

describe('the door, by Hyperdrive alone,', () => {
  it('sends a whole transaction before any answer is there: begin, session, statements, commit', async () => {
    const { token } = await newUser()
    const caller = await newCaller(token, 'Hyperdrive')
    await asUser(caller, () => [])
    const sent: string[] = []
    let answers = 0
    watchFlights(async (send, asked) => {
      const texts = asked.queries.map(({ text }) => text)
      sent.push(...texts.map((text) => `${answers}: ${text.slice(0, 27)}`))
      const answer = await send(asked)
      answers += texts.length
      return answer
    })
    await asUser(caller, (db) => [db.execute(sql`select 'one'`), db.select().from(personas).limit(1)])
    await asUser(caller, (db) => [db.execute(sql`select 'two'`)])
    expect(sent).toEqual([
      '0: begin',
      "0: select set_config('role', '",
      '0: select session_id, user_id,',
      "0: select 'one'",
      '0: select "id", "slug", "owner',
      '0: commit',
      '6: begin',
      "6: select set_config('role', '",
      '6: select session_id, user_id,',
      "6: select 'two'",
      '6: commit',
    ])
  })

  it('has the columns of a statement described once where it names them, and again once there are others', async () => {
    const schema = `kept_${crypto.randomUUID().replaceAll('-', '')}`
    await asOwner(
      `create schema ${schema}; create table ${schema}.kept as select 1 as one;
       grant usage on schema ${schema} to neuraform_visitor; grant select on ${schema}.kept to neuraform_visitor`,
    )
    onTestFinished(async () => void (await asOwner(`drop schema ${schema} cascade`)))
    const described = vi.spyOn(Connection.prototype, 'describe')
    const ask = async (text: string) => {
      described.mockClear()
      const [{ rows }] = await asVisitor(newScope('Hyperdrive'), (db) => [db.execute(sql.raw(text))])
      return [rows, described.mock.calls.length]
    }
    const [short, long] = [`table ${schema}.kept`, `select * from ${schema}.kept`]
    await asVisitor(newScope('Hyperdrive'), () => [])
    expect(await ask(short)).toEqual([[{ one: 1 }], 1])
    expect(await ask(short)).toEqual([[{ one: 1 }], 0])
    expect(await ask(long)).toEqual([[{ one: 1 }], 1])
    await asOwner(`alter table ${schema}.kept add two text default 'two'`)
    await expect(ask(short)).rejects.toMatchObject({ code: 'unavailable' })
    expect(await ask(short)).toEqual([[{ one: 1, two: 'two' }], 1])
    expect(await ask(long)).toEqual([[{ one: 1, two: 'two' }], 1])
  })

  it('takes no transaction for written whose last word is not COMMIT', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    const caller = await newCaller(token, 'Hyperdrive')
    watchFlights(async (send, asked) => await send(rolledBack(asked)))
    const flying = asUser(caller, (db) => [
      db
        .update(conversations)
        .set({ tags: ['lost'] })
        .where(eq(conversations.id, id)),
    ])
    await expect(flying).rejects.toThrow('rolled back')
    expect(await tagsOf(id)).toEqual([])
  })
})

describe('the door, by Neon alone,', () => {
  it('asks once for a flight: what it sets, session, statements; begin and commit are the endpoint’s', async () => {
    const { token } = await newUser()
    const caller = await newCaller(token, 'Neon')
    await asUser(caller, () => [])
    const asked: unknown[] = []
    watchNeon(async (ask, { body, redirect }, number) => {
      const { queries } = JSON.parse(String(body)) as { queries: { query: string }[] }
      asked.push(...queries.map(({ query }) => `${number}: ${query.slice(0, 27)}`), redirect)
      return await ask()
    })
    await asUser(caller, (db) => [db.execute(sql`select 'one'`), db.select().from(personas).limit(1)])
    await asUser(caller, (db) => [db.execute(sql`select 'two'`)])
    expect([asked, caller.database.flights]).toEqual([
      [
        "1: select set_config('role', '",
        '1: select session_id, user_id,',
        "1: select 'one'",
        '1: select "id", "slug", "owner',
        'manual',
        "2: select set_config('role', '",
        '2: select session_id, user_id,',
        "2: select 'two'",
        'manual',
      ],
      3,
    ])
  })
})

/** The clients that the Worker of this isolate makes until the test ends. */
function watchClients(): readonly Client[] {
  const connect = vi.spyOn(Client.prototype, 'connect')
  onTestFinished(() => connect.mockRestore())
  return connect.mock.contexts as Client[]
}

describe('the connections of a Worker by Hyperdrive', () => {
  it('are one for a request, however many its flights', async () => {
    const { token } = await newUser()
    const clients = watchClients()
    const { headers } = await call('POST', '/voice/speech', {
      token,
      body: { text: 'Three times across.', voice: 'slt' },
    })
    expect([headers.get('Server-Timing'), clients.length]).toEqual(['db;desc="2 flights"', 1])
  })

  it('are none for what needs no database', async () => {
    const clients = watchClients()
    for (const path of ['/health/live', '/version', '/nowhere', '/auth/profile']) await call('GET', path)
    expect(clients.length).toBe(0)
  })

  it('are gone when their requests are', async () => {
    const { token } = await newUser()
    const clients = watchClients()
    for (let number = 0; number < 30; number += 1) await call('GET', '/auth/profile', { token })
    const pids = clients.map((client) => (client as Client & { processID: number }).processID)
    expect([pids.length, new Set(pids).size]).toEqual([30, 30])
    const left = async () => (await asOwner('select 1 from pg_stat_activity where pid = any ($1)', [pids])).length
    await eventually(async () => expect(await left()).toBeLessThan(3))
  })
})
