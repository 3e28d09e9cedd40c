import { join } from 'node:path'
import { Client } from 'pg'
import { bundleWorker } from '#bench/door/bundle.ts'
import { startLocalWorker, type LocalWorker } from '#bench/door/local-worker.ts'
import { bundlesIn, openDatabase } from '#bench/given.ts'
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
  /** Ends every connection of the Worker to PostgreSQL, as an operator would; how many there were. */
  killConnections(): Promise<number>
  /** Kills the Worker's process in the middle of whatever it does, and starts another. */
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
  const url = await pooled(urls.edgeUrl, stopLater)
  const start = async () => await startLocalWorker(bundle, { hyperdrives: { HYPERDRIVE: url }, bindings })
  let worker: LocalWorker = await start()
  stopLater({ stop: async () => await worker.stop() })
  return {
    upstreamOrigin: upstream.origin,
    origin: () => worker.origin,
    killConnections: async () =>
      (
        await owner.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where usename = 'neuraform_edge' and datname = current_database()`,
        )
      ).rows.length,
    killWorker: async () => {
      await worker.stop()
      await untilQuiet(owner)
      // What the dead Worker answered is known to be nobody's after half a minute: that time passes here.
      await owner.query("update turns set checked_at = checked_at - interval '1 minute' where state = 'streaming'")
      worker = await start()
    },
    broken: async () => await findBrokenRows(owner, undefined),
  }
}

/** The Worker's database by a pool, as Hyperdrive is one, where there is PgBouncer. */
async function pooled(edgeUrl: string, stopLater: (part: { stop(): unknown }) => void): Promise<string> {
  if (findPgBouncer() === undefined) return edgeUrl
  const pool = await startPgBouncer({ databaseUrls: [edgeUrl], poolSize: 20 })
  stopLater(pool)
  return pool.urlOf(edgeUrl)
}

/** Waits until PostgreSQL has ended what a dead Worker had asked of it, be it that it stayed or that it was undone. */
async function untilQuiet(owner: Client): Promise<void> {
  const busy = `select from pg_stat_activity
    where usename = 'neuraform_edge' and datname = current_database() and state <> 'idle'`
  // What the dead Worker sent last may be on its way yet.
  for (let [quiet, looks] = [0, 0]; quiet < 5 && looks < 500; looks += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10))
    quiet = (await owner.query(busy)).rows.length === 0 ? quiet + 1 : 0
  }
}
