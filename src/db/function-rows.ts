import { fillPlaceholders, is, sql, type GetColumnData, type SQL } from 'drizzle-orm'
import { PgColumn, PgDialect } from 'drizzle-orm/pg-core'
import { recordQuery, whenAsked } from '#src/db/recorded-statements.ts'

type Field = PgColumn | SQL
type Fields = Readonly<Record<string, Field | Readonly<Record<string, Field>>>>

type RowOf<T> = {
  -readonly [K in keyof T]: T[K] extends PgColumn
    ? GetColumnData<T[K]>
    : T[K] extends SQL<infer Value>
      ? Value
      : RowOf<T[K]>
}

/** A statement that has not run yet, as drizzle's builders are. */
interface FunctionRows<Row> extends PromiseLike<Row[]> {
  prepare(name: string): { execute(values: Readonly<Record<string, unknown>>): Promise<Row[]> }
}

/**
 * The rows of a function of the database (`source`: what stands behind `from`), read as the columns of tables are. drizzle
 * selects a table's columns from that table only; and where it asks of each cell of each row what reads it, this knows it
 * for all rows.
 */
export function rowsOf<const T extends Fields>(fields: T, source: SQL): FunctionRows<RowOf<T>> {
  const prepare = () => {
    const places = placesOf(fields)
    const list = sql.join(places.map(selected), sql`, `)
    const { sql: text, params } = dialect.sqlToQuery(sql`select ${list} from ${source}`)
    const read = readerOf(places)
    return {
      execute: async (values: Readonly<Record<string, unknown>>) => {
        const given = fillPlaceholders(params, values)
        const { rows } = await recordQuery({ text, values: given, rowMode: 'array' })
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- field by field what stands in the type
        return rows.map((cells: readonly unknown[]) => read(cells)) as RowOf<T>[]
      },
    }
  }
  return Object.assign(
    whenAsked(async () => await prepare().execute({})),
    { prepare },
  )
}

const dialect = new PgDialect()

/** A field, and where it is in a row. */
interface Place {
  readonly name: string
  readonly field: Field
  /** The object that it is in, where it is not the row's own. */
  readonly within?: string
}

const isField = (field: Fields[string]): field is Field => is(field, PgColumn) || 'queryChunks' in field

const placesOf = (fields: Fields): readonly Place[] =>
  Object.entries(fields).flatMap(([name, field]): readonly Place[] =>
    isField(field)
      ? [{ name, field }]
      : Object.entries(field).map(([inner, one]) => ({ name: inner, field: one, within: name })),
  )

const selected = ({ field }: Place) => (is(field, PgColumn) ? sql.identifier(field.name) : field)

function readerOf(places: readonly Place[]): (cells: readonly unknown[]) => object {
  const readers = places.map(({ field }) =>
    is(field, PgColumn) ? (cell: unknown): unknown => field.mapFromDriverValue(cell) : (cell: unknown) => cell,
  )
  return (cells) => {
    const row: Record<string, unknown> = {}
    const inner: Record<string, Record<string, unknown>> = {}
    places.forEach(({ name, within }, at) => {
      const cell = cells[at]
      const target = within === undefined ? row : (inner[within] ??= {})
      target[name] = cell === null ? null : readers[at]?.(cell)
    })
    return Object.assign(row, inner)
  }
}
