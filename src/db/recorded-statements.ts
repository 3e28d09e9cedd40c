import { sql, type Placeholder } from 'drizzle-orm'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { Client, QueryResult } from 'pg'
import type { Query } from '#src/db/database.ts'
import type { Results, Statement } from '#src/db/scope.ts'

interface Recorded {
  readonly queries: readonly Query[]
  /** Gives each statement its answer and returns what they map it to. */
  resolve<T extends readonly Statement[]>(answers: readonly QueryResult[]): Promise<Results<T>>
  /** Lets go of statements that will get no answer. */
  abandon(): void
}

type Record = (query: Query) => Promise<QueryResult>

// drizzle asks its client as soon as `then` is called, so that a flight is written down before anything else can run.
let record: Record | undefined

/** drizzle on a client that only writes down what it is asked: one for the isolate, so that compiled statements may stay. */
const recordingDb: NodePgDatabase = drizzle({ client: recordingClient() })

/**
 * Builds statements against a client that only writes down what it is asked, in order, so that a whole transaction is
 * known and encoded before its first byte is sent, whatever transport then carries it.
 */
export function recordStatements(build: (db: NodePgDatabase) => readonly Statement[]): Recorded {
  const queries: Query[] = []
  const waiting: PromiseWithResolvers<QueryResult>[] = []
  const statements = build(recordingDb)
  record = async (query) => {
    const answer = Promise.withResolvers<QueryResult>()
    queries.push(query)
    waiting.push(answer)
    return await answer.promise
  }
  const mapped = Promise.allSettled(statements.map((statement) => Promise.resolve(statement?.then(identity))))
  record = undefined
  const sent = statements.filter((statement) => statement !== undefined)
  if (queries.length !== sent.length) throw new Error('a statement was not recorded in order')
  return {
    queries,
    abandon: () => {
      for (const answer of waiting) answer.reject(new Error('abandoned'))
    },
    resolve: async <T extends readonly Statement[]>(answers: readonly QueryResult[]) => {
      waiting.forEach((answer, position) => {
        const result = answers[position]
        if (result === undefined) answer.reject(new Error('a statement got no answer'))
        else answer.resolve(result)
      })
      return ownResults<T>(await mapped)
    },
  }
}

/** What drizzle's builders can be compiled to. */
interface Compilable<Row> {
  prepare(name: string): { execute(values: Values): Promise<Row> }
}

type Values = Readonly<globalThis.Record<string, unknown>>

/**
 * A statement whose SQL drizzle works out once for the isolate instead of once for each request. What differs stands in it
 * as `value(name)` and is given when it flies. It has no name in the database, where nothing stays prepared.
 */
export function compiled<Row, Given extends Values>(
  build: (db: NodePgDatabase, value: (name: keyof Given & string) => Placeholder) => Compilable<Row>,
): (values: Given) => PromiseLike<Row> {
  let prepared: ReturnType<Compilable<Row>['prepare']> | undefined
  return (values) =>
    whenAsked(async () => {
      prepared ??= build(recordingDb, (name) => sql.placeholder(name)).prepare('')
      return await prepared.execute(values)
    })
}

/** A promise that begins when it is waited for, as drizzle's builders do, so that a flight decides the order. */
export function whenAsked<T>(begin: () => Promise<T>): PromiseLike<T> {
  // oxlint-disable-next-line unicorn/no-thenable -- see above
  return { then: async (...handlers) => await begin().then(...handlers) }
}

/** What the statements gave; their number and order are those of `T`, since they were built from it. */
function ownResults<T extends readonly Statement[]>(settled: readonly PromiseSettledResult<unknown>[]): Results<T> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return settled.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  }) as Results<T>
}

/** Writes a statement into the flight that is being built. Throws outside of one: nothing would answer it. */
export async function recordQuery(query: Query): Promise<QueryResult> {
  if (record === undefined) throw new Error('a statement asked outside a flight')
  return await record(query)
}

/** A client with the one method that drizzle's session calls on it outside a transaction. */
function recordingClient(): Client {
  const query = async (config: Omit<Query, 'values'>, values: readonly unknown[]) =>
    await recordQuery({ ...config, values })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- drizzle calls nothing else
  return { query } as unknown as Client
}

const identity = (value: unknown) => value
