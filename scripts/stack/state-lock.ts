import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StackFailure } from '#scripts/stack/failure.ts'
import { isRunning, startMark } from '#scripts/stack/processes.ts'

/**
 * Takes a state directory for this process and answers how to give it back; throws StackFailure while another live
 * process holds it. What a process that was killed left behind does not count.
 */
export function lockState(stateDirectory: string): () => void {
  const file = join(stateDirectory, 'lock')
  const mine = `${process.pid} ${startMark(process.pid)}`
  const holder = liveHolder(file)
  if (holder !== undefined) {
    throw new StackFailure(
      `${stateDirectory} is in use by process ${holder}: only one “npm run dev” at a time. Stop that one first.`,
    )
  }
  rmSync(file, { force: true })
  writeFileSync(file, mine, { flag: 'wx' })
  return () => {
    if (readLock(file) === mine) rmSync(file, { force: true })
  }
}

function liveHolder(file: string): number | undefined {
  const [pid, ...mark] = readLock(file).split(' ')
  const holder = Number.parseInt(pid ?? '', 10)
  return isRunning(holder) && startMark(holder) === mark.join(' ') ? holder : undefined
}

function readLock(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
