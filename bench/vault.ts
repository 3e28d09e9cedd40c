import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { unstable_startWorker } from 'wrangler'

// `npm test` asks for one round of `open` alone, the work that has a limit.
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '10' }, only: { type: 'string' } } })
const rounds = Number(values.rounds)
const most = { openPageMs: 3 }

const works = [
  ['open', 1_000, 'opening a page of 50 messages of 200 characters'],
  ['seal', 20_000, 'sealing one message of 200 characters'],
  ['index', 5_000, 'indexing the words of one message of 200 characters'],
  ['index-long', 50, 'indexing the words of one message of 16,000 characters'],
] as const

/** CPU time that processes have used, in milliseconds (Linux: proc(5), fields utime and stime, in hundredths of a second). */
async function cpuOf(pids: readonly number[]): Promise<number> {
  let used = 0
  for (const pid of pids) {
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ')
    used += (Number(fields[11]) + Number(fields[12])) * 10
  }
  return used
}

await measure()

/**
 * Runs the vault's own code in workerd and prints the CPU time of one piece of work: what the process used for many of
 * them, less what it used for as many requests that do nothing, shared among them.
 */
async function measure(): Promise<void> {
  process.env['WRANGLER_LOG'] ??= 'error'
  const worker = await unstable_startWorker({
    config: join(import.meta.dirname, 'vault/wrangler.toml'),
    dev: { inspector: false, server: { hostname: '127.0.0.1', port: 0 } },
  })
  try {
    const origin = await worker.url
    const ask = async (work: string, times: number) => {
      const response = await fetch(new URL(`/${work}?times=${times}`, origin))
      if (!response.ok) throw new Error(await response.text())
      await response.arrayBuffer()
    }
    // The process is there once it has answered.
    await ask('seal', 1)
    const pids = await workerdPids()
    console.log(`CPU time in workerd, of ${rounds} rounds each (nothing else runs in the process).\n`)
    console.log('| work | CPU time |')
    console.log('| --- | --- |')
    const costs = new Map<string, number>()
    for (const [work, times, name] of works.filter(([work]) => work === (values.only ?? work))) {
      costs.set(work, await costOf({ pids, ask, work, times }))
      console.log(`| ${name} | ${costs.get(work)?.toFixed(3)} ms |`)
    }
    const isOver = (costs.get('open') ?? Infinity) > most.openPageMs
    console.log(`\nA page of 50 messages may take ${most.openPageMs} ms: ${isOver ? 'over' : 'ok'}`)
    process.exitCode = isOver ? 1 : 0
  } finally {
    await worker.dispose()
  }
}

interface Measured {
  readonly pids: readonly number[]
  readonly ask: (work: string, times: number) => Promise<void>
  readonly work: string
  readonly times: number
}

async function costOf({ pids, ask, work, times }: Measured): Promise<number> {
  await ask(work, times)
  const used = async (count: number) => {
    const before = await cpuOf(pids)
    for (let round = 0; round < rounds; round += 1) await ask(work, count)
    return (await cpuOf(pids)) - before
  }
  const idle = await used(0)
  return ((await used(times)) - idle) / (rounds * times)
}

/** Every workerd that this process has started: wrangler's own beside the one that runs the Worker. */
async function workerdPids(): Promise<number[]> {
  const pids: number[] = []
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')
    const [, command = '', parent = ''] = /^\d+ \((.*)\) \S (\d+) /.exec(stat) ?? []
    if (command === 'workerd' && Number(parent) === process.pid) pids.push(Number(name))
  }
  if (pids.length === 0) throw new Error('workerd is not among the processes: this runs on Linux only')
  return pids
}
