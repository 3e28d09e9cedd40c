import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import type { Bundle } from '#bench/door/bundle.ts'
import { findFreePort } from '#scripts/stack/ports.ts'

/** A Worker in a workerd of its own, bundled as it would be deployed and reached without the tools' own proxies. */
export interface LocalWorker {
  readonly origin: string
  stop(): Promise<void>
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
