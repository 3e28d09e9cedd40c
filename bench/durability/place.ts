import { join } from 'node:path'
import { Client } from 'pg'
import { bundleWorker } from '#bench/door/bundle.ts'
import { startLocalWorker, type LocalWorker } from '#bench/door/local-worker.ts'
import { bundlesIn, openDatabase } from '#bench/given.ts'
import { startLatencyProxy } from '#bench/latency-proxy.ts'
import { findBrokenRows, type Broken } from '#scripts/check/find-broken.ts'
import { findPgBouncer, startPgBouncer } from '#scripts/stack/pgbouncer.ts'
import { makeWorkerKeys, workerEnvironment } from '#scripts/stack/environment.ts'
import { startUpstream } from '#scripts/upstream/server.ts'

const root = join(import.meta.dirname, '../..')

/** The whole service on this machine, whose parts can be killed. */
export interface Place {
  readonly upstreamOrigin: string
  /** Where the Worker is now; a killed one is followed by another elsewhere. */
  origin(): string
  /** Ends every connection of the Worker's once there is one, and every one of PostgreSQL's as an operator would; how many the Worker had. */
  killConnections(): Promise<number>
  /** Kills the Worker's process in the middle of whatever it does, and starts another. Throws where PostgreSQL is not done with it in 5 s. */
  killWorker(): Promise<void>
  /** What is broken between the rows of the database. */
  broken(): Promise<readonly Broken[]>
}

/** Starts it; `stopLater` keeps whatever is to be stopped, the last one first. */
export async function startPlace(directory: string, stopLater: (part: { stop(): unknown }) => void): Promise<Place> {
  const urls = await openDatabase(join(directory, 'postgres'), stopLater)
  const upstream = await startUpstream({ chunkDelayMs: 4 })
  stopLater({ stop: () => upstream.close() })
  const owner = new Client({ connectionString: urls.ownerUrl })
  await owner.connect()
  stopLater({ stop: () => owner.end() })
  const bundle = await bundleWorker(join(root, 'wrangler.toml'), join(bundlesIn(directory), 'service'))
  const bindings = {
    ...workerEnvironment({
      given: [
        { DAILY_LLM_TOKENS: '1000000000', LLM_NOTES: 'false', MEMORY_EXTRACTOR: 'rules', LOG_REQUESTS: 'failures' },
      ],
      workerOrigin: 'http://127.0.0.1',
      upstreamOrigin: upstream.origin,
      keys: makeWorkerKeys(),
    }),
  }
  const way = await wayTo(urls.edgeUrl, stopLater)
  const start = async () => await startLocalWorker(bundle, { hyperdrives: { HYPERDRIVE: way.url }, bindings })
  let worker: LocalWorker = await start()
  stopLater({ stop: async () => await worker.stop() })
  return {
    upstreamOrigin: upstream.origin,
    origin: () => worker.origin,
    killConnections: async () => {
      const cut = await way.cut()
      await owner.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where usename = 'neuraform_edge' and datname = current_database()`,
      )
      return cut
    },
    killWorker: async () => {
      await worker.stop()
      const [started] = await Promise.all([start(), letTimePass(owner)])
      worker = started
    },
    broken: async () => await findBrokenRows(owner, undefined),
  }
}

/** The way to the Worker's database, which can be cut: by a pool, as Hyperdrive is one, where there is PgBouncer. */
async function wayTo(edgeUrl: string, stopLater: (part: { stop(): unknown }) => void) {
  let pooledUrl = edgeUrl
  if (findPgBouncer() !== undefined) {
    const pool = await startPgBouncer({ databaseUrls: [edgeUrl], poolSize: 20 })
    stopLater(pool)
    pooledUrl = pool.urlOf(edgeUrl)
  }
  const proxy = await startLatencyProxy({
    targetPort: Number(new URL(pooledUrl).port),
    roundTripMs: 0,
    startsAt: 'connect',
  })
  stopLater({ stop: () => proxy.close() })
  const cut = async () => {
    let connections = proxy.cut()
    for (let looks = 0; connections === 0 && looks < 1_000; looks += 1) {
      await pause(1)
      connections = proxy.cut()
    }
    return connections
  }
  return { url: Object.assign(new URL(pooledUrl), { port: String(proxy.port) }).href, cut }
}

/**
 * What a dead Worker answered is known to be nobody's after half a minute, which passes here: for what it had begun, too, so
 * that PostgreSQL must have ended that.
 */
async function letTimePass(owner: Client): Promise<void> {
  // What it sent last may be on its way yet.
  await pause(50)
  const { rows } = await owner.query<{ now: Date }>('select clock_timestamp() as now')
  const begun = `select from pg_stat_activity where usename = 'neuraform_edge' and datname = current_database()
    and state <> 'idle' and xact_start <= $1`
  for (let looks = 0; (await owner.query(begun, [rows[0]?.now])).rows.length > 0; looks += 1) {
    if (looks === 500) throw new Error('what a dead Worker had begun does not end')
    await pause(10)
  }
  await owner.query("update turns set checked_at = checked_at - interval '1 minute' where state = 'streaming'")
}

const pause = async (milliseconds: number) => await new Promise((resolve) => setTimeout(resolve, milliseconds))
