import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { commandLine, isRunning } from '#scripts/stack/processes.ts'

const stopSignals = ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const
const graceMilliseconds = 10_000

/**
 * Ends the server that still runs on a cluster's data (its guard and ours were both killed), and removes the pid file
 * of one that is gone, whose pid another process may hold by now: PostgreSQL would refuse to start.
 */
export async function stopLeftoverServer(home: string): Promise<void> {
  const data = join(home, 'data')
  const pidFile = join(data, 'postmaster.pid')
  const pid = Number.parseInt(await readFile(pidFile, 'utf8').catch(() => ''), 10)
  if (Number.isNaN(pid)) return
  const isOurs = () => isRunning(pid) && commandLine(pid).includes(data)
  for (const signal of stopSignals) {
    if (isOurs()) process.kill(pid, signal)
    const deadline = Date.now() + graceMilliseconds
    while (isOurs() && Date.now() < deadline) await pause(20)
  }
  await rm(pidFile, { force: true })
}
