import { join } from 'node:path'
import { bundleWorker, type Bundle } from '#bench/door/bundle.ts'
import { startLocalWorker, type Bindings } from '#bench/door/local-worker.ts'
import type { Pair } from '#bench/door/measure.ts'
import { makeTalker, type Talker } from '#bench/door/person.ts'
import { bundlesIn, openDatabase } from '#bench/given.ts'
import { startLatencyProxy } from '#bench/latency-proxy.ts'
import { makeWorkerKeys, workerEnvironment } from '#scripts/stack/environment.ts'
import { startPgBouncer } from '#scripts/stack/pgbouncer.ts'
import { startUpstream } from '#scripts/upstream/server.ts'

const root = join(import.meta.dirname, '../..')

interface SettingOptions {
  readonly directory: string
  readonly roundTripMs: number
  readonly pageRows: number
  readonly poolSize: number
  /** Keeps whatever is to be stopped, the last one first. */
  readonly stopLater: (part: { stop(): unknown }) => void
}

/** Both Workers, a PostgreSQL behind a pooler, and somebody whose page of conversations is asked for. */
export interface Setting {
  /** Where the pooler stands beside the database. */
  readonly near: Pair
  /** The same rows with titles, which the service opens. */
  readonly nearSealed: Pair
  /** Where each request writes its log line, and the tools of this machine read it. */
  readonly nearLogged: Pair
  /** Where the rate limiter's local stand-in counts each request, a Worker of its own. */
  readonly nearLimited: Pair
  /** Where a round trip lies between pooler and database. */
  readonly away: Pair
  readonly awaySealed: Pair
}

/** Starts everything that the comparison needs. */
export async function makeSetting(options: SettingOptions): Promise<Setting> {
  const { pageRows } = options
  const { near, away, upstreamOrigin, start } = await startParts(options)
  const variables = workerEnvironment({
    given: [],
    workerOrigin: 'http://127.0.0.1',
    upstreamOrigin,
    keys: makeWorkerKeys(),
  })
  const [service, bareWorker] = await Promise.all([
    bundleWorker(join(root, 'wrangler.toml'), join(bundlesIn(options.directory), 'service')),
    bundleWorker(join(root, 'bench/door/wrangler.toml'), join(bundlesIn(options.directory), 'door')),
  ])
  // What the Workers log goes through a process of the tools, which reads every line: measured apart, as the limiter is.
  const quiet = { ...variables, LOG_REQUESTS: 'failures' }
  const serve = async (url: string) => await start(service, { url, bindings: quiet })
  const logging = await start(service, { url: near.edge, bindings: variables })
  const [ours, oursAway] = [await serve(near.edge), await serve(away.edge)]
  const limited = await start(service, {
    url: near.edge,
    bindings: quiet,
    ratelimits: { API_LIMITER: { namespace_id: '1002', simple: { limit: 1_000_000_000, period: 60 } } },
  })
  const [bare, bareAway] = [await start(bareWorker, { url: near.owner }), await start(bareWorker, { url: away.owner })]
  const untitled = await makeTalker(ours, upstreamOrigin, { conversations: pageRows, isTitled: false })
  const titled = await makeTalker(ours, upstreamOrigin, { conversations: pageRows, isTitled: true })
  const pair = (ourOrigin: string, bareOrigin: string, { userId, token }: Talker): Pair => ({
    ours: { url: `${ourOrigin}/conversations?limit=${pageRows}`, headers: { Authorization: `Bearer ${token}` } },
    bare: { url: `${bareOrigin}/?user=${userId}`, headers: {} },
  })
  return {
    near: pair(ours, bare, untitled),
    nearSealed: pair(ours, bare, titled),
    nearLogged: pair(logging, bare, untitled),
    nearLimited: pair(limited, bare, untitled),
    away: pair(oursAway, bareAway, untitled),
    awaySealed: pair(oursAway, bareAway, titled),
  }
}

interface Wish extends Omit<Bindings, 'hyperdrives'> {
  /** Behind the binding HYPERDRIVE. */
  readonly url: string
}

async function startParts({ directory, roundTripMs, poolSize, stopLater }: SettingOptions) {
  const urls = await openDatabase(join(directory, 'postgres'), stopLater)
  const upstream = await startUpstream()
  stopLater({ stop: () => upstream.close() })
  const far = await startLatencyProxy({ targetPort: urls.port, roundTripMs, startsAt: 'connect' })
  stopLater({ stop: () => far.close() })
  const behindPooler = async (port: number) => {
    const at = (url: string) => Object.assign(new URL(url), { port: String(port) }).href
    const [edge, owner] = [at(urls.edgeUrl), at(urls.ownerUrl)]
    const pooler = await startPgBouncer({ databaseUrls: [edge, owner], poolSize })
    stopLater(pooler)
    return { edge: pooler.urlOf(edge), owner: pooler.urlOf(owner) }
  }
  const start = async (bundle: Bundle, { url, ...rest }: Wish) => {
    const worker = await startLocalWorker(bundle, { hyperdrives: { HYPERDRIVE: url }, ...rest })
    stopLater(worker)
    return worker.origin
  }
  return {
    near: await behindPooler(urls.port),
    away: await behindPooler(far.port),
    upstreamOrigin: upstream.origin,
    start,
  }
}
