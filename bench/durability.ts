import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { makeTalker } from '#bench/door/person.ts'
import { DurableClient, type Way } from '#bench/durability/client.ts'
import { startPlace, type Place } from '#bench/durability/place.ts'
import { judge } from '#bench/durability/verdict.ts'
import { removeState } from '#scripts/stack/stack.ts'

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '2000' },
    kills: { type: 'string', default: '100' },
    clients: { type: 'string', default: '8' },
  },
})
const [messages, kills, clientCount] = [Number(values.messages), Number(values.kills), Number(values.clients)]
const ways: readonly Way[] = ['message', 'turn', 'stream']
const targets = ['connections', 'Worker', 'client'] as const

await using started = new AsyncDisposableStack()
const directory = await mkdtemp(join(tmpdir(), 'neuraform-durability-'))
started.defer(() => removeState(directory))
const place = await startPlace(directory, (part) => started.defer(async () => void (await part.stop())))
const clients = await makeClients(place)
const startedAt = performance.now()
let cut = 0
const [kinds] = await Promise.all([killAtRandom(clients), talk(clients)])
const verdicts = await Promise.all(clients.map(async (client) => await judge(place.origin(), client)))
report(
  kinds,
  verdicts.reduce((sum, one) => ({ lost: sum.lost + one.lost, doubled: sum.doubled + one.doubled })),
  await place.broken(),
)

async function makeClients(at: Place): Promise<readonly DurableClient[]> {
  const made: DurableClient[] = []
  for (let number = 0; number < clientCount; number += 1) {
    const talker = await makeTalker(at.origin(), at.upstreamOrigin, { conversations: 1, isTitled: false })
    const response = await fetch(`${at.origin()}/conversations`, {
      headers: { Authorization: `Bearer ${talker.token}` },
    })
    const [conversation] = z.object({ items: z.array(z.object({ id: z.uuid() })) }).parse(await response.json()).items
    made.push(new DurableClient(at, talker, conversation?.id ?? ''))
  }
  return made
}

/** Says everything, each client its part, one thing after the other. */
async function talk(all: readonly DurableClient[]): Promise<void> {
  let number = 0
  await Promise.all(
    all.map(async (client) => {
      while (number < messages) {
        number += 1
        await client.say(
          `Line ${number}: I counted ${number * 7} ships from the pier.`,
          ways[number % ways.length] ?? 'turn',
        )
      }
    }),
  )
}

/** Kills one of the three at random moments, evenly over all that is said. */
async function killAtRandom(all: readonly DurableClient[]): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>()
  const done = () => all.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0)
  for (let number = 0; number < kills; number += 1) {
    while (done() < (messages * number) / kills) await pause(5)
    await pause(Math.random() * 120)
    const kind = targets[number % targets.length] ?? 'client'
    if (kind === 'connections') cut += await place.killConnections()
    else if (kind === 'Worker') await place.killWorker()
    else all[Math.floor(Math.random() * all.length)]?.cut()
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return counts
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds))
}

function report(
  killed: ReadonlyMap<string, number>,
  { lost, doubled }: { lost: number; doubled: number },
  broken: readonly object[],
): void {
  const acknowledged = clients.flatMap((client) => client.acknowledged)
  const counted = ways.map((way) => `${acknowledged.filter((one) => one.way === way).length} by ${way}`).join(', ')
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0)
  const each = [...killed].map(([kind, count]) => `${count} × ${kind}`).join(', ')
  console.log(`${acknowledged.length} acknowledged (${counted}) by ${clients.length} clients in ${seconds} s`)
  console.log(`${[...killed.values()].reduce((sum, count) => sum + count, 0)} killed (${each}), ${cut} connections cut`)
  for (const one of broken) console.log(`broken: ${JSON.stringify(one)}`)
  console.log(`${lost} lost, ${doubled} doubled, ${broken.length} rows broken`)
  process.exitCode = lost + doubled + broken.length === 0 ? 0 : 1
}
