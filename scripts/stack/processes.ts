import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Whether a process runs. One that has ended and waits to be reaped does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
  return statFields(pid)?.[0] !== 'Z'
}

/** The command line of a process, arguments parted by spaces; empty when it cannot be read. */
export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
  } catch {
    return ps(pid, 'command')
  }
}

/** The parent of a process; undefined when it has none or cannot be read. */
export function parentOf(pid: number): number | undefined {
  return Number.parseInt(statFields(pid)?.[1] ?? ps(pid, 'ppid'), 10) || undefined
}

/** When a process began, in the system's own notation: with the pid it names one process for ever. */
export function startMark(pid: number): string {
  return statFields(pid)?.[19] ?? ps(pid, 'lstart')
}

/** The fields of /proc/PID/stat from the third (state) on; undefined where there is no /proc (proc_pid_stat(5)). */
function statFields(pid: number): string[] | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return line.slice(line.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

function ps(pid: number, column: string): string {
  try {
    return execFileSync('ps', ['-o', `${column}=`, '-p', String(pid)], { encoding: 'utf8', stdio: 'pipe' }).trim()
  } catch {
    return ''
  }
}
