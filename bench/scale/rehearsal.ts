import type { Client, QueryResult } from 'pg'
import { prepareValue } from 'pg/lib/utils.js'
import { setLocally, type Database, type Flight } from '#src/db/database.ts'
import { Problem } from '#src/http/problem.ts'

/** What a verb flies: to prepare what it is about, and itself. */
export interface Rehearsal {
  readonly before: readonly Flight[]
  readonly flights: readonly Flight[]
}

/** Prepares a verb and returns it ready to run. What is flown `aside` only looks, and is not flown again. */
export type Start = (database: Database, aside: Database) => Promise<() => Promise<unknown>>

/**
 * Runs a verb on a database that writes its flights down. All of them are one transaction that is rolled back, so that
 * each can be flown again.
 */
export async function rehearse(client: Client, start: Start): Promise<Rehearsal> {
  const database = new RehearsalDatabase(client)
  try {
    const run = await start(database, new RehearsalDatabase(client))
    const before = database.take()
    await run()
    return { before, flights: database.take() }
  } finally {
    await client.query('rollback')
  }
}

class RehearsalDatabase implements Database {
  flights = 0
  readonly knownLogin = { endsTransactions: false }
  readonly deadlineMs = 60_000
  readonly #client: Client
  #flown: Flight[] = []

  constructor(client: Client) {
    this.#client = client
  }

  keepLogin(): void {}

  /** What is done beside an answer is not measured: it finds no database. */
  apart(): Database {
    const fly = async () => await Promise.reject(new Problem('unavailable'))
    return {
      flights: 0,
      knownLogin: this.knownLogin,
      deadlineMs: this.deadlineMs,
      keepLogin: () => undefined,
      fly,
      apart: () => this.apart(),
    }
  }

  async fly(flight: Flight): Promise<readonly QueryResult[]> {
    this.flights += 1
    this.#flown.push(flight)
    return await flyOn(this.#client, flight)
  }

  take(): readonly Flight[] {
    const flown = this.#flown
    this.#flown = []
    return flown
  }
}

/** Runs a flight inside the transaction that is open, if one is, and leaves it open. */
export async function flyOn(client: Client, flight: Flight): Promise<readonly QueryResult[]> {
  await client.query(openingOf(flight))
  const results: QueryResult[] = []
  for (const query of flight.queries)
    results.push(await client.query({ ...query, values: query.values.map(prepareValue) }))
  return results
}

/** How a flight begins, but for the deadline that its transport adds. */
export const openingOf = ({ settings }: Flight): string => ['begin', ...setLocally(settings)].join('; ')
