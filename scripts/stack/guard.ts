import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { StackFailure } from '#scripts/stack/failure.ts'

/** A user and group to run a command as; only root can ask for one. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

/** What the guard is told over its channel, so that no argument of it stands in its own command line. */
export interface GuardOrder {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly account?: Account | undefined
  /** Sent to the command one after the other; each gets its seconds before the next. SIGKILL to its group follows. */
  readonly stopSignals: readonly { readonly signal: NodeJS.Signals; readonly graceSeconds: number }[]
}

export interface GuardedCommand extends GuardOrder {
  readonly environment: NodeJS.ProcessEnv
  readonly onLine: (line: string) => void
}

export interface GuardedProcess {
  readonly pid: number
  /** Resolves when the command and everything in its process group is gone. */
  readonly exited: Promise<void>
  /** Ends the command with its stop signals and waits for that; a second call waits for the first. */
  stop(): Promise<void>
}

const guardProgram = createRequire(import.meta.url).resolve('./guard-process.ts')

/**
 * Runs a command that cannot outlive this process. A small guard between the two, in a session of its own, holds a
 * channel to us; when that closes, because we stop it or because we were killed, it ends the command and its process
 * group. The terminal's Ctrl-C reaches neither of them, so that they are stopped in order. Needs POSIX process groups.
 */
export async function spawnGuarded({ environment, onLine, ...order }: GuardedCommand): Promise<GuardedProcess> {
  const guard = spawn(process.execPath, [guardProgram], {
    cwd: '/',
    detached: true,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  for (const stream of [guard.stdout, guard.stderr]) readLines(stream, onLine)
  const ended = once(guard, 'exit')
  guard.send(order, () => undefined)
  const pid = await startedPid(guard, ended, order.command)
  return {
    pid,
    exited: ended.then(([, signal]) => {
      if (signal !== null) killGroup(pid)
      return undefined
    }),
    async stop() {
      if (guard.connected) guard.disconnect()
      await ended
    },
  }
}

/** Kills what is left of a process group; false when nothing is. */
export function killGroup(leaderPid: number): boolean {
  try {
    return process.kill(-leaderPid, 'SIGKILL')
  } catch {
    return false
  }
}

async function startedPid(guard: ChildProcess, ended: Promise<unknown>, command: string): Promise<number> {
  const message: unknown = await Promise.race([once(guard, 'message').then(([first]) => first), ended])
  if (typeof message === 'number') return message
  throw new StackFailure(`${command} could not be started${typeof message === 'string' ? `: ${message}` : ''}.`)
}

function readLines(stream: Readable | null, onLine: (line: string) => void): void {
  if (stream !== null) createInterface({ input: stream }).on('line', onLine)
}
