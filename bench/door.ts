import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { compareRates, compareTimes, expectRows, type Comparison } from '#bench/door/measure.ts'
import { makeSetting, type Setting } from '#bench/door/setting.ts'
import { findPgBouncer, pgBouncerMissing } from '#scripts/stack/pgbouncer.ts'
import { removeState } from '#scripts/stack/stack.ts'

const roundTripMs = 40
const pageRows = 20
const connections = 16
const most = { timeRatio: 1.05 }
const least = { rateRatio: 0.8 }

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '20' }, milliseconds: { type: 'string', default: '1500' } },
})
const rounds = Number(values.rounds)
const milliseconds = Number(values.milliseconds)

if (findPgBouncer() === undefined) {
  console.log(pgBouncerMissing)
} else {
  await using started = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'neuraform-door-'))
  started.defer(() => removeState(directory))
  const stopLater = (part: { stop(): unknown }) => started.defer(async () => void (await part.stop()))
  report(await measure(await makeSetting({ directory, roundTripMs, pageRows, poolSize: connections, stopLater })))
}

interface Row {
  readonly name: string
  readonly unit: string
  readonly comparison: Comparison
  readonly isHeld?: boolean
}

/** Runs every comparison; those that have a limit say whether they hold it. */
async function measure(setting: Setting): Promise<readonly Row[]> {
  for (const pair of Object.values(setting)) await expectRows(pair, pageRows)
  const times = { rounds, requests: 10, warmUpMs: milliseconds }
  const rates = { rounds, connections, milliseconds, warmUpMs: milliseconds }
  const time = await compareTimes(setting.away, times)
  const rate = await compareRates(setting.near, rates)
  const far = `p50 at ${roundTripMs} ms of round trip`
  const fast = 'requests/s at none'
  return [
    { name: `${far}: session, row security, list`, unit: 'ms', comparison: time, isHeld: time.ratio <= most.timeRatio },
    {
      name: `${far}: and ${pageRows} sealed titles`,
      unit: 'ms',
      comparison: await compareTimes(setting.awaySealed, times),
    },
    {
      name: `${fast}: session, row security, list`,
      unit: '/s',
      comparison: rate,
      isHeld: rate.ratio >= least.rateRatio,
    },
    {
      name: `${fast}: and ${pageRows} sealed titles`,
      unit: '/s',
      comparison: await compareRates(setting.nearSealed, rates),
    },
    {
      name: `${fast}: and a log line for each request`,
      unit: '/s',
      comparison: await compareRates(setting.nearLogged, rates),
    },
    {
      name: `${fast}: and the limiter’s local stand-in`,
      unit: '/s',
      comparison: await compareRates(setting.nearLimited, rates),
    },
  ]
}

function report(rows: readonly Row[]): void {
  console.log(`| ${rounds} rounds each, interleaved | a bare Worker | the service | ratio | |`)
  console.log('| --- | --- | --- | --- | --- |')
  for (const { name, unit, comparison, isHeld } of rows) {
    const [bare, ours] = [comparison.bare, comparison.ours].map((value) => `${value.toFixed(1)} ${unit}`)
    const verdict = isHeld === undefined ? '' : isHeld ? 'held' : 'over'
    console.log(`| ${name} | ${bare} | ${ours} | ${comparison.ratio.toFixed(3)} | ${verdict} |`)
  }
  const limits = `p50 ≤ ${most.timeRatio} ×, requests/s ≥ ${least.rateRatio} ×`
  const isOver = rows.some(({ isHeld }) => isHeld === false)
  console.log(`\n${limits}: ${isOver ? 'over' : 'held'}`)
  process.exitCode = isOver ? 1 : 0
}
