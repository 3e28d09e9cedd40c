import { getTableName } from 'drizzle-orm'
import { expect, it } from 'vitest'
import { personalData } from '#src/privacy/personal-data.ts'
import { asOwner } from '#test/setup/owner-database.ts'

it('lists every table that names a person in some slice’s personal data', async () => {
  const covered = new Set(personalData.flatMap(({ tables }) => tables.map(getTableName)))
  const naming = await asOwner<{ name: string }>(`
    select distinct c.relname as name from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
      and (a.attname in ('user_id', 'owner_id') or c.relname = 'users')`)
  expect(naming.length).toBeGreaterThan(9)
  expect(naming.filter(({ name }) => !covered.has(name))).toEqual([])
})
