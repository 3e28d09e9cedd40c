import { Client, type QueryResultRow } from 'pg'
import { inject } from 'vitest'

const owners = new Map<string, Promise<Client>>()

/** The rows of a statement as the database's owner, whom no policy binds. */
export async function asOwner<Row>(
  text: string,
  values: readonly unknown[] = [],
  { ownerUrl }: { readonly ownerUrl: string } = inject('stack'),
): Promise<Row[]> {
  const { rows } = await (await ownerClient(ownerUrl)).query<Row & QueryResultRow>(text, [...values])
  return rows
}

/** The owner's connection of this test file. */
export async function ownerClient(ownerUrl = inject('stack').ownerUrl): Promise<Client> {
  const owner = owners.get(ownerUrl) ?? connect(ownerUrl)
  owners.set(ownerUrl, owner)
  return await owner
}

async function connect(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

/** Every table of the schema `public`, partitions included. */
export async function allTables(): Promise<string[]> {
  const rows = await asOwner<{ name: string }>(
    `select c.relname as name from pg_catalog.pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by c.relname`,
  )
  return rows.map(({ name }) => name)
}

/** The tables that hold a text anywhere in a row, `bytea` included: as it is, and as its UTF-8 bytes would be shown. */
export async function tablesThatHold(needle: string): Promise<string[]> {
  const [tables = []] = await tablesThatHoldEach([needle])
  return tables
}

/** As `tablesThatHold`, for each of several texts; every table is read once for all of them. */
export async function tablesThatHoldEach(needles: readonly string[]): Promise<string[][]> {
  const holding = needles.map((): string[] => [])
  const hex = needles.map((needle) => new TextEncoder().encode(needle).toHex())
  for (const table of await allTables()) {
    const found = await asOwner<{ index: number }>(
      `with rows as materialized (select to_jsonb(t)::text as text from public.${table} as t)
       select (place - 1)::int as index from unnest($1::text[], $2::text[]) with ordinality as n (needle, hex, place)
       where exists (select from rows where position(n.needle in text) > 0 or position(n.hex in text) > 0)`,
      [needles, hex],
    )
    for (const { index } of found) holding[index]?.push(table)
  }
  return holding
}
