import type { Agent } from 'node:http'
import { askOnce, keepAlive, rateOf, timesOf, type Target } from '#bench/door/load.ts'

/** Two Workers asked for the same rows. */
export interface Pair {
  readonly ours: Target
  readonly bare: Target
}

/** What both needed: the median of each, and of the rounds' own ratios. */
export interface Comparison {
  readonly ours: number
  readonly bare: number
  readonly ratio: number
}

interface Rounds {
  readonly rounds: number
  readonly connections: number
  /** How long each is asked before anything counts. */
  readonly warmUpMs: number
}

/** The p50 of requests one after the other, in milliseconds; the two take turns after every few. */
export async function compareTimes(
  pair: Pair,
  { requests, ...rounds }: Omit<Rounds, 'connections'> & { requests: number },
) {
  return await compare(pair, { ...rounds, connections: 1 }, async (target, agent) =>
    median(await timesOf(target, agent, requests)),
  )
}

/** The requests answered in a second over several connections at once; the two take turns. */
export async function compareRates(pair: Pair, { milliseconds, ...rounds }: Rounds & { milliseconds: number }) {
  return await compare(pair, rounds, (target, agent) => rateOf(target, agent, rounds.connections, milliseconds))
}

async function compare(
  { ours, bare }: Pair,
  { rounds, connections, warmUpMs }: Rounds,
  measure: (target: Target, agent: Agent) => Promise<number>,
): Promise<Comparison> {
  const sides = [
    { target: ours, agent: keepAlive(connections), found: [] as number[] },
    { target: bare, agent: keepAlive(connections), found: [] as number[] },
  ] as const
  for (const { target, agent } of sides) await rateOf(target, agent, connections, warmUpMs)
  for (let round = 0; round < rounds; round += 1) {
    // Whoever goes first in one round goes second in the next.
    for (const { target, agent, found } of round % 2 === 0 ? sides : sides.toReversed()) {
      found.push(await measure(target, agent))
    }
  }
  for (const { agent } of sides) agent.destroy()
  const [one, two] = sides
  const ratios = one.found.map((value, round) => value / (two.found[round] ?? Number.NaN))
  return { ours: median(one.found), bare: median(two.found), ratio: median(ratios) }
}

/** Throws where one does not answer with so many rows. */
export async function expectRows({ ours, bare }: Pair, rows: number): Promise<void> {
  for (const target of [ours, bare]) {
    const agent = keepAlive(1)
    const { items } = JSON.parse(await askOnce(target, agent)) as { items: unknown[] }
    agent.destroy()
    if (items.length !== rows) throw new Error(`${target.url} answers with ${items.length} rows`)
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
