import { readFile } from 'node:fs/promises'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import type { Bundle } from '#bench/door/bundle.ts'
import { findFreePort } from '#scripts/stack/ports.ts'

/** A Worker of those that share a workerd. */
export interface WorkerPart {
  readonly name: string
  readonly bundle: Bundle
  readonly hyperdrives: Record<string, string>
  readonly bindings: Record<string, string>
}

/** Workers in one workerd, each an isolate with its own memory, before one KV and one R2. */
export interface Workers {
  /** One for each part, in order. */
  readonly ports: readonly number[]
  /** The process that they run in; undefined where the system does not say which it is. */
  readonly pid: number | undefined
  stop(): Promise<void>
}

/** Starts bundled Workers on free ports of 127.0.0.1, reached without the tools' own proxies, and with an inspector where it has a port. */
export async function startWorkers(parts: readonly WorkerPart[], inspectorPort?: number): Promise<Workers> {
  const before = await workerdPids()
  const ports: number[] = []
  for (const _ of parts) ports.push(await findFreePort())
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      ...(inspectorPort === undefined ? {} : { inspectorPort }),
      // What the Workers log is not what is measured.
      structuredWorkerdLogs: true,
      handleStructuredLogs: () => undefined,
      workers: parts.map(({ name, bundle, hyperdrives, bindings }, at) => ({
        name,
        modules: true,
        modulesRoot: bundle.directory,
        scriptPath: bundle.scriptPath,
        compatibilityDate: bundle.compatibilityDate,
        compatibilityFlags: bundle.compatibilityFlags,
        hyperdrives,
        bindings,
        kvNamespaces: { SPEECH_INDEX: 'speech-index' },
        r2Buckets: { AUDIO: 'audio' },
        unsafeDirectSockets: [{ host: '127.0.0.1', port: ports[at] ?? 0 }],
      })),
    }),
  )
  await miniflare.ready
  const pid = (await workerdPids()).find((one) => !before.includes(one))
  return { ports, pid, stop: async () => await miniflare.dispose() }
}

/** The processes named workerd that this one started; none where there is no /proc. */
async function workerdPids(): Promise<readonly number[]> {
  const read = async (path: string) => await readFile(path, 'utf8').catch(() => '')
  const children = (await read(`/proc/${process.pid}/task/${process.pid}/children`)).split(' ').filter(Boolean)
  const named = await Promise.all(children.map(async (pid) => ({ pid, name: await read(`/proc/${pid}/comm`) })))
  return named.filter(({ name }) => name.trim() === 'workerd').map(({ pid }) => Number(pid))
}
