import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '../..')

/** Runs work in a copy of what drizzle-kit reads and writes. */
export async function inCopy<T>(work: (copy: string) => Promise<T>): Promise<T> {
  const copy = await mkdtemp(join(tmpdir(), 'neuraform-drift-'))
  try {
    for (const name of ['src', 'drizzle', 'drizzle.config.ts', 'package.json', 'tsconfig.json']) {
      await cp(join(root, name), join(copy, name), { recursive: true })
    }
    await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
    return await work(copy)
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
}

/** What drizzle-kit says when it writes down what the tables have that the migrations of a copy have not. */
export async function generate(copy: string): Promise<string> {
  const kit = join(root, 'node_modules/drizzle-kit/bin.cjs')
  const run = promisify(execFile)(process.execPath, [kit, 'generate', '--name', 'drift'], { cwd: copy })
  return (await run).stdout
}
