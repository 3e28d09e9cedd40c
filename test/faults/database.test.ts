import { env } from 'cloudflare:workers'
import { sql } from 'drizzle-orm'
import { Client } from 'pg'
import { describe, expect, inject, it, vi } from 'vitest'
import { configOf } from '#src/config.ts'
import { openDatabase } from '#src/db/connect.ts'
import { asService, asVisitor, type RequestScope } from '#src/db/scope.ts'
import { personas } from '#src/personas/tables.ts'
import { call, newUser } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { newConversation } from '#test/setup/talk.ts'
import { callWith } from '#test/setup/worker-with.ts'

const { edgeUrl, ownerUrl } = inject('stack')
const at = (connectionString: string) => ({ HYPERDRIVE: { connectionString } as Hyperdrive })
const changed = (change: (url: URL) => void) => {
  const url = new URL(edgeUrl)
  change(url)
  return at(url.href)
}

function newScope(): RequestScope {
  const config = configOf(env)
  return { config, database: openDatabase(config), defer: () => undefined, report: () => undefined }
}

describe('a database that is not as it should be', () => {
  it.each([
    ['refuses connections', changed((url) => (url.port = '9'))],
    ['knows another password', changed((url) => (url.password = 'wrong'))],
    ['is not there', changed((url) => (url.pathname = '/nowhere'))],
    ['was never set up', changed((url) => (url.pathname = '/postgres'))],
    ['lets a superuser in', at(ownerUrl)],
  ])('that %s answers 503 with Retry-After, and is not ready, while the Worker lives', async (_name, database) => {
    const { token } = await newUser()
    for (const [method, path, body] of [
      ['GET', '/auth/profile', undefined],
      ['POST', '/conversations', { persona_id: '0198f000-0000-7000-8000-000000000001' }],
      ['GET', '/health/ready', undefined],
    ] as const) {
      const answer = await callWith(database, method, path, { token, body })
      expect([path, answer.status, answer.headers.get('Retry-After')]).toEqual([path, 503, '2'])
      expect(answer.body).toMatchObject({ code: 'unavailable' })
    }
    expect((await callWith(database, 'GET', '/health/live')).status).toBe(200)
    expect((await call('GET', '/health/ready')).status).toBe(200)
  })

  it('that is read-only still reads, and refuses to write', async () => {
    const { token } = await newUser()
    await newConversation(token)
    const readOnly = changed((url) => url.searchParams.set('options', '-c default_transaction_read_only=on'))
    expect((await callWith(readOnly, 'GET', '/conversations', { token })).status).toBe(200)
    const refused = await callWith(readOnly, 'POST', '/conversations', {
      token,
      body: { persona_id: '0198f000-0000-7000-8000-000000000001' },
    })
    expect([refused.status, refused.body]).toEqual([503, expect.objectContaining({ code: 'unavailable' })])
  })

  it('that keeps a request waiting is given up at the deadline', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    const holder = new Client({ connectionString: ownerUrl })
    await holder.connect()
    await holder.query('begin; select 1 from conversations where id = $$' + id + '$$ for update')
    const late = await callWith({ DATABASE_DEADLINE_MS: '300' }, 'PATCH', `/conversations/${id}`, {
      token,
      body: { title: 'Late' },
    })
    await holder.query('rollback')
    expect([late.status, late.headers.get('Retry-After'), late.body]).toEqual([
      504,
      '2',
      expect.objectContaining({ code: 'deadline_exceeded' }),
    ])
  })

  it('whose key-encryption key is gone says that the key is, and answers again when it is back', async () => {
    const { token } = await newUser()
    const other = { current: 'k2', keys: { k2: btoa('x'.repeat(32)) } }
    // Half an hour later, no isolate holds the person's key any more.
    vi.useFakeTimers({ now: Date.now() + 1_800_000, toFake: ['Date'] })
    const lost = await callWith({ KEY_ENCRYPTION_KEYS: JSON.stringify(other) }, 'GET', '/auth/profile', { token })
    expect([lost.status, lost.body]).toEqual([503, expect.objectContaining({ code: 'key_unavailable' })])
    expect((await call('GET', '/auth/profile', { token })).status).toBe(200)
    vi.useRealTimers()
  })

  it('that answers what nobody expects is our own fault: 500, and no word of why', async () => {
    const { token, user } = await newUser()
    await asOwner("update user_keys set wrapped_key = '\\x00' where user_id = $1", [user.id])
    vi.useFakeTimers({ now: Date.now() + 1_800_000, toFake: ['Date'] })
    const { status, body } = await call('GET', '/auth/profile', { token })
    vi.useRealTimers()
    expect([status, body]).toEqual([
      500,
      {
        type: 'urn:neuraform:problem:internal',
        title: 'Something went wrong on our side.',
        status: 500,
        code: 'internal',
      },
    ])
  })
})

describe('the door', () => {
  it('sends statements in the order of the array, whatever builds them', async () => {
    const order = await asVisitor(newScope(), (db) => [
      db.execute(sql`select set_config('app.step', 'one', true)`),
      db
        .select({ step: sql<string>`current_setting('app.step')` })
        .from(personas)
        .limit(1),
      db.execute(sql`select set_config('app.step', 'two', true)`),
      db
        .select({ step: sql<string>`current_setting('app.step')` })
        .from(personas)
        .limit(1),
    ])
    expect([order[1], order[3]]).toEqual([[{ step: 'one' }], [{ step: 'two' }]])
  })

  it('writes nothing of a flight that cannot be encoded or that fails half-way', async () => {
    const ticket = crypto.randomUUID()
    const claim = sql`select app.claim_registration(${ticket}, now(), ${new Uint8Array([1])})`
    const unencodable = { toPostgres: () => ({ big: 1n }) }
    await expect(
      asService(newScope(), 'auth', 'test', (db) => [db.execute(claim), db.execute(sql`select ${unencodable}::text`)]),
    ).rejects.toThrow()
    await expect(
      asService(newScope(), 'auth', 'test', (db) => [db.execute(claim), db.execute(sql`select 1 / 0`)]),
    ).rejects.toThrow()
    expect(await asOwner('select 1 from login_tickets where id = $1', [ticket])).toEqual([])
  })

  it('uses one connection for a request, and leaves none behind', async () => {
    const { token } = await newUser()
    const countOpen = async () =>
      (
        await asOwner<{ open: number }>(
          "select count(*)::int as open from pg_stat_activity where usename = 'neuraform_edge'",
        )
      )[0]?.open ?? 0
    const before = await countOpen()
    for (let number = 0; number < 30; number += 1) await call('GET', '/auth/profile', { token })
    await vi.waitFor(async () => expect(await countOpen()).toBeLessThan(before + 5), { timeout: 10_000, interval: 300 })
    const scope = newScope()
    const pid = async () => (await asVisitor(scope, (db) => [db.execute(sql`select pg_backend_pid() as pid`)]))[0].rows
    expect(await pid()).toEqual(await pid())
    expect(scope.database.flights).toBe(2)
  })
})
