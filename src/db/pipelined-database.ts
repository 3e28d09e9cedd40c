import type { Duplex } from 'node:stream'
import { Client, type ClientConfig, type QueryResult } from 'pg'
import { parseIntoClientConfig } from 'pg-connection-string'
import { prepareValue } from 'pg/lib/utils.js'
import {
  AnswerLost,
  settingStatements,
  type Database,
  type Flight,
  type KnownLogin,
  type Settings,
} from '#src/db/database.ts'
import { openSocket, type SocketOptions } from '#src/db/gathering-socket.ts'
import { StatementBatch, type EncodedQuery } from '#src/db/statement-batch.ts'
import { withDeadline } from '#src/http/deadline.ts'
import { Problem } from '#src/http/problem.ts'

const knownParts = new Map<string, ClientConfig>()

/** What a URL says, read once: pg would read it again for each connection, and each request has one of its own. */
function partsOf(connectionString: string): ClientConfig {
  const parts = knownParts.get(connectionString) ?? parseIntoClientConfig(connectionString)
  knownParts.set(connectionString, parts)
  return parts
}

const knownLogins = new Map<string, KnownLogin>()

/** pg in pipeline mode: the flights of a request share one connection, made when the first one leaves. */
export class PipelinedDatabase implements Database {
  flights = 0
  readonly deadlineMs: number
  readonly #connectionString: string
  #client: Promise<Client> | undefined
  /** The socket of a connection that is being made: one that hangs would keep its place among the few that a Worker may wait for. */
  #opening: Duplex | undefined
  /** Settles when the connection may be used again, after a flight that failed. */
  #ending: Promise<unknown> | undefined

  constructor(connectionString: string, deadlineMs: number) {
    this.#connectionString = connectionString
    this.deadlineMs = deadlineMs
  }

  get knownLogin(): KnownLogin | undefined {
    return knownLogins.get(this.#connectionString)
  }

  apart(): Database {
    return new PipelinedDatabase(this.#connectionString, this.deadlineMs)
  }

  keepLogin(login: KnownLogin): void {
    knownLogins.set(this.#connectionString, login)
  }

  async fly(flight: Flight): Promise<readonly QueryResult[]> {
    const queries = flight.queries.map((query) => ({ ...query, values: query.values.map(prepareValue) }))
    this.flights += 1
    try {
      return await withDeadline(this.#send(flight.settings, queries), this.deadlineMs, () => this.#opening?.destroy())
    } catch (error) {
      // A connection that failed or is still busy is not used again.
      if (!isFromPostgres(error) || endsConnection(error)) this.#client = this.#ending = undefined
      throw error
    }
  }

  async #send(settings: Settings, queries: readonly EncodedQuery[]): Promise<readonly QueryResult[]> {
    const endsAt = Date.now() + this.deadlineMs
    if (this.#ending !== undefined) await this.#ending
    this.#client ??= this.#connect()
    const client = await this.#client
    // What has been given up meanwhile must not be written any more.
    if (Date.now() >= endsAt) throw new Problem('deadline_exceeded')
    const before = ['begin', ...settingStatements(settings, endsAt - Date.now(), this.knownLogin)].map(unread)
    const batch = new StatementBatch([...before, ...queries, unread('commit')])
    void client.query(batch)
    let answers
    try {
      answers = await batch.answer
    } catch (error) {
      // What failed ended all that stood behind it, COMMIT too. The answer does not wait for this, since the locks are gone
      // already; the next flight must: a pooler that has heard the end gives the connection away, with what was sent since.
      if (isFromPostgres(error) && !endsConnection(error)) this.#rollBack(client)
      throw failureOf(error, batch.isAtEnd)
    }
    if (answers.at(-1)?.command !== 'COMMIT') throw new Error('the transaction was rolled back')
    return answers.slice(before.length, -1)
  }

  #rollBack(client: Client): void {
    const ending: Promise<void> = client.query('rollback').then(
      () => this.#ended(ending),
      () => {
        if (this.#ending === ending) this.#client = undefined
        this.#ended(ending)
      },
    )
    this.#ending = ending
  }

  #ended(ending: Promise<unknown>): void {
    if (this.#ending === ending) this.#ending = undefined
  }

  #connect(): Promise<Client> {
    let socket: Duplex | undefined
    const open = (options?: SocketOptions) => (this.#opening = socket = openSocket(options))
    const onLost = () => {
      if (this.#client === client) this.#client = undefined
    }
    const client = connect(this.#connectionString, open, onLost).finally(() => {
      if (this.#opening === socket) this.#opening = undefined
    })
    return client
  }
}

const unread = (text: string): EncodedQuery => ({ text, values: [], isUnread: true })

async function connect(
  connectionString: string,
  stream: (options?: SocketOptions) => Duplex,
  onLost: () => void,
): Promise<Client> {
  const client = new Client({
    ...partsOf(connectionString),
    pipeline: true,
    stream,
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
