/// <reference types="@cloudflare/vitest-pool-workers/types" />
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, inject, it, vi } from 'vitest'
import worker from '#src/index.ts'
import { databaseAt, transports, watchNeon, type Transport } from '#test/setup/other-database.ts'
import { someWords, walkEveryRoute } from '#test/setup/walk.ts'

async function walkBy(transport: Transport, counted: () => number) {
  let afterwards = 0
  const bindings = { ...env, ...databaseAt(inject('stack').pooledUrl, transport) }
  const exchanges = await walkEveryRoute(someWords(), async (request) => {
    const before = counted()
    const context = createExecutionContext()
    const response = await worker.fetch(request, bindings, context)
    const body = await response.arrayBuffer()
    await waitOnExecutionContext(context)
    // A file of all conversations flies on for each once its head has left.
    if (new URL(request.url).pathname === '/conversations/export') afterwards += counted() - before - 1
    return new Response([204, 304].includes(response.status) ? null : body, response)
  })
  return { exchanges, afterwards }
}

it('walks the main job by Neon as by Hyperdrive: the same answers, as many flights, one request for each', async () => {
  let requests = 0
  watchNeon(async (ask, { body }) => {
    // What is done beside an answer is no flight of it.
    if (!/checkpoint_turn|neuraform: sign-in refused/.test(String(body))) requests += 1
    return await ask()
  })
  const walks = []
  for (const [number, transport] of transports.entries()) {
    // The catalogue is asked for with a limit that the edge has not seen.
    const random = vi.spyOn(Math, 'random').mockReturnValue(number / 10)
    walks.push(await walkBy(transport, () => requests))
    random.mockRestore()
    expect(requests > 0).toBe(transport === 'Neon')
  }
  const [hyperdrive, neon] = walks.map(({ exchanges }) =>
    exchanges.map(({ operation, label, status, flights, headers }) => [
      `${operation} ${label}`,
      status,
      flights,
      headers.get('Content-Type'),
    ]),
  )
  expect(neon).toEqual(hyperdrive)
  const { exchanges = [], afterwards = 0 } = walks[1] ?? {}
  expect(afterwards).toBe(4)
  const flights = exchanges.reduce((sum, exchange) => sum + exchange.flights, afterwards)
  // What a completion that nobody keeps took is said after its answer, by a way of its own.
  expect([requests - 1, exchanges.filter(({ status }) => status >= 500)]).toEqual([flights, []])
})
