import { asOwner } from '#test/setup/owner-database.ts'

/** Every row of a person's, by table, as text; equal only where nothing of it has changed. */
export async function rowsOf(userId: string): Promise<Readonly<Record<string, readonly string[]>>> {
  const columns = await asOwner<{ table: string; column: string }>(
    `select c.table_name as table, c.column_name as column from information_schema.columns c
     where c.table_schema = 'public' and c.column_name in ('user_id', 'owner_id')
     union all select 'users', 'id' order by 1`,
  )
  const found = await Promise.all(
    columns.map(async ({ table, column }) => {
      const rows = await asOwner<{ row: string }>(
        `select t::text as row from public.${table} t where ${column} = $1 order by 1`,
        [userId],
      )
      return [table, rows.map(({ row }) => row)] as const
    }),
  )
  return Object.fromEntries(found)
}
