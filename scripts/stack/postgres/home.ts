import { createHash } from 'node:crypto'
import { chown, lstat, mkdir, realpath, rm, stat, symlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { StackFailure } from '#scripts/stack/failure.ts'
import type { Account } from '#scripts/stack/guard.ts'
import { canEnter } from '#scripts/stack/postgres/account.ts'
import { reachableFolder } from '#scripts/stack/postgres/binaries.ts'
import { stopLeftoverServer } from '#scripts/stack/postgres/leftover-server.ts'

/**
 * The folder of a cluster (its data and password), made if need be, and owned by the account. It is the directory
 * that was asked for; where the account cannot enter that, a symbolic link stands there and points to one that it can.
 */
export async function openClusterHome(directory: string, account: Account | undefined): Promise<string> {
  await mkdir(dirname(directory), { recursive: true })
  const existing = await stat(directory).catch(() => undefined)
  if (existing !== undefined) return await usableHome(directory, existing.uid, account)
  await rm(directory, { force: true })
  if (account === undefined || canEnter(dirname(directory), account)) return await makeHome(directory, account)
  const home = await elsewhere(directory, account)
  // A folder there belongs to a link that somebody removed to start over.
  await removeFolder(home)
  await makeHome(home, account)
  await symlink(home, directory)
  return home
}

/** Removes a cluster with all its data and ends the server that may still run on it. */
export async function removeCluster(directory: string): Promise<void> {
  const home = await realpath(directory).catch(() => undefined)
  if (home !== undefined) await removeFolder(home)
  await rm(directory, { force: true, recursive: true })
}

async function usableHome(directory: string, ownerUid: number, account: Account | undefined): Promise<string> {
  const home = await realpath(directory)
  if (account === undefined ? ownerUid === process.getuid?.() : canEnter(home, account)) return home
  throw new StackFailure(
    `The database in ${directory} belongs to another account or cannot be entered. Run as its owner, or start over (--fresh, as root if need be).`,
  )
}

async function makeHome(home: string, account: Account | undefined): Promise<string> {
  await mkdir(home, { mode: 0o700 })
  if (account !== undefined) await chown(home, account.uid, account.gid)
  return await realpath(home)
}

async function elsewhere(directory: string, account: Account): Promise<string> {
  const path = join(await realpath(dirname(directory)), basename(directory))
  const mark = createHash('sha256').update(path).digest('hex').slice(0, 16)
  return join(reachableFolder(account), `neuraform-database-${mark}`)
}

async function removeFolder(folder: string): Promise<void> {
  if ((await lstat(folder).catch(() => undefined)) === undefined) return
  await stopLeftoverServer(folder)
  await rm(folder, { recursive: true, force: true })
}
