import { describe, expect, inject, it, vi } from 'vitest'
import type { Env } from '#src/config.ts'
import type { Message } from '#src/conversations/shapes.ts'
import { call, newUser } from '#test/setup/client.ts'
import { databaseAt, databaseVia, watchNeon } from '#test/setup/other-database.ts'
import { messagesOf, newConversation } from '#test/setup/talk.ts'
import { callWith } from '#test/setup/worker-with.ts'

const { edgeUrl } = inject('stack')
const neon = databaseAt(edgeUrl, 'Neon')
const secret = 'secret words of the vendor: select 1 from users\n    at https://vendor.test/sql:1:1'

const json = (status: number, body: unknown) => Response.json(body, { status })
const html = (status: number) =>
  new Response(`<html>\n${secret}</html>`, { status, headers: { 'Content-Type': 'text/html' } })

/** The endpoint's true answer with something done to its results. */
const changed = async (ask: () => Promise<Response>, change: (results: unknown[]) => unknown) => {
  const { results } = await (await ask()).json<{ results: unknown[] }>()
  return json(200, change(results))
}

type Stand = (ask: () => Promise<Response>) => Promise<Response>

/** What an endpoint may do that is no word of PostgreSQL's. */
const faults: readonly (readonly [string, Stand])[] = [
  ['cannot be reached', async () => await Promise.reject(new TypeError(secret))],
  ['is a proxy that has no way on', async () => html(502)],
  [
    'has a fault of its own',
    async () => json(500, { message: secret, code: '40001', routine: 'x', severity: 'ERROR' }),
  ],
  ['refuses without saying a SQLSTATE', async () => json(400, { message: secret, code: '' })],
  ['says what is no SQLSTATE', async () => json(400, { message: secret, code: 'ECONNRESET', severity: 'ERROR' })],
  ['refuses in HTML', async () => html(400)],
  ['finds the answer too large', async () => json(507, { message: secret })],
  [
    'sends one elsewhere',
    async () => new Response(null, { status: 307, headers: { Location: 'https://else.test/sql' } }),
  ],
  ['answers in HTML', async () => html(200)],
  ['answers nothing', async () => new Response('')],
  ['answers half', async (ask) => new Response((await (await ask()).text()).slice(0, -20))],
  [
    'breaks off',
    async (ask) => {
      const bytes = await (await ask()).bytes()
      const body = new ReadableStream<Uint8Array>({
        start: (stream) => stream.enqueue(bytes.slice(0, 20)),
        pull: (stream) => stream.error(new Error(secret)),
      })
      return new Response(body)
    },
  ],
  ['answers something else', async () => json(200, { secret })],
  ['leaves out an answer', async (ask) => await changed(ask, (results) => ({ results: results.slice(1) }))],
  ['answers without columns', async (ask) => await changed(ask, (results) => ({ results: results.map(() => ({})) }))],
  // Said by a proxy, of any moment: what PostgreSQL itself says names the routine that said it.
  ['loses its connection', async () => json(400, { message: secret, code: '57P01', severity: 'FATAL' })],
  ['says that the query was left', async () => json(400, { message: secret, code: '08P01' })],
]

const logged = () => {
  const log = vi
    .spyOn(console, 'log')
    .mockImplementation(() => undefined)
    .mockClear()
  return () => log.mock.calls.flat().map(String)
}

const send = async (variables: Partial<Env>, token: string, id: string, key: string) =>
  await callWith<Message & { code?: string }>(variables, 'POST', `/conversations/${id}/messages`, {
    token,
    body: { role: 'user', content: 'Planted words.' },
    headers: { 'Idempotency-Key': key },
  })

