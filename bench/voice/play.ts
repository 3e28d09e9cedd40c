import { z } from 'zod'
import { quantile } from '#bench/turn/hear.ts'
import { ask, expectOk, speech, type Asked } from '#bench/voice/ask.ts'
import type { Setting } from '#bench/voice/setting.ts'
import { row, type Verdict } from '#bench/voice/table.ts'
import { headerBytes } from '#bench/voice/vendor.ts'

const mostRatio = 1.25
// What a miss may take beside its one crossing.
const mostBesideMs = 10
const oneFlight = 'db;desc="1 flight"'

const Line = z.object({ audio_url: z.string(), audio_bytes: z.int(), cache: z.enum(['hit', 'miss']) })

/** Plays a typical line by its URL and by a bare Worker with the same stores and bytes; the two take turns. */
export async function comparePlaying({ services: [service], bare }: Setting, rounds: number): Promise<Verdict> {
  const { audio_url: url, audio_bytes: bytes } = await lineOf(service, 'What a fine evening it is, little star.')
  const { pathname, search } = new URL(url)
  const ours = { asked: { origin: service.origin, headers: {} }, path: `${pathname}${search}`, found: [] as number[] }
  const theirs = { asked: bare, path: '/typical-line', found: [] as number[] }
  const play = async ({ asked, path }: typeof ours) => expectOk(await ask(asked, { method: 'GET', path }))
  const { body } = await play(ours)
  await ask(bare, { method: 'PUT', path: theirs.path, body, headers: { 'Content-Type': 'audio/wav' } })
  for (let warm = 0; warm < Math.min(rounds, 20); warm += 1) for (const side of [ours, theirs]) await play(side)
  for (let round = 0; round < rounds; round += 1) {
    for (const side of round % 2 === 0 ? [ours, theirs] : [theirs, ours]) {
      const { body: heard, lastMs } = await play(side)
      if (heard.length !== bytes) throw new Error(`${heard.length} bytes of ${bytes} came`)
      side.found.push(lastMs)
    }
  }
  const ratio = quantile(ours.found, 0.5) / quantile(theirs.found, 0.5)
  row(`audio of ${bytes} bytes, a bare Worker with one KV get and one R2 get (${rounds} rounds)`, theirs.found)
  row('audio, the service', ours.found)
  row('ratio of the medians', ratio.toFixed(2))
  return { says: `a line is played in ≤ ${mostRatio} × a bare Worker`, isHeld: ratio <= mostRatio }
}

/** Asks for a line that is held, again and again; each is to be one flight. */
export async function countFlights({ services: [service] }: Setting, requests: number): Promise<Verdict> {
  const text = 'You have come back to me.'
  await lineOf(service, text)
  const [found, flights] = [[] as number[], [] as string[]]
  for (let number = 0; number < requests; number += 1) {
    const { headers, body, lastMs } = expectOk(await ask(service, speech(text, 'line')))
    const { cache } = Line.parse(JSON.parse(body.toString()))
    found.push(lastMs)
    flights.push(`${cache} ${String(headers['server-timing'])}`)
  }
  const once = flights.filter((one) => one === `hit ${oneFlight}`).length
  row('speech, a hit', found)
  row('hits of exactly one flight', `${once} of ${requests}`)
  return { says: `${requests} hits are one flight each`, isHeld: once === requests }
}

/** Asks for lines never spoken, as audio, and has a bare relay ask the same of the vendor; they take turns. */
export async function compareFirstBytes({ services: [service], bare }: Setting, rounds: number): Promise<Verdict> {
  const ours = { asked: service, found: [] as number[] }
  const theirs = { asked: bare, found: [] as number[] }
  const flights: number[] = []
  const hear = async ({ asked }: typeof ours, text: string) =>
    expectOk(await ask(asked, { ...speech(text, 'audio'), leaveOut: headerBytes })).firstMs
  for (let warm = 0; warm < Math.min(rounds, 5); warm += 1)
    for (const side of [ours, theirs]) await hear(side, `Warm ${warm}.`)
  for (let round = 0; round < rounds; round += 1) {
    for (const side of round % 2 === 0 ? [ours, theirs] : [theirs, ours]) {
      side.found.push(await hear(side, `Round ${round}, and the moon is up.`))
    }
    flights.push(expectOk(await ask(service, { method: 'GET', path: '/auth/session' })).lastMs)
  }
  const added = quantile(
    ours.found.map((value, round) => value - (theirs.found[round] ?? Number.NaN)),
    0.5,
  )
  row(`first sample of a miss, a bare relay (${rounds} rounds)`, theirs.found)
  row('first sample of a miss, the service', ours.found)
  row('added', [added])
  row('a request of one flight', flights)
  return {
    says: `added to the first sample ≤ one flight + ${mostBesideMs} ms`,
    isHeld: added <= quantile(flights, 0.5) + mostBesideMs,
  }
}

async function lineOf(service: Asked, text: string) {
  return Line.parse(JSON.parse(expectOk(await ask(service, speech(text, 'line'))).body.toString()))
}
