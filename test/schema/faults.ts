import { inject } from 'vitest'
import { Client } from 'pg'

/** The ordinary and partitioned tables of `public`, as `c`. */
export const tables = "pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')"

let owner: Promise<Client> | undefined

/** Rows of the catalogue, as a superuser sees it. */
export async function rowsOf(query: string): Promise<readonly Record<string, unknown>[]> {
  owner ??= connect()
  return (await (await owner).query<Record<string, unknown>>(query)).rows
}

/** The column `fault` of what a query finds; each one that it finds is a fault. */
export async function faultsIn(query: string): Promise<readonly unknown[]> {
  return (await rowsOf(query)).map(({ fault }) => fault)
}

/** The faults that a query finds once the statements have run, in a transaction that leaves nothing of them behind. */
export async function faultsAfter(statements: string, query: string): Promise<readonly unknown[]> {
  try {
    await rowsOf(`begin; ${statements}`)
    return await faultsIn(query)
  } finally {
    await rowsOf('rollback')
  }
}

async function connect(): Promise<Client> {
  const client = new Client({ connectionString: inject('stack').ownerUrl })
  client.on('error', () => undefined)
  await client.connect()
  return client
}
