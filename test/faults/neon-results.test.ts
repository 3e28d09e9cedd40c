import { env } from 'cloudflare:workers'
import { eq, inArray, sql, type SQL } from 'drizzle-orm'
import type { QueryResult } from 'pg'
import { describe, expect, inject, it } from 'vitest'
import { configOf } from '#src/config.ts'
import { openDatabase } from '#src/db/connect.ts'
import { asVisitor, type Db, type RequestScope } from '#src/db/scope.ts'
import { personas } from '#src/personas/tables.ts'
import { fuka } from '#test/setup/client.ts'
import { databaseAt, transports, type Transport } from '#test/setup/other-database.ts'

function scopeBy(transport: Transport): RequestScope {
  const config = configOf({ ...env, ...databaseAt(inject('stack').edgeUrl, transport) })
  const scope = { requestId: '', defer: () => undefined, report: () => undefined }
  return { ...scope, config, database: openDatabase(config) }
}

/** What each transport gives for the same statement. */
async function byEach<T>(build: (db: Db) => PromiseLike<T>): Promise<T[]> {
  const results: T[] = []
  for (const transport of transports) {
    const [result] = await asVisitor(scopeBy(transport), (db) => [build(db)])
    results.push(result)
  }
  return results
}

const whole = ({ command, rowCount, rows, fields }: QueryResult) => ({
  command,
  rowCount,
  rows,
  fields: fields.map(({ name, dataTypeID, format }) => [name, dataTypeID, format]),
})

const bytes = Uint8Array.from({ length: 256 }, (_, value) => value)

const asked: readonly (readonly [string, SQL])[] = [
  [
    'numbers',
    sql`select 1::int2 a, -2::int4 b, 9007199254740993::int8 c, 1.5::float4 d, 'NaN'::float8 e, 1.10::numeric f`,
  ],
  ['truths and nothing', sql`select true a, false b, null c, null::bytea d, '' e`],
  ['text', sql`select ${'a\n"b"\\ \u{1F600} \u0301é <&> \u2028'}::text a, 'x'::char(3) b, 'y'::varchar c, 'z'::name d`],
  ['half a character', sql`select ${'a\uD83Db'}::text a`],
  ['bytes', sql`select ${bytes}::bytea a, ${new Uint8Array()}::bytea b, encode(${bytes}::bytea, 'hex') c`],
  ['bytes in part of a buffer', sql`select ${bytes.subarray(10, 20)}::bytea a, length(${bytes.subarray(3)}::bytea) b`],
  ['JSON', sql`select ${JSON.stringify({ a: [1, null, 'ü'] })}::jsonb a, '{"b":1.0}'::json b, 'null'::jsonb c`],
  [
    'times',
    sql`select ${new Date(86_400_123)}::timestamptz a, '2026-02-03 04:05:06.789'::timestamp b, '2026-02-03'::date c`,
  ],
  [
    'more times',
    sql`select '1 day 2 hours'::interval a, '04:05'::time b, 'infinity'::timestamptz c, '0044-03-15 BC'::date d`,
  ],
  [
    'arrays',
    sql`select '{1,null,3}'::int[] a, ${sql.param(['x,y', '"q"', 'null', ''])}::text[] b, '{}'::text[] c, '{{1},{2}}'::int8[] d`,
  ],
  [
    'arrays of times and bytes',
    sql`select array[now()::date] a, array['epoch'::timestamptz] b, ${sql.param([bytes])}::bytea[] c`,
  ],
  [
    'other types',
    sql`select ${fuka}::uuid a, '10.0.0.0/8'::inet b, '[1,3)'::int4range c, point(1, 2) d, row(1, 'x') e, 'app'::regnamespace f`,
  ],
  ['columns of one name', sql`select 1 a, 2 a, 3 "?column?", 4`],
  ['no columns', sql`select`],
  ['no rows', sql`select 1 a where false`],
  ['many rows', sql`select n, repeat('x', n) t from generate_series(1, 500) n`],
  ['a setting', sql`set local work_mem = '4MB'`],
  ['a function that gives nothing', sql`select set_config('app.step', null, true) a, pg_sleep(0) b`],
]

describe('an answer by Neon', () => {
  it.each(asked)('is the one by Hyperdrive: %s', async (_name, statement) => {
    const [hyperdrive, neon] = (await byEach((db) => db.execute(statement))).map(whole)
    expect(neon).toEqual(hyperdrive)
  })

  it('is mapped by drizzle as the one by Hyperdrive', async () => {
    const isBuiltIn = inArray(personas.slug, ['fuka', 'gwen', 'kenji', 'koan', 'nika'])
    const found = await byEach((db) => db.select().from(personas).where(isBuiltIn).orderBy(personas.id))
    // Meanwhile other tests have them reply, which is counted.
    const [hyperdrive, neon] = found.map((rows) =>
      rows.map((row) => ({ ...row, useCount: Number.isInteger(row.useCount) })),
    )
    expect(neon).toEqual(hyperdrive)
    expect(neon?.every(({ useCount }) => useCount)).toBe(true)
    expect(neon?.length).toBe(5)
    const columns = { at: personas.createdAt, slug: personas.slug }
    const one = (await byEach((db) => db.select(columns).from(personas).where(eq(personas.id, fuka))))[1]
    expect(one).toEqual([{ at: expect.any(Date), slug: 'fuka' }])
  })

  it.each([
    ['what cannot be divided', sql`select 1 / 0`],
    ['what does not parse', sql`select 'x'::int`],
    ['what is not there', sql`select * from nowhere`],
    ['two statements in one', sql`select ${1}::int; select 2`],
    ['NUL in a text', sql`select ${'a\0b'}::text`],
    ['what is not allowed', sql`select * from users`],
    ['what a door refuses', sql`select * from app.begin_session(${bytes})`],
  ])('to %s names the same fault', async (_name, statement) => {
    const faults = []
    for (const transport of transports) {
      const error: unknown = await asVisitor(scopeBy(transport), (db) => [db.execute(statement)]).catch(
        (reason: unknown) => reason,
      )
      const { code, cause } = error as { code: string; cause?: unknown }
      const { severity, routine, detail, constraint } = (cause ?? error) as Record<string, unknown>
      faults.push([code, severity, routine, detail, constraint])
    }
    expect(faults[0]?.slice(0, 2)).toEqual([expect.stringMatching(/./), 'ERROR'])
    expect(faults[1]).toEqual(faults[0])
  })
})
