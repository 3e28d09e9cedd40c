import type { QueryResult } from 'pg'
import { askAsOwner, canAskAsOwner } from '#bench/scale/as-owner.ts'
import { workOf, type Work } from '#bench/scale/plan.ts'
import type { Measured } from '#bench/scale/verdicts.ts'
import { rehearse, type Rehearsal } from '#bench/scale/rehearsal.ts'
import { replay, type Asked, type ExplainingClient } from '#bench/scale/replay.ts'
import type { MeasuredVerb } from '#bench/scale/verbs.ts'

// PL/pgSQL plans a statement anew five times before it settles.
const warmUps = 7

/** How often a statement is explained; the lowest count is free of what a write before it left to be tidied up. */
const explanations = 3

export interface Measuring {
  readonly explaining: ExplainingClient
  /** Tables that cost less to read whole than by an index. */
  readonly smallTables: ReadonlySet<string>
  /** Timed runs. */
  readonly runs: number
}

/** Measures the statements of a verb in the order in which it asks them. */
export async function measureVerb(measuring: Measuring, verb: MeasuredVerb): Promise<readonly Measured[]> {
  const { client } = measuring.explaining
  await client.query('set session authorization neuraform_edge')
  const rehearsal = await rehearse(client, verb.start)
  for (let run = 0; run < warmUps; run += 1) await replay(client, rehearsal, async (_, ask) => await ask())
  const times = await time(measuring, rehearsal)
  await client.query('reset session authorization')
  const ownerBuffers = await explainAsOwner(measuring, rehearsal)
  const explained = await explainAll(measuring, rehearsal)
  return [...explained].flatMap(([key, { asked, returned, work }]) => {
    const name = nameOf(verb, asked)
    if (name === undefined) return []
    const bound = Object.entries(verb.bounds ?? {}).find(([part]) => asked.query.text.includes(part))?.[1] ?? 0
    const sorted = (times.get(key) ?? []).toSorted((a, b) => a - b)
    const [p50Ms, p95Ms] = [percentile(sorted, 0.5), percentile(sorted, 0.95)]
    const flight = `${verb.name} ${asked.flight + 1}`
    return [{ name, flight, ...work, returned, bound, ownerBuffers: ownerBuffers.get(key), p50Ms, p95Ms }]
  })
}

const keyOf = ({ flight, position }: Asked) => `${flight}.${position}`

/** The first verb of all is there for the session; every other one begins with it, too. */
function nameOf({ name }: MeasuredVerb, { flight, position, query: { text } }: Asked): string | undefined {
  if (text === 'select 1' || (text.includes('app.begin_session') && !name.startsWith('getSession'))) return undefined
  const [, verb] = /^\s*(insert into|update|delete from|select)/i.exec(text) ?? []
  const [, target] =
    /^\s*(?:insert into|update|delete from) "(\w+)"/i.exec(text) ??
    /(app\.(?!current_)\w+)/.exec(text) ??
    /\bfrom "(\w+)"/.exec(text) ??
    []
  return `${name} ${flight + 1}.${position + 1} ${verb} ${target}`
}

interface Explanation {
  readonly asked: Asked
  readonly returned: number
  readonly work: Work
}

async function explainAll({ explaining: { client, explain }, smallTables }: Measuring, rehearsal: Rehearsal) {
  const explained = new Map<string, Explanation>()
  await client.query('set auto_explain.log_min_duration = 0; set session authorization neuraform_edge')
  for (let count = 0; count < explanations; count += 1) {
    await replay(client, rehearsal, async (asked, run) => {
      // The first to look tidies up what was rolled back before; the owner is asked second, too.
      if (canAskAsOwner(asked.query.text)) await run()
      const { result, plans } = await explain(run)
      const work = workOf(plans, smallTables)
      const known = explained.get(keyOf(asked))
      if (known !== undefined && known.work.buffers <= work.buffers) return
      explained.set(keyOf(asked), { asked, returned: result.rowCount ?? 0, work })
    })
  }
  await client.query('reset session authorization; set auto_explain.log_min_duration = -1')
  return explained
}

async function explainAsOwner({ explaining: { client, explain }, smallTables }: Measuring, rehearsal: Rehearsal) {
  const buffers = new Map<string, number>()
  const ask = async (asked: Asked, run: () => Promise<QueryResult>) => {
    await client.query('set local auto_explain.log_min_duration = 0')
    const { plans } = await explain(run)
    buffers.set(keyOf(asked), Math.min(buffers.get(keyOf(asked)) ?? Infinity, workOf(plans, smallTables).buffers))
    await client.query('set local auto_explain.log_min_duration = -1')
  }
  for (let count = 0; count < explanations; count += 1) {
    await replay(client, rehearsal, async (asked, run) => {
      await run()
      const isPersons = rehearsal.flights[asked.flight]?.settings['role'] === 'neuraform_user'
      if (isPersons && canAskAsOwner(asked.query.text)) await askAsOwner(client, async () => await ask(asked, run))
    })
  }
  return buffers
}

async function time({ explaining: { client }, runs }: Measuring, rehearsal: Rehearsal) {
  const times = new Map<string, number[]>()
  for (let run = 0; run < runs; run += 1) {
    await replay(client, rehearsal, async (asked, ask) => {
      const startedAt = performance.now()
      await ask()
      const taken = performance.now() - startedAt
      times.set(keyOf(asked), [...(times.get(keyOf(asked)) ?? []), taken])
    })
  }
  return times
}

const percentile = (sorted: readonly number[], part: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
