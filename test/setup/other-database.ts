import { Client } from 'pg'
import { expect, inject, onTestFinished, vi } from 'vitest'
import type { Env } from '#src/config.ts'
import { StatementBatch } from '#src/db/statement-batch.ts'
import { eventually } from '#test/setup/eventually.ts'
import { asOwner } from '#test/setup/owner-database.ts'

type Variables = Partial<Env>

/** The ways to PostgreSQL; what holds of the door holds by each. */
export const transports = ['Hyperdrive', 'Neon'] as const
export type Transport = (typeof transports)[number]

/** The variables of a Worker that is bound to this database. */
export function databaseAt(connectionString: string, transport: Transport = 'Hyperdrive'): Variables {
  if (transport === 'Hyperdrive') return { HYPERDRIVE: { connectionString } as Hyperdrive }
  return Object.fromEntries([
    ['HYPERDRIVE', undefined],
    ['NEON_DATABASE_URL', connectionString],
    ['NEON_FETCH_ENDPOINT', inject('stack').neonEndpoint],
  ])
}

/** The variables of a Worker that reaches the tests' database in another way. */
export function databaseVia(change: (url: URL) => unknown, transport: Transport = 'Hyperdrive'): Variables {
  const url = new URL(inject('stack').edgeUrl)
  change(url)
  return databaseAt(url.href, transport)
}

interface Connection {
  readonly pid: number
  readonly state: string | null
  readonly query: string
  readonly waits_for: string | null
  readonly millisecondsInState: number
}

/** The tests' database by connections of a name of their own, so that they can be told from everybody else's. */
export function namedDatabase(transport: Transport = 'Hyperdrive', options = '') {
  const name = `test-${crypto.randomUUID()}`
  const connections = async () =>
    await asOwner<Connection>(
      `select pid, state, query, wait_event_type as waits_for,
         (extract(epoch from clock_timestamp() - state_change) * 1000)::int as "millisecondsInState"
       from pg_stat_activity where application_name = $1 order by backend_start`,
      [name],
    )
  // Not with the function's own timeout: that looks every 100 ms, at one connection after the other.
  const terminate = async () => {
    const ended = await asOwner('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [
      name,
    ])
    await eventually(async () => expect(await connections()).toEqual([]))
    return ended.length
  }
  return {
    variables: databaseVia((url) => {
      url.searchParams.set('application_name', name)
      if (options !== '') url.searchParams.set('options', options)
    }, transport),
    connections,
    /** Ends them as an operator would and waits until they are gone; how many there were. */
    terminate,
    /** Cancels what they are doing. */
    cancel: async () =>
      (await asOwner('select pg_cancel_backend(pid) from pg_stat_activity where application_name = $1', [name])).length,
  }
}

/**
 * The tests' database for a file with more tests than there are connections: those of a test stay open as long as its file
 * runs. Where there is a pool, its connections are nobody's; elsewhere `letGo`, after each test, ends them now and then.
 */
export function databaseForMany(): { readonly variables: Variables; readonly letGo: () => Promise<void> } {
  const { edgeUrl, pooledUrl } = inject('stack')
  if (pooledUrl !== edgeUrl) return { variables: {}, letGo: async () => undefined }
  const { variables, terminate } = namedDatabase()
  let tests = 0
  return {
    variables,
    letGo: async () => {
      tests += 1
      if (tests % 25 === 0) await terminate()
    },
  }
}

/** Keeps what a statement locks, as a long migration or another writer would, until it is let go. */
export async function holdLock(text: string, values: readonly unknown[]) {
  const holder = new Client({ connectionString: inject('stack').ownerUrl })
  holder.on('error', () => undefined)
  await holder.connect()
  await holder.query('begin')
  await holder.query(text, [...values])
  return { holder, release: async () => void (await holder.query('rollback')) }
}

/** Keeps the row of a conversation locked. */
export async function lockConversation(id: string) {
  const { holder, release } = await holdLock('select 1 from conversations where id = $1 for update', [id])
  return {
    release,
    /** Changes the row before letting it go, so that whoever waits for it sees another one. */
    changeAndRelease: async () => {
      await holder.query("update conversations set tags = '{changed}' where id = $1", [id])
      await holder.query('commit')
    },
  }
}

type Send = (asked: StatementBatch) => Promise<unknown>

/** Stands between the Worker's door and its client until the test ends: once for each flight, from begin to commit. */
export function watchFlights(stand: (send: Send, asked: StatementBatch) => Promise<unknown>): void {
  const trueQuery = Reflect.get(Client.prototype, 'query') as (...args: unknown[]) => Promise<unknown>
  function query(this: Client, asked: unknown, ...values: unknown[]): unknown {
    if (!(asked instanceof StatementBatch)) return trueQuery.call(this, asked, ...values)
    const { answer } = asked
    const send = async (sent: StatementBatch) => {
      void trueQuery.call(this, sent)
      return await (sent === asked ? answer : sent.answer)
    }
    // Whatever was sent for it, this is what the door hears.
    Object.defineProperty(asked, 'answer', { value: stand(send, asked) })
    return asked
  }
  const spy = vi.spyOn(Client.prototype, 'query').mockImplementation(query as never)
  onTestFinished(() => spy.mockRestore())
}

/** The same flight, rolled back at its end. */
export const rolledBack = ({ queries }: StatementBatch) =>
  new StatementBatch([...queries.slice(0, -1), { text: 'rollback', values: [], isUnread: true }])

type Ask = () => Promise<Response>

/** Stands between the Worker and Neon's endpoint until the test ends; `number` counts the requests from 1. */
export function watchNeon(stand: (ask: Ask, init: RequestInit, number: number) => Promise<Response>): void {
  const trueFetch = globalThis.fetch
  let number = 0
  vi.stubGlobal('fetch', async (input: RequestInfo | URL, init: RequestInit = {}) => {
    if (String(input) !== inject('stack').neonEndpoint) return await trueFetch(input, init)
    number += 1
    return await stand(async () => await trueFetch(input, init), init, number)
  })
  onTestFinished(() => void vi.unstubAllGlobals())
}

/** Loses the answer to one COMMIT of this test, which the database has heard; how many there were. */
export function loseAnswer(nth: number): () => number {
  let commits = 0
  watchFlights(async (send, asked) => {
    const answer = await send(asked)
    commits += 1
    if (commits === nth) throw new Error('the socket was closed')
    return answer
  })
  return () => commits
}
