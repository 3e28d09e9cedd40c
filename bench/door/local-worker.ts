import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { unstable_readConfig } from 'wrangler'
import { findFreePort } from '#scripts/stack/ports.ts'

/** A Worker in a workerd of its own, bundled as it would be deployed and reached without the tools' own proxies. */
export interface LocalWorker {
  readonly origin: string
  stop(): Promise<void>
}

interface LocalWorkerOptions {
  /** The `wrangler.toml` that names its code. Of its bindings the Worker gets those that stand below, and no others. */
  readonly configFile: string
  readonly hyperdrives: Record<string, string>
  readonly bindings?: Record<string, string>
  readonly ratelimits?: Record<string, { namespace_id: string; simple: { limit: number; period: 10 | 60 } }>
  /** A folder for the bundle. */
  readonly bundleTo: string
}

const wrangler = join(dirname(createRequire(import.meta.url).resolve('wrangler/package.json')), 'bin/wrangler.js')

/** Bundles a Worker with wrangler and starts it on a free port of 127.0.0.1. */
export async function startLocalWorker(options: LocalWorkerOptions): Promise<LocalWorker> {
  const { configFile, hyperdrives, bindings = {}, ratelimits = {}, bundleTo } = options
  const {
    main = '',
    compatibility_date: date = '',
    compatibility_flags: flags,
  } = unstable_readConfig({
    config: configFile,
  })
  await promisify(execFile)(
    process.execPath,
    [wrangler, 'deploy', '--dry-run', `--config=${configFile}`, `--outdir=${bundleTo}`],
    { env: { ...process.env, WRANGLER_SEND_METRICS: 'false', WRANGLER_WRITE_LOGS: 'false' } },
  )
  const port = await findFreePort()
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      modulesRoot: bundleTo,
      scriptPath: join(bundleTo, basename(main).replace(/\.ts$/, '.js')),
      compatibilityDate: date,
      compatibilityFlags: flags,
      hyperdrives,
      bindings,
      ratelimits,
      // What the Workers log is not what is measured.
      structuredWorkerdLogs: true,
      handleStructuredLogs: () => undefined,
      ...(process.env.INSPECT ? { inspectorPort: Number(process.env.INSPECT) } : {}),
      unsafeDirectSockets: [{ host: '127.0.0.1', port }],
    }),
  )
  await miniflare.ready
  return { origin: `http://127.0.0.1:${port}`, stop: async () => await miniflare.dispose() }
}
