import { setTimeout as pause } from 'node:timers/promises'
import { ask, open, speech, type Asked } from '#bench/voice/ask.ts'
import { openInspector } from '#bench/voice/inspector.ts'
import { bytesOnTheWay, peakResidentBytes } from '#bench/voice/process.ts'
import type { Setting } from '#bench/voice/setting.ts'
import { row, type Verdict } from '#bench/voice/table.ts'
import { longText } from '#bench/voice/vendor.ts'

const mebibyte = 1_024 * 1_024
const shortBytes = mebibyte
const longLines = 5
// How often a line is looked into.
const looksIn = (bytes: number) => Math.max(2, Math.floor(bytes / mebibyte))
// Long enough for the Worker to fill whatever it fills while nobody listens.
const restMs = 100
// Three of the parts that R2 takes: less than the longest line, so that one that is held as a whole is seen.
const mostGrowthBytes = 3 * 5 * mebibyte
const mostAheadBytes = 6 * mebibyte

/**
 * Streams long lines to a listener who rests now and then, and says what the service's isolate holds meanwhile, beside what it
 * held after short ones; and how far the process ran ahead of its listener: what the vendor sent, less what has been heard
 * and what lies in the kernel. What is resident is printed and not judged: it grows by garbage, and holds local R2 as well.
 */
export async function measureMemory(setting: Setting, bytes: number): Promise<readonly Verdict[]> {
  const apart = await setting.startApart()
  const inspector = await openInspector(apart.inspectorPort, apart.name)
  const live = async () =>
    await inspector.liveBytes(async () => await ask(apart.asked, { method: 'GET', path: '/auth/session' }))
  for (let number = 0; number < longLines; number += 1) await hear(setting, apart, shortBytes, `short ${number}`)
  const [liveBefore, residentBefore] = [await live(), await peakResidentBytes(apart.pid)]
  const [held, residents, aheads] = [[] as number[], [] as number[], [] as number[]]
  for (let number = 0; number < longLines; number += 1) {
    const { heldBytes, aheadBytes } = await hear(setting, apart, bytes, `long ${number}`, live)
    held.push(heldBytes)
    aheads.push(aheadBytes)
    residents.push(await peakResidentBytes(apart.pid))
  }
  inspector.close()
  const [growth, ahead] = [Math.max(...held) - liveBefore, Math.max(...aheads)]
  const each = (all: readonly number[]) => all.map(megabytes).join(', ')
  const length = megabytes(bytes)
  row(`held by the isolate after lines of ${megabytes(shortBytes)} MB`, `${megabytes(liveBefore)} MB`)
  row(
    `held at most during each of ${longLines} lines of ${length} MB, ${looksIn(bytes)} looks each`,
    `${each(held)} MB`,
  )
  row('ahead of a slow listener at most, each line', `${each(aheads)} MB`)
  row('resident at most, with local R2 and garbage: after short lines', `${megabytes(residentBefore)} MB`)
  row('resident at most, after each long line', `${each(residents)} MB`)
  return [
    {
      says: `lines of ${length} MB make the isolate grow by ≤ ${megabytes(mostGrowthBytes)} MB`,
      isHeld: growth <= mostGrowthBytes,
    },
    {
      says: `the Worker runs ≤ ${megabytes(mostAheadBytes)} MB ahead of its listener`,
      // Where the kernel does not say what it holds, nothing was measured, and nothing is held.
      isHeld: ahead <= mostAheadBytes,
    },
  ]
}

/** Hears a line to its end, with rests; throws where it is not whole. */
async function hear(
  { vendor }: Setting,
  { asked, port }: { asked: Asked; port: number },
  bytes: number,
  name: string,
  look?: () => Promise<number>,
) {
  const before = vendor.sentBytes()
  const response = await open(asked, speech(longText(bytes, name), 'audio'))
  let [heardBytes, looks, heldBytes, aheadBytes] = [0, 0, 0, 0]
  for await (const piece of response as AsyncIterable<Buffer>) {
    heardBytes += piece.length
    if (look === undefined || heardBytes < (bytes * looks) / looksIn(bytes)) continue
    looks += 1
    await pause(restMs)
    const onTheWay = await bytesOnTheWay([vendor.port, port])
    aheadBytes = Math.max(aheadBytes, vendor.sentBytes() - before - heardBytes - onTheWay)
    heldBytes = Math.max(heldBytes, await look())
  }
  const sentBytes = vendor.sentBytes() - before
  if (response.statusCode !== 200 || heardBytes !== sentBytes || heardBytes < bytes) {
    throw new Error(`answered ${response.statusCode}: ${heardBytes} bytes of ${sentBytes} came`)
  }
  return { heldBytes, aheadBytes }
}

const megabytes = (bytes: number) => (bytes / 1_000_000).toFixed(1)
