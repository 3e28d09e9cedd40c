import { asOwner } from '#test/setup/owner-database.ts'

/** A sealed cell of the database, and what was sealed into it. */
export interface SealedCell {
  readonly table: 'messages' | 'conversations'
  readonly column: 'content' | 'title'
  readonly id: string
  readonly text: string
  readonly bytes: Uint8Array
}

/** Bytes in the place of a cell's own. */
export interface Tampering {
  readonly cell: SealedCell
  readonly kind: string
  readonly bytes: Uint8Array
}

/** The cell with what is stored in it now. */
export async function sealedCell(
  table: SealedCell['table'],
  column: SealedCell['column'],
  { id, text }: { id: string; text: string },
): Promise<SealedCell> {
  const [row] = await asOwner<{ bytes: Uint8Array }>(`select ${column} as bytes from ${table} where id = $1`, [id])
  if (row === undefined) throw new Error('the cell is not there')
  return { table, column, id, text, bytes: new Uint8Array(row.bytes) }
}

/** Every way of tampering with one cell. `others` are sealed values that somebody might put in its place. */
const kinds: Record<string, (own: Uint8Array, others: readonly Uint8Array[]) => Uint8Array> = {
  swapped: (_, others) => some(others),
  cut: (own) => own.slice(0, below(own.length)),
  'cut in front': (own) => own.slice(1 + below(own.length - 1)),
  lengthened: (own) => Uint8Array.of(...own, below(256)),
  'with a bit flipped': (own) => {
    const bytes = own.slice()
    const at = below(bytes.length)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8))
    return bytes
  },
  'under the nonce of another': (own, others) => Uint8Array.of(...some(others).slice(0, 15), ...own.slice(15)),
}

export const kindsOfTampering = Object.keys(kinds)

/** A random tampering with a cell. What would leave it as it is counts for nothing, and another is drawn. */
export function tamperWith(cell: SealedCell, others: readonly Uint8Array[]): Tampering {
  const [kind, change] = some(Object.entries(kinds))
  const bytes = change(cell.bytes, others)
  return isEqual(bytes, cell.bytes) ? tamperWith(cell, others) : { cell, kind, bytes }
}

/** Writes bytes into cells, as somebody who holds the database and no key. */
export async function writeCells(changes: readonly { cell: SealedCell; bytes: Uint8Array }[]): Promise<void> {
  for (const { table, column } of [
    { table: 'messages', column: 'content' },
    { table: 'conversations', column: 'title' },
  ]) {
    const own = changes.filter(({ cell }) => cell.table === table)
    await asOwner(
      `update ${table} set ${column} = decode(given.bytes, 'hex')
       from unnest($1::uuid[], $2::text[]) as given (id, bytes) where ${table}.id = given.id`,
      [own.map(({ cell }) => cell.id), own.map(({ bytes }) => bytes.toHex())],
    )
  }
}

/** Some of them, each once, in no order. */
export const someOf = <T>(values: readonly T[], count: number): readonly T[] =>
  values
    .map((value) => ({ value, place: Math.random() }))
    .toSorted((one, other) => one.place - other.place)
    .slice(0, count)
    .map(({ value }) => value)

const below = (end: number) => Math.floor(Math.random() * end)

function some<T>(values: readonly T[]): T {
  const value = values[below(values.length)]
  if (value === undefined) throw new Error('there is nothing to draw from')
  return value
}

const isEqual = (one: Uint8Array, other: Uint8Array) =>
  one.length === other.length && one.every((byte, at) => byte === other[at])
