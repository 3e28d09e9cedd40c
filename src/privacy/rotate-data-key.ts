import { getTableName, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { recordServiceBreakages, type Breakage } from '#src/audit/breakages.ts'
import { rowOf } from '#src/db/rows.ts'
import { asService, WrappedKeys, type Db, type RequestScope } from '#src/db/scope.ts'
import { Problem } from '#src/http/problem.ts'
import { messages } from '#src/conversations/tables.ts'
import { personalData } from '#src/privacy/personal-data.ts'
import { createDataKey, unwrapDataKeys } from '#src/vault/data-key.ts'
import { noteBrokenCell, noteBrokenKey } from '#src/vault/report-broken.ts'
import { Vault, type BrokenCell } from '#src/vault/vault.ts'

const cellsAtOnce = 100

/** How far a rotation has come: the cell that it looked at last, and what became of all of them. */
export interface Progress {
  readonly place: number
  readonly rowId: string | null
  readonly resealed: number
  /** Cells that cannot be opened, and so stay as they are. */
  readonly broken: number
  readonly isDone: boolean
}

export const notBegun: Progress = { place: 1, rowId: null, resealed: 0, broken: 0, isDone: false }

/** The version that a person's next data key will have. Throws `not_found` for nobody, and for somebody who is leaving. */
export async function nextKeyVersion(scope: RequestScope, userId: string): Promise<number> {
  return ((await readKeys(scope, userId)).at(-1)?.version ?? 0) + 1
}

async function readKeys(scope: RequestScope, userId: string): Promise<WrappedKeys> {
  const [found] = await asService(scope, 'jobs', 'key rotation', (db) => [selectKeys(db, userId)])
  return keysFrom(found)
}

const selectKeys = (db: Db, userId: string) => db.execute(sql`select app.data_keys_of(${userId}) as keys`)

function keysFrom(found: Awaited<ReturnType<typeof selectKeys>>): WrappedKeys {
  const { keys } = rowOf(z.object({ keys: WrappedKeys.nullable() }), found)
  if (keys === null) throw new Problem('not_found')
  return keys
}

/** Gives a person a further data key of that version; one that is there already stays as it is. Throws `not_found`. */
export async function addDataKey(scope: RequestScope, userId: string, version: number): Promise<boolean> {
  const { keyEncryptionKeyId, wrappedKey } = await createDataKey(scope.config, userId, version)
  await asService(scope, 'jobs', 'key rotation', (db) => [
    db.execute(sql`select app.add_data_key(${userId}, ${version}, ${keyEncryptionKeyId}, ${wrappedKey})`),
  ])
  return true
}

const Cell = z.object({
  place: z.int(),
  table_name: z.string(),
  column_name: z.string(),
  row_id: z.uuid(),
  sealed: z.instanceof(Uint8Array),
})
type Cell = z.output<typeof Cell>

/** The next cells that an older key sealed, and the keys that their person has. Throws `not_found`. */
export async function readStaleCells(
  scope: RequestScope,
  userId: string,
  version: number,
  { place, rowId }: Pick<Progress, 'place' | 'rowId'>,
): Promise<{ readonly keys: WrappedKeys; readonly cells: readonly Cell[] }> {
  const [keys, found] = await asService(scope, 'jobs', 'key rotation', (db) => [
    selectKeys(db, userId),
    db.execute(sql`select * from app.stale_cells(${userId}, ${version}, ${place}, ${rowId}, ${cellsAtOnce})`),
  ])
  return { keys: keysFrom(keys), cells: z.array(Cell).parse(found.rows) }
}

/**
 * Seals the next cells that an older key sealed under the newest. A cell that somebody writes meanwhile stays as they wrote
 * it, and so does one that cannot be opened, which is an entry of the person's chain. Throws `not_found`, and
 * `key_unavailable` where the newest key does not open.
 */
export async function resealCells(
  scope: RequestScope,
  userId: string,
  version: number,
  progress: Progress,
): Promise<Progress> {
  const { keys, cells } = await readStaleCells(scope, userId, version, progress)
  const { keys: opened, broken } = await unwrapDataKeys(scope.config, userId, keys)
  const brokenCells: BrokenCell[] = []
  const vault = new Vault(userId, opened, { broken, onBroken: (cell) => brokenCells.push(cell) })
  const resealed = (await Promise.all(cells.map((cell) => reseal(vault, cell)))).filter((cell) => cell !== undefined)
  const breakages: readonly Breakage[] = await Promise.all([
    ...broken.map(async (key) => await noteBrokenKey(scope, key)),
    ...brokenCells.map(async (cell) => await noteBrokenCell(scope, cell)),
  ])
  // A second flight: the cells are opened here, and not in the database.
  await asService(scope, 'jobs', 'key rotation', (db) => [
    db.execute(sql`select app.reseal_cells(${userId}, ${JSON.stringify(resealed)}::jsonb)`),
    ...(breakages.length === 0 ? [] : [recordServiceBreakages(db, scope, userId, breakages)]),
  ])
  const last = cells.at(-1)
  return {
    place: last?.place ?? progress.place,
    rowId: last?.row_id ?? progress.rowId,
    resealed: progress.resealed + resealed.length,
    broken: progress.broken + cells.length - resealed.length,
    isDone: cells.length < cellsAtOnce,
  }
}

/**
 * Forgets the older keys, unless a cell is left that only they could open; the person's chain says which. Returns whether
 * it did. Throws `not_found`.
 */
export async function retireDataKeys(scope: RequestScope, userId: string, version: number): Promise<boolean> {
  const [retired] = await asService(scope, 'jobs', 'key rotation', (db) => [
    db.execute(sql`select app.end_rotation(${userId}, ${version}, ${scope.requestId}) as retired`),
  ])
  return rowOf(z.object({ retired: z.boolean() }), retired).retired
}

/** A cell, sealed anew; undefined for one that cannot be opened, of which the vault's listener hears. */
async function reseal(vault: Vault, cell: Cell) {
  const column = sealedColumns.get(`${cell.table_name}.${cell.column_name}`)
  if (column === undefined) throw new Error('a cell of no sealed column')
  const text = await vault.read(column, cell.row_id, cell.sealed).catch(unlessItsKeyIsBroken)
  if (text === null) return undefined
  return {
    table_name: cell.table_name,
    column_name: cell.column_name,
    row_id: cell.row_id,
    sealed: cell.sealed.toHex(),
    resealed: (await vault.seal(column, cell.row_id, text)).toHex(),
    words: column === messages.content ? vault.indexWords(text).map(String) : null,
  }
}

// The key has an entry of its own; the cell may be good.
function unlessItsKeyIsBroken(error: unknown): null {
  if (error instanceof Problem && error.code === 'key_unavailable') return null
  throw error
}

/** Every column that holds what a data key sealed, by `table.column`. */
export const sealedColumns: ReadonlyMap<string, PgColumn> = new Map(
  personalData.flatMap(({ sealed = [] }) =>
    sealed.map((column) => [`${getTableName(column.table)}.${column.name}`, column] as const),
  ),
)
