import { sql, type SQL } from 'drizzle-orm'
import { customType, timestamp, type PgColumn } from 'drizzle-orm/pg-core'

declare const sealedBrand: unique symbol

/** Bytes that `Vault.seal` made. Nothing else has this type, so no plain text can reach a sealed column. */
export type Sealed = Uint8Array & { readonly [sealedBrand]: true }

/** Raw bytes (`bytea`). */
export const bytes = customType<{ data: Uint8Array; driverData: Uint8Array }>({ dataType: () => 'bytea' })

/** A column that holds only what the vault sealed. */
export const sealed = customType<{ data: Sealed; driverData: Uint8Array }>({ dataType: () => 'bytea' })

/** A moment to the millisecond, the precision of a JavaScript Date, so that a cursor never rounds past a row. */
export const moment = (name?: string) =>
  name === undefined
    ? timestamp({ withTimezone: true, precision: 3, mode: 'date' })
    : timestamp(name, { withTimezone: true, precision: 3, mode: 'date' })

/** What a `jsonb` column may hold. */
export type JsonObject = { readonly [key: string]: JsonValue }
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject

/**
 * The greatest first, as an index `.on(column.desc())` has it. drizzle makes such an index NULLS LAST, while a bare `desc`
 * means NULLS FIRST: PostgreSQL would read and sort all that a page is taken from, also where no value is null.
 */
export const descending = (column: PgColumn): SQL => sql`${column} desc nulls last`
