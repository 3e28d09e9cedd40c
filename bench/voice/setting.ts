import { join } from 'node:path'
import { bundleWorker, plainWorker, type Bundle } from '#bench/door/bundle.ts'
import { makeTalker } from '#bench/door/person.ts'
import { bundlesIn, openDatabase } from '#bench/given.ts'
import { startLatencyProxy } from '#bench/latency-proxy.ts'
import type { Asked } from '#bench/voice/ask.ts'
import { startSlowVoice, type SlowVoice } from '#bench/voice/vendor.ts'
import { startWorkers, type WorkerPart } from '#bench/voice/workers.ts'
import { makeWorkerKeys, workerEnvironment } from '#scripts/stack/environment.ts'
import { startPgBouncer } from '#scripts/stack/pgbouncer.ts'
import { findFreePort } from '#scripts/stack/ports.ts'
import { startUpstream } from '#scripts/upstream/server.ts'

interface SettingOptions {
  readonly directory: string
  readonly roundTripMs: number
  /** Keeps whatever is to be stopped, the last one first. */
  readonly stopLater: (part: { stop(): unknown }) => void
}

/** Everything that speech is measured with. */
export interface Setting {
  readonly vendor: SlowVoice
  /** The service twice, in isolates of their own, on one database and before one KV and one R2. */
  readonly services: readonly [Asked, Asked]
  /** A Worker that keeps and relays and does nothing else, before the same stores. */
  readonly bare: Asked
  /** The service once more, in a process of its own that has spoken nothing yet. */
  startApart(): Promise<Apart>
}

/** A service that has a process to itself. */
interface Apart {
  readonly asked: Asked
  readonly port: number
  readonly pid: number | undefined
  readonly name: string
  readonly inspectorPort: number
}

const root = join(import.meta.dirname, '../..')

/** Starts the vendor, a database that lies a round trip behind its pooler, and the Workers, and signs somebody up. */
export async function makeSetting(options: SettingOptions): Promise<Setting> {
  const { directory, stopLater } = options
  const { vendor, upstreamOrigin, databaseUrl } = await startOutside(options)
  const bindings = workerEnvironment({
    given: [
      {
        SPEECH_PROVIDER: 'openai',
        SPEECH_BASE_URL: vendor.baseUrl,
        LOG_REQUESTS: 'failures',
        DAILY_SPEECH_CHARACTERS: '100000000',
        DAILY_STORED_BYTES: '100000000000',
      },
    ],
    workerOrigin: 'http://127.0.0.1',
    upstreamOrigin,
    keys: makeWorkerKeys(),
  })
  const serviceBundle = await bundleWorker(join(root, 'wrangler.toml'), join(bundlesIn(directory), 'service'))
  const bareBundle = await plainWorker(join(root, 'bench/voice/worker.ts'), join(directory, 'bare'), serviceBundle)
  const part = (name: string, bundle: Bundle): WorkerPart => ({
    name,
    bundle,
    bindings,
    hyperdrives: { HYPERDRIVE: databaseUrl },
  })
  const start = async (parts: readonly WorkerPart[], inspectorPort?: number) => {
    const workers = await startWorkers(parts, inspectorPort)
    stopLater(workers)
    return workers
  }
  const { ports } = await start([part('one', serviceBundle), part('two', serviceBundle), part('bare', bareBundle)])
  const [one = '', two = '', bare = ''] = ports.map((port) => `http://127.0.0.1:${port}`)
  const { token } = await makeTalker(one, upstreamOrigin, { conversations: 0, isTitled: false })
  const headers = { Authorization: `Bearer ${token}` }
  return {
    vendor,
    services: [
      { origin: one, headers },
      { origin: two, headers },
    ],
    bare: { origin: bare, headers: {} },
    startApart: async () => {
      const [name, inspectorPort] = ['apart', await findFreePort()]
      const {
        ports: [port = 0],
        pid,
      } = await start([part(name, serviceBundle)], inspectorPort)
      return { asked: { origin: `http://127.0.0.1:${port}`, headers }, port, pid, name, inspectorPort }
    },
  }
}

async function startOutside({ directory, roundTripMs, stopLater }: SettingOptions) {
  const urls = await openDatabase(join(directory, 'postgres'), stopLater)
  const [upstream, vendor] = [await startUpstream(), await startSlowVoice()]
  stopLater({ stop: async () => (vendor.close(), await upstream.close()) })
  const far = await startLatencyProxy({ targetPort: urls.port, roundTripMs, startsAt: 'ready-for-query' })
  stopLater({ stop: () => far.close() })
  const farUrl = Object.assign(new URL(urls.edgeUrl), { port: String(far.port) }).href
  const pooler = await startPgBouncer({ databaseUrls: [farUrl], poolSize: 40 })
  stopLater(pooler)
  return { vendor, upstreamOrigin: upstream.origin, databaseUrl: pooler.urlOf(farUrl) }
}
