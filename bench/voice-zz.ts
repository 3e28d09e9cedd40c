import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { closeConnections } from '#bench/voice/ask.ts'
import { askTogether, countCalls } from '#bench/voice/at-once.ts'
import { measureMemory } from '#bench/voice/memory.ts'
import { compareFirstBytes, comparePlaying, countFlights } from '#bench/voice/play.ts'
import { makeSetting } from '#bench/voice/setting-zz.ts'
import { header } from '#bench/voice/table.ts'
import { findPgBouncer, pgBouncerMissing } from '#scripts/stack/pgbouncer.ts'
import { removeState } from '#scripts/stack/stack.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    requests: { type: 'string', default: '1000' },
    lines: { type: 'string', default: '100' },
    // Just under the 20 MiB that a line may have.
    bytes: { type: 'string', default: '20971400' },
    'round-trip': { type: 'string', default: '40' },
  },
})
const [rounds, requests, lines] = [Number(values.rounds), Number(values.requests), Number(values.lines)]
const [bytes, roundTripMs] = [Number(values.bytes), Number(values['round-trip'])]

if (findPgBouncer() === undefined) {
  console.log(pgBouncerMissing)
} else {
  await using started = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'neuraform-voice-'))
  started.defer(() => removeState(directory))
  const stopLater = (part: { stop(): unknown }) => started.defer(async () => void (await part.stop()))
  const setting = await makeSetting({ directory, roundTripMs, stopLater })
  started.defer(closeConnections)
  header(`interleaved; ${roundTripMs} ms to the database, 100 ms to the voice’s first byte`)
  const verdicts = [
    await comparePlaying(setting, rounds),
    await countFlights(setting, Math.min(rounds, 50)),
    // A quarter: each takes a third of a second, and they differ by little.
    await compareFirstBytes(setting, Math.ceil(rounds / 4)),
    await countCalls(setting, { requests, lines, atOnce: 20 }),
    await askTogether(setting, 50),
    ...(await measureMemory(setting, bytes)),
  ]
  console.log('')
  for (const { says, isHeld } of verdicts) console.log(`${says}: ${isHeld ? 'held' : 'over'}`)
  process.exitCode = verdicts.every(({ isHeld }) => isHeld) ? 0 : 1
}
