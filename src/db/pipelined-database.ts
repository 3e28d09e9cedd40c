import { Client, type QueryResult } from 'pg'
import { prepareValue } from 'pg/lib/utils.js'
import {
  AnswerLost,
  transactionTimeout,
  type Database,
  type Flight,
  type KnownLogin,
  type Query,
} from '#src/db/database.ts'
import { openSocket } from '#src/db/gathering-socket.ts'
import { withDeadline } from '#src/http/deadline.ts'

type EncodedQuery = Omit<Query, 'values'> & { readonly values: (string | Buffer | null)[] }

const knownLogins = new Map<string, KnownLogin>()

/** pg in pipeline mode: the flights of a request share one connection, made when the first one leaves. */
export class PipelinedDatabase implements Database {
  flights = 0
  readonly deadlineMs: number
  readonly #connectionString: string
  #client: Promise<Client> | undefined

  constructor(connectionString: string, deadlineMs: number) {
    this.#connectionString = connectionString
    this.deadlineMs = deadlineMs
  }

  get knownLogin(): KnownLogin | undefined {
    return knownLogins.get(this.#connectionString)
  }

  keepLogin(login: KnownLogin): void {
    knownLogins.set(this.#connectionString, login)
  }

  async fly(flight: Flight): Promise<readonly QueryResult[]> {
    const queries = flight.queries.map((query) => ({ ...query, values: query.values.map(prepareValue) }))
    this.flights += 1
    try {
      return await withDeadline(this.#send(flight.settings, queries), this.deadlineMs, () => undefined)
    } catch (error) {
      // A connection that failed or is still busy is not used again.
      if (!isFromPostgres(error) || endsConnection(error)) this.#client = undefined
      throw error
    }
  }

  async #send(settings: readonly string[], queries: readonly EncodedQuery[]): Promise<readonly QueryResult[]> {
    const endsAt = Date.now() + this.deadlineMs
    this.#client ??= this.#connect()
    const client = await this.#client
    const begin = ['begin', ...settings, ...transactionTimeout(endsAt - Date.now(), this.knownLogin)].join('; ')
    const settled = await Promise.allSettled([
      client.query(begin),
      ...queries.map((query) => send(client, query)),
      client.query('commit'),
    ])
    const failure = settled.find((outcome) => outcome.status === 'rejected')
    if (failure !== undefined) throw failureOf(failure.reason, failure === settled.at(-1))
    const results = settled.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    if (results.at(-1)?.command !== 'COMMIT') throw new Error('the transaction was rolled back')
    return results.slice(1, -1)
  }

  #connect(): Promise<Client> {
    const client = connect(this.#connectionString, this.deadlineMs, () => {
      if (this.#client === client) this.#client = undefined
    })
    return client
  }
}

/** Sends one statement; whether rows come as arrays or objects is the reader's matter. */
function send(client: Client, query: EncodedQuery): Promise<QueryResult> {
  return client.query(query)
}

async function connect(connectionString: string, deadlineMs: number, onLost: () => void): Promise<Client> {
  const client = new Client({
    connectionString,
    pipeline: true,
    stream: openSocket,
    connectionTimeoutMillis: Math.min(5_000, deadlineMs),
  })
  // Without a listener a connection that dies between flights would end the isolate; with it, the next flight has a new one.
  client.on('error', onLost)
  client.on('end', onLost)
  try {
    await client.connect()
  } catch (error) {
    throw new AnswerLost(error)
  }
  return client
}

// What PostgreSQL says has a severity; anything else is the way to it, whatever words the runtime has for that.
const isFromPostgres = (error: unknown): error is Error & { code?: unknown } =>
  error instanceof Error && 'severity' in error

// By SQLSTATE (57P operator intervention, 08 connection, 25P04 transaction timeout): a severity is a word, and the server may translate it.
const endsConnection = ({ code }: { code?: unknown }) => typeof code === 'string' && /^(57P|08|25P04)/.test(code)

// A connection that ends at COMMIT leaves open whether it was heard: such a flight is not to be flown again.
function failureOf(error: unknown, isAtCommit: boolean): unknown {
  const isKnown = isFromPostgres(error) && !(isAtCommit && endsConnection(error))
  return isKnown ? error : new AnswerLost(error)
}
