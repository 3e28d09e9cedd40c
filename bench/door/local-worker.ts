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

/** A Worker's code as it would be deployed. */
export interface Bundle {
  readonly scriptPath: string
  readonly directory: string
  readonly compatibilityDate: string
  readonly compatibilityFlags: string[]
}

const wrangler = join(dirname(createRequire(import.meta.url).resolve('wrangler/package.json')), 'bin/wrangler.js')

/** Bundles the Worker of a `wrangler.toml` with wrangler into a folder. */
export async function bundleWorker(configFile: string, directory: string): Promise<Bundle> {
  const { main = '', compatibility_date, compatibility_flags } = unstable_readConfig({ config: configFile })
  await promisify(execFile)(
    process.execPath,
    [wrangler, 'deploy', '--dry-run', `--config=${configFile}`, `--outdir=${directory}`],
    { env: { ...process.env, WRANGLER_SEND_METRICS: 'false', WRANGLER_WRITE_LOGS: 'false' } },
  )
  return {
    scriptPath: join(directory, basename(main).replace(/\.ts$/, '.js')),
    directory,
    compatibilityDate: compatibility_date ?? '',
    compatibilityFlags: compatibility_flags,
  }
}

/** The bindings that a Worker gets; those that its `wrangler.toml` names besides it goes without. */
export interface Bindings {
  readonly hyperdrives: Record<string, string>
  readonly bindings?: Record<string, string>
  readonly ratelimits?: Record<string, { namespace_id: string; simple: { limit: number; period: 10 | 60 } }>
}

/** Starts a bundled Worker on a free port of 127.0.0.1. */
export async function startLocalWorker(
  { scriptPath, directory, compatibilityDate, compatibilityFlags }: Bundle,
  { hyperdrives, bindings = {}, ratelimits = {} }: Bindings,
): Promise<LocalWorker> {
  const port = await findFreePort()
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      modulesRoot: directory,
      scriptPath,
      compatibilityDate,
      compatibilityFlags,
      hyperdrives,
      bindings,
      ratelimits,
      // What the Workers log is not what is measured.
      structuredWorkerdLogs: true,
      handleStructuredLogs: () => undefined,
      unsafeDirectSockets: [{ host: '127.0.0.1', port }],
    }),
  )
  await miniflare.ready
  return { origin: `http://127.0.0.1:${port}`, stop: async () => await miniflare.dispose() }
}