describe('an endpoint of Neon’s', () => {
  it.each(faults)('that %s is unavailable and asked once, and none of its words is told', async (_name, stand) => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    expect((await send(neon, token, id, 'before')).status).toBe(201)
    const lines = logged()
    let asked = 0
    watchNeon(async (ask) => {
      asked += 1
      return await stand(ask)
    })
    const { status, headers, body } = await send(neon, token, id, 'key')
    expect([status, headers.get('Retry-After'), headers.get('Server-Timing'), asked, body]).toEqual([
      503,
      '2',
      'db;desc="1 flight"',
      1,
      {
        type: 'urn:neuraform:problem:unavailable',
        title: 'The service cannot answer at the moment.',
        status: 503,
        code: 'unavailable',
      },
    ])
    const told = lines().join('\n')
    expect(told).toContain('"problem":"unavailable"')
    const words = ['secret words', 'vendor.test', 'select', 'Planted', token, new URL(edgeUrl).password, 'postgres:']
    expect(words.filter((word) => told.includes(word))).toEqual([])
    // Whether or not the flight was heard, its key makes one message.
    vi.unstubAllGlobals()
    expect((await send(neon, token, id, 'key')).status).toBe(201)
    expect((await messagesOf(token, id)).length).toBe(2)
  })

  it.each([
    ['40001', 'CheckForSerializableConflictOut'],
    ['40P01', 'DeadLockReport'],
    ['57P01', 'ProcessInterrupts'],
  ])('that passes on %s is asked again', async (code, routine) => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    await send(neon, token, id, 'before')
    watchNeon(async (ask, _init, number) =>
      number < 3 ? json(400, { message: secret, code, routine, severity: 'ERROR' }) : await ask(),
    )
    const { status, headers } = await send(neon, token, id, 'key')
    expect([status, headers.get('Server-Timing')]).toEqual([201, 'db;desc="3 flights"'])
    expect((await messagesOf(token, id)).length).toBe(2)
  })

  it('that does not answer is let go at the deadline', async () => {
    const { token } = await newUser()
    const signals: (AbortSignal | null | undefined)[] = []
    watchNeon(async (_ask, { signal }) => {
      signals.push(signal)
      return await new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(new Error('aborted')))
      })
    })
    const late = await callWith({ ...neon, DATABASE_DEADLINE_MS: '200' }, 'GET', '/auth/profile', { token })
    expect([late.status, late.body['code'], signals.map((signal) => signal?.aborted)]).toEqual([
      504,
      'deadline_exceeded',
      [true],
    ])
  })

  it('that runs no transaction reaches nothing, since no role is taken', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    await send(neon, token, id, 'before')
    const trueFetch = globalThis.fetch
    watchNeon(async (_ask, init) => {
      const results: unknown[] = []
      for (const query of (JSON.parse(String(init.body)) as { queries: unknown[] }).queries) {
        const answer = await trueFetch(inject('stack').neonEndpoint, { ...init, body: JSON.stringify(query) })
        if (!answer.ok) return answer
        results.push(await answer.json())
      }
      return json(200, { results })
    })
    const { status, body } = await send(neon, token, id, 'key')
    expect([status, body.code, (await messagesOf(token, id)).length]).toEqual([500, 'internal', 1])
  })

  it('is asked whether the login is bound by row-level security, once for each', async () => {
    const { token } = await newUser()
    const variables = databaseVia((url) => url.searchParams.set('application_name', crypto.randomUUID()), 'Neon')
    const checks: boolean[] = []
    watchNeon(async (ask, { body }) => {
      checks.push(String(body).includes('app.assert_safe_login()'))
      return await ask()
    })
    for (const _ of [1, 2]) expect((await callWith(variables, 'GET', '/auth/session', { token })).status).toBe(200)
    expect(checks).toEqual([true, false])
  })

  it('is not asked where Hyperdrive is bound', async () => {
    const { token } = await newUser()
    let asked = 0
    watchNeon(async (ask) => {
      asked += 1
      return await ask()
    })
    const { HYPERDRIVE } = databaseAt(edgeUrl)
    const { status } = await callWith({ ...neon, ...(HYPERDRIVE && { HYPERDRIVE }) }, 'GET', '/auth/session', { token })
    expect([status, asked]).toEqual([200, 0])
  })

  it('keeps 50 flights at once apart', async () => {
    const people = await Promise.all(Array.from({ length: 5 }, async () => await newUser()))
    const asking = Array.from({ length: 50 }, async (_, number) => {
      const { token, user } = people[number % people.length] ?? (await newUser())
      const { status, body } = await callWith<{ user_id: string }>(neon, 'GET', '/auth/session', { token })
      return [status, body.user_id === user.id]
    })
    expect(await Promise.all(asking)).toEqual(Array.from({ length: 50 }, () => [200, true]))
  })

  it('holds what Hyperdrive’s way wrote, and the other way round', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token, 'By Hyperdrive')
    const title = async (variables: Partial<Env>) =>
      (await callWith<{ title: string }>(variables, 'GET', `/conversations/${id}`, { token })).body.title
    const before = await title(neon)
    await callWith(neon, 'PATCH', `/conversations/${id}`, { token, body: { title: 'By Neon' } })
    expect([before, (await call<{ title: string }>('GET', `/conversations/${id}`, { token })).body.title]).toEqual([
      'By Hyperdrive',
      'By Neon',
    ])
  })
})
