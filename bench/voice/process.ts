import { readFile } from 'node:fs/promises'

/** The most memory that a process ever had resident, in bytes, as Linux says it; NaN elsewhere. */
export async function peakResidentBytes(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) * 1_024
}

/** The bytes that lie in the kernel, on their way to or from one of these ports of this machine; NaN where it is not Linux. */
export async function bytesOnTheWay(ports: readonly number[]): Promise<number> {
  const table = await readFile('/proc/net/tcp', 'utf8').catch(() => undefined)
  if (table === undefined) return Number.NaN
  const named = ports.map((port) => `:${port.toString(16).toUpperCase().padStart(4, '0')}`)
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', remote = '', state]) => {
      const isOurs = named.some((port) => local.endsWith(port) || remote.endsWith(port))
      return isOurs && state !== listening
    })
    .flatMap(([, , , , queues = '']) => queues.split(':'))
    .reduce((sum, queue) => sum + (Number.parseInt(queue, 16) || 0), 0)
}

const listening = '0A'
