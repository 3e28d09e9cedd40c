import { neon, neonConfig, type FullQueryResults } from '@neondatabase/serverless'
import { types, type QueryResult } from 'pg'
import { prepareValue } from 'pg/lib/utils.js'
import {
  AnswerLost,
  settingStatements,
  type Database,
  type Flight,
  type KnownLogin,
  type Query,
} from '#src/db/database.ts'
import { withDeadline } from '#src/http/deadline.ts'

type EncodedQuery = Omit<Query, 'values'> & { readonly values: (string | null)[] }

const knownLogins = new Map<string, KnownLogin>()
const vendorEndpoint = neonConfig.fetchEndpoint

/** Neon over HTTP: one flight is one request, and no connection is kept. Its endpoint begins and commits. */
export class NeonDatabase implements Database {
  flights = 0
  readonly deadlineMs: number
  readonly #connectionString: string
  readonly #endpoint: string | undefined

  /** `endpoint` takes the place of the vendor's own, which the connection string's host names. */
  constructor(connectionString: string, deadlineMs: number, endpoint?: string) {
    this.#connectionString = connectionString
    this.deadlineMs = deadlineMs
    this.#endpoint = endpoint
  }

  get knownLogin(): KnownLogin | undefined {
    return knownLogins.get(this.#connectionString)
  }

  apart(): Database {
    return new NeonDatabase(this.#connectionString, this.deadlineMs, this.#endpoint)
  }

  keepLogin(login: KnownLogin): void {
    knownLogins.set(this.#connectionString, login)
  }

  async fly({ settings, queries }: Flight): Promise<readonly QueryResult[]> {
    const first = settingStatements(settings, this.deadlineMs, this.knownLogin)
    const encoded = [...first.map((text) => ({ text, values: [] })), ...queries.map(encode)]
    this.flights += 1
    const giveUp = new AbortController()
    const sending = this.#send(encoded, giveUp.signal)
    const answers = await withDeadline(sending, this.deadlineMs, () => giveUp.abort())
    return answers.slice(first.length)
  }

  async #send(queries: readonly EncodedQuery[], signal: AbortSignal): Promise<readonly QueryResult[]> {
    try {
      const sql = neon<boolean, true>(this.#connectionString, { fullResults: true })
      const statements = queries.map(({ text, values, rowMode, types: parsers = types }) =>
        sql.query(text, values, { arrayMode: rowMode === 'array', types: parsers }),
      )
      // The driver reads it before its first await. A redirect is not followed: it would take the password along.
      neonConfig.fetchEndpoint = this.#endpoint ?? vendorEndpoint
      const answers = await sql.transaction(statements, { fetchOptions: { signal, redirect: 'manual' } })
      if (answers.length !== queries.length) throw new Error('not every statement has an answer')
      return answers.map(resultOf)
    } catch (error) {
      throw isFromPostgres(error) ? error : new AnswerLost(error)
    }
  }
}

const encode = (query: Query): EncodedQuery => ({ ...query, values: query.values.map(textOf) })

/** What pg would send, as JSON can hold it: bytes in PostgreSQL's hex form, half a character as U+FFFD. */
function textOf(value: unknown): string | null {
  const prepared = prepareValue(value)
  if (prepared === null) return null
  return typeof prepared === 'string' ? prepared.toWellFormed() : `\\x${prepared.toString('hex')}`
}

const resultOf = ({ command, rowCount, fields, rows }: FullQueryResults<boolean>): QueryResult => ({
  command,
  rowCount,
  oid: 0,
  fields,
  rows,
})

/**
 * Whether PostgreSQL itself refused: it gives a SQLSTATE. That a connection ended is believed of it alone, since it says so
 * before it commits or not at all; a proxy, which names no routine of the server, may say it of any moment.
 */
function isFromPostgres(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code, routine } = error as Error & { code?: unknown; routine?: unknown }
  if (typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code)) return false
  return !/^(57P|08|25P04)/.test(code) || typeof routine === 'string'
}
