import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll } from 'vitest'
import { bundleWorker } from '#bench/door/bundle.ts'
import { openScratchDatabase } from '#test/rls/scratch-database.ts'
import { ownerUrlOf } from '#test/scripts/run-script.ts'

const root = join(import.meta.dirname, '../..')

/** What a bench printed, and how it ended. */
interface Ended {
  readonly stdout: string
  readonly code: unknown
}

/**
 * Has the benches of a test file share one database and one bundle of each Worker that lies in the folders named: to make
 * these costs more than so short runs. Gives what runs one of them, whatever its verdict.
 */
export function shareBenches(
  databaseName: string,
  folders: readonly string[],
): (name: string, ...options: readonly string[]) => Promise<Ended> {
  let given: Readonly<Record<string, string>> = {}
  let bundles: string | undefined

  beforeAll(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'neuraform-bundles-'))
    bundles = directory
    const [{ owner, edgeUrl }] = await Promise.all([
      openScratchDatabase(databaseName),
      bundleWorker(join(root, 'wrangler.toml'), join(directory, 'service')),
      ...folders.map((folder) => bundleWorker(join(root, 'bench', folder, 'wrangler.toml'), join(directory, folder))),
    ])
    await owner.end()
    given = { BENCH_OWNER_URL: ownerUrlOf(databaseName), BENCH_EDGE_URL: edgeUrl, BENCH_BUNDLES: directory }
  })

  afterAll(async () => {
    if (bundles !== undefined) await rm(bundles, { recursive: true })
  })

  return async (name, ...options) => {
    const run = promisify(execFile)(process.execPath, [join(root, `bench/${name}.ts`), ...options], {
      env: { ...process.env, ...given },
    })
    return await run.then(
      ({ stdout }) => ({ stdout, code: 0 }),
      ({ stdout = '', code }: { stdout?: string; code?: unknown }) => ({ stdout, code }),
    )
  }
}
