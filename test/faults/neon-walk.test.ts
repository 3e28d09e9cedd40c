/// <reference types="@cloudflare/vitest-pool-workers/types" />
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, inject, it, vi } from 'vitest'
import worker from '#src/index.ts'
import { databaseAt, transports, watchNeon, type Transport } from '#test/setup/other-database.ts'
import { someWords, walkEveryRoute } from '#test/setup/walk.ts'

async function walkBy(transport: Transport) {
  const bindings = { ...env, ...databaseAt(inject('stack').edgeUrl, transport) }
  return await walkEveryRoute(someWords(), async (request) => {
    const context = createExecutionContext()
    const response = await worker.fetch(request, bindings, context)
    const body = await response.arrayBuffer()
    await waitOnExecutionContext(context)
    return new Response([204, 304].includes(response.status) ? null : body, response)
  })
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
    walks.push(await walkBy(transport))
    random.mockRestore()
    expect(requests > 0).toBe(transport === 'Neon')
  }
  const [hyperdrive, neon] = walks.map((exchanges) =>
    exchanges.map(({ operation, label, status, flights, headers }) => [
      `${operation} ${label}`,
      status,
      flights,
      headers.get('Content-Type'),
    ]),
  )
  expect(neon).toEqual(hyperdrive)
  const flights = walks[1]?.reduce((sum, exchange) => sum + exchange.flights, 0)
  // What a completion that nobody keeps took is said after its answer, by a way of its own.
  expect([requests - 1, walks[1]?.filter(({ status }) => status >= 500)]).toEqual([flights, []])
})
