import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chown, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { StackFailure } from '#scripts/stack/failure.ts'
import type { Account } from '#scripts/stack/guard.ts'

export interface Cluster {
  readonly home: string
  readonly binaries: string
  readonly account: Account | undefined
}

/** The name of the superuser of every cluster that this project makes. */
export const superuser = 'postgres'

/**
 * Makes the cluster if there is none yet: UTF-8, the C.UTF-8 locale (the same order on every machine), scram-sha-256
 * for everybody. Answers the superuser's password, which is kept beside the data in a 0600 file. It appears under its
 * name only when it is whole.
 */
export async function openCluster(cluster: Cluster, onProgress: (line: string) => void): Promise<string> {
  const passwordFile = join(cluster.home, 'password')
  if ((await stat(join(cluster.home, 'data')).catch(() => undefined)) !== undefined) {
    return (await readFile(passwordFile, 'utf8')).trim()
  }
  onProgress('Making a PostgreSQL cluster')
  const password = randomBytes(24).toString('base64url')
  await rm(passwordFile, { force: true })
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600, flag: 'wx' })
  if (cluster.account !== undefined) await chown(passwordFile, cluster.account.uid, cluster.account.gid)
  const unfinished = join(cluster.home, 'data.unfinished')
  await rm(unfinished, { recursive: true, force: true })
  await runInitdb(cluster, unfinished, passwordFile)
  await rename(unfinished, join(cluster.home, 'data'))
  return password
}

/** The environment of PostgreSQL's programs: messages in English, and nothing of the caller's. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }
}

/** From PostgreSQL 17 on. Before it, the system says what a letter is; the order is that of the bytes either way. */
function builtinLocaleIsKnown(binaries: string): boolean {
  const { stdout } = spawnSync(join(binaries, 'initdb'), ['--version'], { cwd: '/', encoding: 'utf8' })
  return Number(/ (\d+)\b/.exec(stdout)?.[1]) >= 17
}

async function runInitdb(cluster: Cluster, data: string, passwordFile: string): Promise<void> {
  const args = [
    `--pgdata=${data}`,
    `--username=${superuser}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    ...(builtinLocaleIsKnown(cluster.binaries)
      ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8']
      : ['--lc-ctype=C.UTF-8']),
    '--no-instructions',
  ]
  const initdb = spawn(join(cluster.binaries, 'initdb'), args, {
    cwd: '/',
    env: serverEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe'],
    ...cluster.account,
  })
  const [[code], complaints] = await Promise.all([once(initdb, 'exit'), text(initdb.stderr)])
  if (code !== 0)
    throw new StackFailure(`PostgreSQL could not make a cluster in ${cluster.home}:\n${complaints.trim()}`)
}
