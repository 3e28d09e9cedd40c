import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { bundleWorker, plainWorker, type Bundle } from '#bench/door/bundle.ts'
import { startLocalWorker } from '#bench/door/local-worker.ts'
import { makeTalker } from '#bench/door/person.ts'
import { bundlesIn, openDatabase } from '#bench/given.ts'
import { startLatencyProxy } from '#bench/latency-proxy.ts'
import { hear, quantile, type Speaking } from '#bench/turn/hear.ts'
import { startSlowModel } from '#bench/turn/model.ts'
import { makeWorkerKeys, workerEnvironment } from '#scripts/stack/environment.ts'
import { findPgBouncer, pgBouncerMissing, startPgBouncer } from '#scripts/stack/pgbouncer.ts'
import { removeState } from '#scripts/stack/stack.ts'
import { startUpstream } from '#scripts/upstream/server.ts'

// Less than any hosted model takes: what hides behind its first word must be quicker than this.
const firstWordMs = 150

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '60' },
    turns: { type: 'string', default: '100' },
    'round-trip': { type: 'string', default: '40' },
  },
})
const [rounds, turnsAtOnce, roundTripMs] = [Number(values.rounds), Number(values.turns), Number(values['round-trip'])]
// What a turn may take beside its one crossing.
const mostBesideMs = 5

if (findPgBouncer() === undefined) {
  console.log(pgBouncerMissing)
} else {
  await using started = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'neuraform-turn-'))
  started.defer(() => removeState(directory))
  const { ours, bare } = await makeSetting(directory, (part) => started.defer(async () => void (await part.stop())))
  const { added, oneFlight } = await compare(ours, bare)
  const atOnce = await takeAtOnce(ours)
  const isHeld = added <= oneFlight + mostBesideMs
  console.log(`\nadded to the first word ≤ one flight + ${mostBesideMs} ms: ${isHeld ? 'held' : 'over'}`)
  console.log(`${turnsAtOnce} turns at once: ${atOnce === turnsAtOnce ? 'hold' : 'do not hold'}`)
  process.exitCode = isHeld && atOnce === turnsAtOnce ? 0 : 1
}

/** Both Workers before one model, and a database that lies a round trip behind its pooler. */
async function makeSetting(directory: string, stopLater: (part: { stop(): unknown }) => void) {
  const urls = await openDatabase(join(directory, 'postgres'), stopLater)
  const [upstream, model] = [await startUpstream(), await startSlowModel(firstWordMs)]
  stopLater({ stop: async () => (model.close(), await upstream.close()) })
  const far = await startLatencyProxy({ targetPort: urls.port, roundTripMs, startsAt: 'ready-for-query' })
  stopLater({ stop: () => far.close() })
  const farUrl = Object.assign(new URL(urls.edgeUrl), { port: String(far.port) }).href
  const pooler = await startPgBouncer({ databaseUrls: [farUrl], poolSize: 40 })
  stopLater(pooler)
  const bindings = workerEnvironment({
    given: [
      {
        LLM_BASE_URL: model.baseUrl,
        LOG_REQUESTS: 'failures',
        LLM_NOTES: 'false',
        MEMORY_EXTRACTOR: 'rules',
        DAILY_LLM_TOKENS: '1000000000',
      },
    ],
    workerOrigin: 'http://127.0.0.1',
    upstreamOrigin: upstream.origin,
    keys: makeWorkerKeys(),
  })
  const root = join(import.meta.dirname, '..')
  const serviceBundle = await bundleWorker(join(root, 'wrangler.toml'), join(bundlesIn(directory), 'service'))
  const relayBundle = await plainWorker(join(root, 'bench/turn/worker.ts'), join(directory, 'relay'), serviceBundle)
  const start = async (bundle: Bundle, hyperdrives: Record<string, string>) => {
    const worker = await startLocalWorker(bundle, { hyperdrives, bindings })
    stopLater(worker)
    return worker.origin
  }
  const service = await start(serviceBundle, { HYPERDRIVE: pooler.urlOf(farUrl) })
  const relay = await start(relayBundle, {})
  const { token } = await makeTalker(service, upstream.origin, { conversations: 1, isTitled: false })
  const headers = { Authorization: `Bearer ${token}` }
  const Conversations = z.object({ items: z.tuple([z.object({ id: z.uuid() })]) })
  const listed = Conversations.parse(await (await fetch(`${service}/conversations`, { headers })).json())
  return {
    ours: { url: `${service}/conversations/${listed.items[0].id}/turns`, headers },
    bare: { url: relay, headers: {} },
  }
}

/** They take turns; the milliseconds that the service adds to the first word, and those of a request that is one flight. */
async function compare(ours: Speaking, bare: Speaking): Promise<{ added: number; oneFlight: number }> {
  const sides = [
    { name: 'a bare relay', speaking: bare, found: [] as number[] },
    { name: 'the service', speaking: ours, found: [] as number[] },
  ] as const
  const flights: number[] = []
  for (const { speaking } of sides) for (let warm = 0; warm < 5; warm += 1) await hear(speaking, 'Warm.')
  for (let round = 0; round < rounds; round += 1) {
    for (const { speaking, found } of round % 2 === 0 ? sides : sides.toReversed()) {
      found.push((await hear(speaking, `Round ${round}.`)).firstMs)
    }
    flights.push(await oneFlightOf(ours))
  }
  const [{ found: bareMs }, { found: oursMs }] = sides
  const added = quantile(
    oursMs.map((value, round) => value - (bareMs[round] ?? Number.NaN)),
    0.5,
  )
  console.log(
    `| ${rounds} rounds, interleaved; ${roundTripMs} ms to the database, ${firstWordMs} ms to the model's first word | p50 | p95 |`,
  )
  console.log('| --- | --- | --- |')
  for (const { name, found } of sides)
    console.log(row(`first word, ${name}`, quantile(found, 0.5), quantile(found, 0.95)))
  const oneFlight = quantile(flights, 0.5)
  console.log(row('added', added))
  console.log(row('a request of one flight', oneFlight, quantile(flights, 0.95)))
  return { added, oneFlight }
}

/** How long a request takes that asks who is asking, and nothing else. */
async function oneFlightOf({ url, headers }: Speaking): Promise<number> {
  const startedAt = performance.now()
  await (await fetch(new URL('/auth/session', url), { headers })).text()
  return performance.now() - startedAt
}

/** Many turns of one person at once; how many of them were whole. */
async function takeAtOnce(ours: Speaking): Promise<number> {
  const heard = await Promise.allSettled(
    Array.from({ length: turnsAtOnce }, async (_, number) => await hear(ours, `At once ${number}.`)),
  )
  const whole = heard.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  for (const one of heard) if (one.status === 'rejected') console.error(String(one.reason))
  const firsts = whole.map(({ firstMs }) => firstMs)
  console.log(
    row(`first word, ${turnsAtOnce} at once: ${whole.length} whole`, quantile(firsts, 0.5), quantile(firsts, 0.95)),
  )
  return whole.length
}

function row(name: string, ...found: readonly number[]): string {
  return `| ${name} | ${[0, 1].map((at) => (found[at] === undefined ? '' : `${found[at].toFixed(1)} ms`)).join(' | ')} |`
}
