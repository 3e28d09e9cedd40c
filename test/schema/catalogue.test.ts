import { describe, expect, it } from 'vitest'
import { faultsIn, rowsOf, tables } from '#test/schema/faults.ts'
import { guards } from '#test/schema/guards.ts'

describe('every table', () => {
  it('has row security on and forced, partitions too', async () => {
    expect((await faultsIn(`select c.relname as fault from ${tables}`)).length).toBeGreaterThanOrEqual(12)
    expect(await faultsIn(guards.tableThatIsOpen)).toEqual([])
  })

  it('has a policy', async () => {
    expect(await faultsIn(guards.tableWithoutPolicy)).toEqual([])
  })

  it('is explained, as every function is', async () => {
    expect(
      await faultsIn(`select c.relname as fault from ${tables} and obj_description(c.oid, 'pg_class') is null`),
    ).toEqual([])
    expect(
      await faultsIn(`select p.proname as fault from pg_proc p
        where p.pronamespace = 'app'::regnamespace and obj_description(p.oid, 'pg_proc') is null`),
    ).toEqual([])
  })

  it('keeps times to the millisecond with their zone, and text as text', async () => {
    const types = new Set([
      'timestamp(3) with time zone',
      'text',
      'text[]',
      'bigint[]',
      'bytea[]',
      'uuid',
      'uuid[]',
      'bytea',
      'boolean',
      'integer',
      'bigint',
      'date',
      'jsonb',
    ])
    const rows = await rowsOf(`
      select a.attrelid::regclass || '.' || a.attname as name, format_type(a.atttypid, a.atttypmod) as type
      from pg_attribute a where a.attrelid in (select c.oid from ${tables}) and a.attnum > 0 and not a.attisdropped`)
    expect(rows.filter(({ type }) => !types.has(String(type)))).toEqual([])
  })
})

describe('every policy', () => {
  it('is named for its table, role and verb, and is for one role and one verb', async () => {
    expect(await faultsIn(guards.policyOfAnotherName)).toEqual([])
  })

  it('says `true` only for the functions’ owner, and there it always does', async () => {
    expect(await faultsIn(guards.policyThatSaysTrue)).toEqual([])
  })

  it('of a person asks who they are, once for each statement, and lets nobody pass', async () => {
    expect(await faultsIn(guards.policyThatAsksNobody)).toEqual([])
    expect(await faultsIn(guards.policyThatAsksForEachRow)).toEqual([])
    expect(await faultsIn(guards.policyThatLetsNobodyPass)).toEqual([])
  })
})

describe('every constraint', () => {
  const named = `select k.conname as fault from pg_constraint k cross join lateral (
      select string_agg(a.attname, '_' order by c.at) as columns
      from unnest(k.conkey) with ordinality as c (attnum, at)
      join pg_attribute a on a.attrelid = k.conrelid and a.attnum = c.attnum
    ) n where k.connamespace = 'public'::regnamespace`

  it('is named for its table and columns, so that the error map can read it', async () => {
    expect(
      await faultsIn(`${named} and k.contype in ('u', 'f')
        and k.conname <> concat_ws('_', k.conrelid::regclass, n.columns, case k.contype when 'u' then 'key' else 'fkey' end)`),
    ).toEqual([])
    expect(await faultsIn(`${named} and k.contype = 'p' and k.conname <> k.conrelid::regclass || '_pkey'`)).toEqual([])
    // One that compares several columns may be named for what they share.
    expect(
      await faultsIn(`${named} and k.contype = 'c' and (k.conname !~ ('^' || k.conrelid::regclass || '_\\w+_check$')
        or (cardinality(k.conkey) = 1 and k.conname <> concat_ws('_', k.conrelid::regclass, n.columns, 'check')))`),
    ).toEqual([])
    expect(await faultsIn(`${named} and k.contype not in ('p', 'u', 'f', 'c', 'n')`)).toEqual([])
  })

  it('that is a unique index alone is named in the same way', async () => {
    expect(
      await faultsIn(`select i.indexrelid::regclass as fault from pg_index i cross join lateral (
          select string_agg(a.attname, '_' order by a.attnum) as columns from pg_attribute a where a.attrelid = i.indexrelid
        ) n where i.indrelid in (select c.oid from ${tables}) and i.indisunique and not i.indisprimary
          and i.indexrelid::regclass::text <> concat_ws('_', i.indrelid::regclass, n.columns, 'key')`),
    ).toEqual([])
  })
})

describe('every foreign key', () => {
  const keys = `pg_constraint k where k.contype = 'f' and k.connamespace = 'public'::regnamespace`

  it('has an index that begins with its columns, as every column that names a person has', async () => {
    const indexed = (oid: string, columns: string) => `exists (select from pg_index i where i.indrelid = ${oid}
      and i.indisvalid and i.indpred is null and (string_to_array(i.indkey::text, ' ')::int2[])[1:cardinality(${columns})] @> ${columns})`
    expect(
      await faultsIn(`select k.conname as fault from ${keys} and not ${indexed('k.conrelid', 'k.conkey')}`),
    ).toEqual([])
    expect(
      await faultsIn(`select c.relname as fault from ${tables.replace(' where', ' join pg_attribute a on a.attrelid = c.oid where')}
        and a.attname in ('user_id', 'owner_id') and not ${indexed('c.oid', 'array[a.attnum]')}`),
    ).toEqual([])
  })

  it('says what becomes of a row whose parent goes', async () => {
    expect(await faultsIn(`select k.conname as fault from ${keys} and k.confdeltype not in ('c', 'n', 'r')`)).toEqual(
      [],
    )
  })

  it('carries the person where both tables name one', async () => {
    const names = (side: string) =>
      `(select from pg_attribute a where a.attrelid = k.${side} and a.attname = 'user_id')`
    const carries = (column: string) => `(select from pg_attribute a
      where a.attrelid = k.conrelid and a.attnum = any (k.conkey) and a.attname = '${column}')`
    const isPersons = `exists (select from pg_constraint p where p.contype = 'f' and p.conrelid = k.conrelid
      and p.confrelid = 'public.conversations'::regclass and (select array_agg(a.attname::text) from pg_attribute a
        where a.attrelid = p.conrelid and a.attnum = any (p.conkey)) @> '{conversation_id, user_id}')`
    // Both share the conversation, and that is the person's by a key of its own.
    expect(
      await faultsIn(`select k.conname as fault from ${keys} and exists ${names('conrelid')} and exists ${names('confrelid')}
        and not exists ${carries('user_id')}
        and not (exists ${carries('conversation_id')} and ${isPersons})`),
    ).toEqual([])
  })
})
