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

/** A random tampering with a cell. What would leave it as it is, or was made of it before, is not made: another is drawn. */
export function tamperWith(cell: SealedCell, others: readonly Uint8Array[], made: Set<string>): Tampering {
  const [kind, change] = some(Object.entries(kinds))
  const bytes = change(cell.bytes, others)
  const name = `${cell.id} ${bytes.toHex()}`
  if (isEqual(bytes, cell.bytes) || made.has(name)) return tamperWith(cell, others, made)
  made.add(name)
  return { cell, kind, bytes }
}

/** Writes bytes into cells, as somebody who holds the database and no key: no trigger stands in their way. */
export async function writeCells(changes: readonly { cell: SealedCell; bytes: Uint8Array }[]): Promise<void> {
  const listed = (table: SealedCell['table']) =>
    changes
      .filter(({ cell }) => cell.table === table)
      .map(({ cell, bytes }) => `('${cell.id}'::uuid, '\\x${bytes.toHex()}'::bytea)`)
  const update = (table: SealedCell['table'], column: SealedCell['column']) =>
    listed(table).length === 0
      ? ''
      : `update ${table} set ${column} = given.bytes from (values ${listed(table).join()}) as given (id, bytes)
         where ${table}.id = given.id;`
  await asOwner(`begin; set local session_replication_role = replica;
    ${update('messages', 'content')} ${update('conversations', 'title')} commit`)
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
