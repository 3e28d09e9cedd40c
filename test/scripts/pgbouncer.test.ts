import { Client } from 'pg'
import { expect, inject, it, onTestFinished } from 'vitest'
import { findPgBouncer, pgBouncerMissing, startPgBouncer } from '#scripts/stack/pgbouncer.ts'

async function connectTo(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString, pipeline: true, statement_timeout: 5_000 })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

it('PgBouncer takes every login to every database, shares its connections by transaction, and is gone when stopped', async ({
  skip,
}) => {
  skip(findPgBouncer() === undefined, pgBouncerMissing)
  const { ownerUrl, edgeUrl, apart } = inject('stack')
  const pgbouncer = await startPgBouncer({ databaseUrls: [edgeUrl, ownerUrl, apart.edgeUrl], poolSize: 1 })
  onTestFinished(() => pgbouncer.stop())
  const who = 'select current_user as login, current_database() as database, pg_backend_pid() as backend'
  const backends: unknown[] = []
  for (const [url, login, database] of [
    [edgeUrl, 'neuraform_edge', 'neuraform'],
    [edgeUrl, 'neuraform_edge', 'neuraform'],
    [apart.edgeUrl, 'neuraform_edge', 'neuraform_apart'],
    [ownerUrl, 'postgres', 'neuraform'],
  ] as const) {
    const client = await connectTo(pgbouncer.urlOf(url))
    const [, answer] = await Promise.all([client.query('begin'), client.query(who), client.query('commit')])
    expect(answer.rows).toEqual([{ login, database, backend: expect.any(Number) }])
    backends.push(answer.rows[0].backend)
  }
  expect(new Set(backends).size).toBe(3)
  expect(backends[0]).toBe(backends[1])
  await pgbouncer.stop()
  await expect(connectTo(pgbouncer.urlOf(edgeUrl))).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})
