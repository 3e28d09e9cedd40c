import {
  Query as PgQuery,
  Result as PgResult,
  type Connection,
  type CustomTypesConfig,
  type FieldDef,
  type QueryResult,
} from 'pg'
import type { Query } from '#src/db/database.ts'

/** A statement whose values are as they go over the wire. */
export interface EncodedQuery extends Omit<Query, 'values'> {
  readonly values: (string | Buffer | null)[]
  /** Whether nobody reads its rows, so that PostgreSQL need not say what they are made of. */
  readonly isUnread?: boolean
}

/** The answer to one statement, as pg puts it together. */
interface Answer extends QueryResult {
  addFields(fields: readonly FieldDef[]): void
  parseRow(values: readonly (string | null)[]): unknown
  addRow(row: unknown): void
  addCommandComplete(message: unknown): void
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what pg's own queries call of it, which its types leave out
const Answer = PgResult as unknown as new (rowMode: Query['rowMode'], types: CustomTypesConfig | undefined) => Answer

/**
 * Statements of PostgreSQL's extended protocol under one Sync, where pg sends one behind each: the server then answers in
 * one piece instead of one for each of them. One that fails ends those after it. pg's client calls the methods that begin
 * with `handle`, one for each message.
 */
export class StatementBatch extends PgQuery {
  readonly queries: readonly EncodedQuery[]
  readonly #results: readonly Answer[]
  readonly #answer = Promise.withResolvers<readonly QueryResult[]>()
  #answered = 0

  constructor(queries: readonly EncodedQuery[]) {
    super('')
    this.queries = queries
    this.#results = queries.map(({ rowMode, types }) => new Answer(rowMode, types))
  }

  /** What each statement gave; rejects with what PostgreSQL said of the one that failed. */
  get answer(): Promise<readonly QueryResult[]> {
    return this.#answer.promise
  }

  /** Whether only the last statement, or the end of the transaction, has not been answered. */
  get isAtEnd(): boolean {
    return this.#answered >= this.#results.length - 1
  }

  override submit = (connection: Connection): null => {
    for (const { text, values, isUnread } of this.queries) {
      connection.parse({ text, name: '', types: [] }, true)
      connection.bind({ values }, true)
      if (isUnread !== true) connection.describe({ type: 'P' }, true)
      connection.execute({}, true)
    }
    connection.sync()
    return null
  }

  handleRowDescription({ fields }: { readonly fields: readonly FieldDef[] }): void {
    this.#result.addFields(fields)
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    if (this.queries[this.#answered]?.isUnread === true) return
    try {
      this.#result.addRow(this.#result.parseRow(fields))
    } catch (error) {
      this.handleError(error)
    }
  }

  handleCommandComplete(message: unknown): void {
    this.#result.addCommandComplete(message)
    this.#answered += 1
  }

  handleError(error: unknown): void {
    this.#answer.reject(error)
  }

  handleReadyForQuery(): void {
    if (this.#answered === this.#results.length) this.#answer.resolve(this.#results)
    else this.#answer.reject(new Error('PostgreSQL answered less than it was asked'))
  }

  get #result(): Answer {
    const result = this.#results[this.#answered]
    if (result === undefined) throw new Error('PostgreSQL answered more than it was asked')
    return result
  }
}
