import type { Client, QueryResult } from 'pg'
import { prepareValue } from 'pg/lib/utils.js'
import { Explained } from '#bench/scale/plan.ts'
import { flyOn, openingOf, type Rehearsal } from '#bench/scale/rehearsal.ts'
import type { Query } from '#src/db/database.ts'

/** One statement of a verb: where it stands, and its text and parameters. */
export interface Asked {
  readonly flight: number
  readonly position: number
  readonly query: Query
}

/** Runs a rehearsed verb again, statement by statement, and rolls back. */
export async function replay(
  client: Client,
  { before, flights }: Rehearsal,
  onStatement: (asked: Asked, run: () => Promise<QueryResult>) => Promise<unknown>,
): Promise<void> {
  try {
    for (const flight of before) await flyOn(client, flight)
    for (const [flight, flown] of flights.entries()) {
      await client.query(openingOf(flown))
      for (const [position, query] of flown.queries.entries()) {
        const encoded = { ...query, values: query.values.map(prepareValue) }
        await onStatement({ flight, position, query }, async () => await client.query(encoded))
      }
    }
  } finally {
    await client.query('rollback')
  }
}

/** A connection whose statements can be explained as they run, with those inside functions and behind foreign keys. */
export interface ExplainingClient {
  readonly client: Client
  /** Runs a statement and returns, besides its answer, its plan after those of what ran inside it. */
  readonly explain: (run: () => Promise<QueryResult>) => Promise<{ result: QueryResult; plans: readonly Explained[] }>
}

/**
 * Lets a superuser's connection hear from auto_explain, which sees the statements themselves as they are run; `explain`
 * would see no further than the call of a function.
 */
export async function explainingClient(client: Client): Promise<ExplainingClient> {
  let plans: Explained[] = []
  client.on('notice', ({ message }) => {
    const [, json] = /^duration: .* plan:\n(\{.*\})$/s.exec(message ?? '') ?? []
    if (json !== undefined) plans.push(Explained.parse(JSON.parse(json)))
  })
  await client.query(`
    load 'auto_explain';
    set auto_explain.log_level = notice;
    set auto_explain.log_format = json;
    set auto_explain.log_nested_statements = on;
    set auto_explain.log_analyze = on;
    set auto_explain.log_buffers = on;
    set auto_explain.log_timing = off;
    set auto_explain.log_parameter_max_length = 0`)
  return {
    client,
    explain: async (run) => {
      await client.query('show auto_explain.log_min_duration')
      plans = []
      const result = await run()
      // PostgreSQL ends a statement of the extended protocol, and so explains it, when the next one begins.
      await client.query('show auto_explain.log_min_duration')
      return { result, plans }
    },
  }
}
