import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { formatEnvFile } from '#scripts/stack/env-file.ts'
import { configurationNames } from '#scripts/stack/environment.ts'
import { StackFailure } from '#scripts/stack/failure.ts'
import { spawnGuarded, type GuardedProcess } from '#scripts/stack/guard.ts'
import { watchOutput } from '#scripts/stack/watched-output.ts'

export interface LocalWorker {
  readonly origin: string
  /** Resolves when wrangler has ended, whoever ended it. */
  readonly exited: Promise<void>
  /** Ends wrangler and workerd; a second call waits for the first. */
  stop(): Promise<void>
}

export interface WorkerOptions {
  /** The folder of wrangler.toml. */
  readonly projectDirectory: string
  readonly port: number
  readonly env: Readonly<Record<string, string>>
  /** The URL of `neuraform_edge`, for the binding HYPERDRIVE. */
  readonly databaseUrl: string
  /** Where KV, R2 and Workflows keep what they hold. */
  readonly persistTo: string
  readonly onLog?: ((line: string) => void) | undefined
  /** Gives up waiting for readiness. */
  readonly signal?: AbortSignal | undefined
}

const readyDeadlineSeconds = 60

/**
 * Starts `wrangler dev` on 127.0.0.1 and waits until GET /health/ready answers 200; throws a StackFailure with
 * wrangler's own words otherwise. The variables go into a 0600 file, so that no secret stands in a process list.
 * With that file (`--env-file`) wrangler 4.156 reads neither `.dev.vars` nor `.env`.
 */
export async function startWorker(options: WorkerOptions): Promise<LocalWorker> {
  const envFile = join(options.persistTo, 'worker.env')
  await mkdir(options.persistTo, { recursive: true })
  await rm(envFile, { force: true })
  await writeFile(envFile, formatEnvFile(options.env), { mode: 0o600, flag: 'wx' })
  const output = watchOutput()
  let isStopping = false
  const wrangler = await spawnGuarded({
    command: process.execPath,
    args: wranglerArguments(options, envFile),
    cwd: options.projectDirectory,
    environment: wranglerEnvironment(options),
    stopSignals: [{ signal: 'SIGTERM', graceSeconds: 5 }],
    onLine(line) {
      output.add(line)
      // esbuild dumps its goroutines when it is ended while it builds.
      if (!isStopping) options.onLog?.(line)
    },
  })
  const stop = async () => {
    isStopping = true
    await wrangler.stop()
    await rm(envFile, { force: true })
  }
  try {
    await waitUntilReady(options, wrangler, output.recent)
  } catch (error) {
    await stop()
    throw error
  }
  return { origin: `http://localhost:${options.port}`, exited: wrangler.exited, stop }
}

function wranglerArguments(options: WorkerOptions, envFile: string): string[] {
  const wrangler = join(dirname(createRequire(import.meta.url).resolve('wrangler/package.json')), 'bin/wrangler.js')
  return [
    wrangler,
    'dev',
    `--port=${options.port}`,
    '--ip=127.0.0.1',
    '--inspector-port=0',
    '--inspector-ip=127.0.0.1',
    `--persist-to=${options.persistTo}`,
    `--env-file=${envFile}`,
    '--show-interactive-dev-session=false',
  ]
}

/**
 * What wrangler needs of our environment, without what could reach the network, the developer's account or home, and
 * without the Worker's variables: one that is set here would win over the file.
 */
function wranglerEnvironment({ persistTo, databaseUrl }: WorkerOptions): NodeJS.ProcessEnv {
  const own = new Set<string>([...configurationNames, 'DATABASE_URL', 'EDGE_PASSWORD'])
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.has(name))),
    CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_HYPERDRIVE: databaseUrl,
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    WRANGLER_SEND_METRICS: 'false',
    WRANGLER_HIDE_BANNER: 'true',
    WRANGLER_WRITE_LOGS: 'false',
    WRANGLER_REGISTRY_PATH: join(persistTo, 'registry'),
    WRANGLER_CACHE_DIR: join(persistTo, 'cache'),
    XDG_CONFIG_HOME: join(persistTo, 'config'),
  }
}

async function waitUntilReady(
  { port, signal }: WorkerOptions,
  wrangler: GuardedProcess,
  recentOutput: () => string,
): Promise<void> {
  const ended = new AbortController()
  void wrangler.exited.then(() => ended.abort())
  const deadline = AbortSignal.timeout(readyDeadlineSeconds * 1000)
  const over = AbortSignal.any([ended.signal, deadline, ...(signal === undefined ? [] : [signal])])
  let answer = 'nothing'
  while (!over.aborted) {
    const response = await fetch(`http://127.0.0.1:${port}/health/ready`, { signal: over }).catch(() => undefined)
    if (response?.status === 200) {
      await response.body?.cancel()
      return
    }
    if (response !== undefined) answer = `${response.status} ${await response.text().catch(() => '')}`
    await pause(100)
  }
  const what = deadline.aborted
    ? `did not become ready within ${readyDeadlineSeconds} seconds (/health/ready answers ${answer})`
    : 'ended'
  throw new StackFailure(`The Worker ${what}. wrangler's last words:\n${recentOutput()}`)
}
