import { Query as PgQuery, types as defaultTypes, type Connection, type FieldDef, type QueryResult } from 'pg'
import type { Query } from '#src/db/database.ts'

/** A statement whose values are as they go over the wire. */
export interface EncodedQuery extends Omit<Query, 'values'> {
  readonly values: (string | Buffer | null)[]
  /** Whether nobody reads its rows, so that PostgreSQL need not say what they are made of. */
  readonly isUnread?: boolean
}

type Row = readonly (string | null)[]
type Reader = (text: string) => unknown

/** What PostgreSQL said of the columns of a statement, and how each is read. */
interface Columns {
  readonly fields: FieldDef[]
  readonly readers: readonly Reader[]
}

const mostKept = 500
const keptMs = 5 * 60_000

/**
 * The columns of statements that name theirs, by their text, as PostgreSQL described them: it need not again, which is a
 * good part of what it says. For some minutes only, since nothing but the rule that migrations change no column's type
 * keeps a text from meaning something else. One text comes with one set of types, and in one row mode.
 */
const kept = new Map<string, Columns>()
let keptSince = 0

function keptColumns({ text }: EncodedQuery): Columns | undefined {
  if (Date.now() - keptSince > keptMs) kept.clear()
  return kept.get(text)
}

function keepColumns({ text }: EncodedQuery, columns: Columns): void {
  if (text.includes('*')) return
  if (kept.size >= mostKept) kept.clear()
  if (kept.size === 0) keptSince = Date.now()
  kept.set(text, columns)
}

/** The answer to one statement. */
class Answer implements QueryResult {
  command = ''
  rowCount: number | null = null
  oid = 0
  readonly rows: unknown[] = []
  readonly #query: EncodedQuery
  #columns: Columns | undefined

  constructor(query: EncodedQuery) {
    this.#query = query
    this.#columns = keptColumns(query)
  }

  get fields(): FieldDef[] {
    return this.#columns?.fields ?? []
  }

  /** Whether PostgreSQL has to say what its rows are made of. */
  get isToDescribe(): boolean {
    return this.#query.isUnread !== true && this.#columns === undefined
  }

  describe(fields: FieldDef[]): void {
    const types = this.#query.types ?? defaultTypes
    // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- pg's types name only some of the types that there are
    const readers = fields.map<Reader>(({ dataTypeID }) => types.getTypeParser(dataTypeID, 'text'))
    this.#columns = { fields, readers }
    keepColumns(this.#query, this.#columns)
  }

  addRow(row: Row): void {
    if (this.#query.isUnread === true) return
    if (row.length !== this.#columns?.readers.length) {
      kept.delete(this.#query.text)
      throw new Error('a statement has other columns than it had')
    }
    const { fields, readers } = this.#columns
    const values = row.map((text, place) => (text === null ? null : readers[place]?.(text)))
    const isArray = this.#query.rowMode === 'array'
    this.rows.push(isArray ? values : Object.fromEntries(fields.map(({ name }, place) => [name, values[place]])))
  }

  complete(tag: string): void {
    this.command = tag.split(' ', 1)[0] ?? ''
    // `INSERT 0 3` has an object id, as it once had, before what all have; `CREATE TABLE` has nothing.
    const count = /\d+$/.exec(tag)
    this.rowCount = count === null ? null : Number(count[0])
  }
}

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
    this.#results = queries.map((query) => new Answer(query))
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
    this.queries.forEach(({ text, values }, place) => {
      connection.parse({ text, name: '', types: [] }, true)
      connection.bind({ values }, true)
      if (this.#results[place]?.isToDescribe === true) connection.describe({ type: 'P' }, true)
      connection.execute({}, true)
    })
    connection.sync()
    return null
  }

  handleRowDescription({ fields }: { readonly fields: FieldDef[] }): void {
    this.#result.describe(fields)
  }

  handleDataRow({ fields }: { readonly fields: Row }): void {
    try {
      this.#result.addRow(fields)
    } catch (error) {
      this.handleError(error)
    }
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.#result.complete(text)
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
