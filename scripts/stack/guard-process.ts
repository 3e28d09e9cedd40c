import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { killGroup, type GuardOrder } from './guard.ts'

const reapMilliseconds = 3000

/*
 * The program between this project's scripts and a server that they start (see `spawnGuarded`). It answers its one
 * order with the command's pid, or with a sentence when it cannot start, and ends with it.
 */
process.once('message', (order: GuardOrder) => guardCommand(order))
process.once('disconnect', () => process.exit(0))

function guardCommand(order: GuardOrder): void {
  const command = spawn(order.command, order.args, {
    cwd: order.cwd,
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit'],
    ...order.account,
  })
  command.once('error', (error) => answer(error.message, () => process.exit(1)))
  command.once('spawn', () => answer(command.pid ?? 0))
  command.once('exit', (code) => {
    void endGroup(command.pid).then(() => process.exit(code ?? 1))
  })
  const stop = () => void stopCommand(command, order)
  process.removeAllListeners('disconnect').once('disconnect', stop)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
}

async function stopCommand(command: ChildProcess, order: GuardOrder): Promise<void> {
  for (const { signal, graceSeconds } of order.stopSignals) {
    command.kill(signal)
    await pause(graceSeconds * 1000)
  }
  await endGroup(command.pid)
}

/** Waits until init has reaped what the command left behind, so that nobody who looks now finds it; not for ever. */
async function endGroup(leaderPid = 0): Promise<void> {
  const deadline = Date.now() + reapMilliseconds
  while (Date.now() < deadline) {
    if (leaderPid === 0 || !killGroup(leaderPid)) return
    await pause(20)
  }
}

function answer(message: string | number, then?: () => void): void {
  if (process.connected) process.send?.(message, undefined, undefined, then)
  else then?.()
}
