import { spawnSync } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { StackFailure } from '#scripts/stack/failure.ts'
import type { Account } from '#scripts/stack/guard.ts'

/**
 * Whom to run PostgreSQL as, or PgBouncer: they refuse root. Undefined (as oneself) for anybody else; for root the owner
 * of the cluster if there is one, else `postgres`, else `nobody`, else an account made for it.
 */
export async function postgresAccount(dataDirectory?: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const owner = dataDirectory === undefined ? undefined : await ownerOf(dataDirectory)
  return owner ?? findAccount('postgres') ?? findAccount('nobody') ?? makeAccount()
}

/** Whether the account may enter a directory: every one above it must let it pass, too. */
export function canEnter(directory: string, account: Account): boolean {
  return spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', directory], { cwd: '/', ...account }).status === 0
}

async function ownerOf(directory: string): Promise<Account | undefined> {
  const found = await stat(directory).catch(() => undefined)
  return found === undefined || found.uid === 0 ? undefined : { uid: found.uid, gid: found.gid }
}

function findAccount(name: string): Account | undefined {
  const [uid, gid] = ['-u', '-g'].map((flag) => spawnSync('id', [flag, name], { encoding: 'utf8' }))
  if (uid?.status !== 0 || gid?.status !== 0) return undefined
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
}

function makeAccount(): Account {
  spawnSync('/usr/sbin/useradd', ['--system', '--user-group', '--no-create-home', 'postgres'])
  const account = findAccount('postgres')
  if (account !== undefined) return account
  throw new StackFailure(
    'PostgreSQL does not run as root, and no account “postgres” or “nobody” exists or could be made. Run this as an ordinary user.',
  )
}
