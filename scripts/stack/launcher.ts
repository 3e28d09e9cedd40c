import { commandLine, isRunning, parentOf } from '#scripts/stack/processes.ts'

const pollMilliseconds = 500

/**
 * Calls back once when the npm that runs this script is gone. An npm that is killed with SIGKILL forwards nothing, and
 * what it ran would live on. npm starts scripts through a shell, which may have replaced itself or may stand between.
 */
export function onLauncherGone(callback: () => void): void {
  if (process.env['npm_lifecycle_event'] === undefined) return
  const parent = process.ppid
  const isShell = /^\S*sh -c/.test(commandLine(parent))
  const npm = isShell ? parentOf(parent) : parent
  const timer = setInterval(() => {
    if (process.ppid === parent && (npm === undefined || isRunning(npm))) return
    clearInterval(timer)
    callback()
  }, pollMilliseconds)
  timer.unref()
}
