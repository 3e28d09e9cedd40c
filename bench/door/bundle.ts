import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire, stripTypeScriptTypes } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'

/** A Worker's code as it would be deployed. */
export interface Bundle {
  readonly scriptPath: string
  readonly directory: string
  readonly compatibilityDate: string
  readonly compatibilityFlags: string[]
}

const wrangler = join(dirname(createRequire(import.meta.url).resolve('wrangler/package.json')), 'bin/wrangler.js')

/** Bundles the Worker of a `wrangler.toml` with wrangler into a folder; one that lies there already is taken as it is. */
export async function bundleWorker(configFile: string, directory: string): Promise<Bundle> {
  const { main, ...compatibility } = await readConfig(configFile)
  const scriptPath = join(directory, basename(main).replace(/\.ts$/, '.js'))
  if (!existsSync(scriptPath)) {
    await promisify(execFile)(
      process.execPath,
      [wrangler, 'deploy', '--dry-run', `--config=${configFile}`, `--outdir=${directory}`],
      { env: { ...process.env, WRANGLER_SEND_METRICS: 'false', WRANGLER_WRITE_LOGS: 'false' } },
    )
  }
  return { scriptPath, directory, ...compatibility }
}

/** A Worker that imports nothing, which needs no bundler, compatible with what another one is. */
export async function plainWorker(file: string, directory: string, like: Bundle): Promise<Bundle> {
  const scriptPath = join(directory, 'worker.js')
  await mkdir(directory, { recursive: true })
  await writeFile(scriptPath, stripTypeScriptTypes(await readFile(file, 'utf8')))
  return { ...like, scriptPath, directory }
}

const Config = z.object({ main: z.string(), compatibilityDate: z.string(), compatibilityFlags: z.array(z.string()) })

/** The values of one line each that stand alike in TOML and JSON: wrangler, which reads everything, takes seconds to load. */
async function readConfig(file: string): Promise<z.output<typeof Config>> {
  const text = await readFile(file, 'utf8')
  const valueOf = (name: string): unknown => JSON.parse(new RegExp(`^${name} = (.*)$`, 'm').exec(text)?.[1] ?? 'null')
  return Config.parse({
    main: valueOf('main'),
    compatibilityDate: valueOf('compatibility_date'),
    compatibilityFlags: valueOf('compatibility_flags'),
  })
}
