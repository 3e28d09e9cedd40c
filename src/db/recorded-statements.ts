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

/**
 * Builds statements against a client that only writes down what it is asked, in order, so that a whole transaction is
 * known and encoded before its first byte is sent, whatever transport then carries it.
 */
export function recordStatements(
  build: (client: Client) => { before: readonly Statement[]; own: readonly Statement[] },
): Recorded {
  const queries: Query[] = []
  const waiting: PromiseWithResolvers<QueryResult>[] = []
  const { before, own } = build(
    recordingClient((query) => {
      const answer = Promise.withResolvers<QueryResult>()
      queries.push(query)
      waiting.push(answer)
      return answer.promise
    }),
  )
  // drizzle asks its client only when `then` is called, and does so at once.
  const mapped = Promise.allSettled([...before, ...own].map((statement) => Promise.resolve(statement.then(identity))))
  if (queries.length !== before.length + own.length) throw new Error('a statement was not recorded in order')
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
      return ownResults<T>(await mapped, before.length)
    },
  }
}

/** What the caller's own statements gave; their number and order are those of `T`, since they were built from it. */
function ownResults<T extends readonly Statement[]>(
  settled: readonly PromiseSettledResult<unknown>[],
  skip: number,
): Results<T> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return settled.slice(skip).map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  }) as Results<T>
}

/** A client with the one method that drizzle's session calls on it outside a transaction. */
function recordingClient(record: (query: Query) => Promise<QueryResult>): Client {
  const query = async (config: Omit<Query, 'values'>, values: readonly unknown[]) => await record({ ...config, values })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- drizzle calls nothing else
  return { query } as unknown as Client
}

const identity = (value: unknown) => value
