import { expect, inject, it } from 'vitest'
import { defaultMigrationsFolder } from '#scripts/stack/database/migrations.ts'
import { setUpDatabase } from '#scripts/stack/database/set-up.ts'
import { otherMigrations } from '#test/schema/migration-folder.ts'
import { query } from '#test/schema/snapshot.ts'

const before = '0031_paths_and_usage'

const setUp = async (migrationsFolder: string) =>
  (
    await setUpDatabase({
      ownerUrl: inject('stack').ownerUrl,
      databaseName: 'neuraform_old_messages',
      edgePassword: decodeURIComponent(new URL(inject('stack').edgeUrl).password),
      migrationsFolder,
    })
  ).ownerUrl

it('what was said before there were paths is on one, from its end to its first word', async () => {
  const url = await setUp(
    await otherMigrations((entries) =>
      entries.slice(
        0,
        entries.findIndex(({ tag }) => tag === before),
      ),
    ),
  )
  const id = (number: number) => `'00000000-0000-7000-8000-00000000000${number}'`
  // Words and their reply, twice; the first reply made once more; words that have no reply yet.
  await query(
    url,
    `set session_replication_role = replica;
     insert into conversations (id, user_id, message_count, last_seq) values (${id(9)}, ${id(0)}, 6, 6), (${id(8)}, ${id(0)}, 0, 0);
     insert into messages (id, user_id, conversation_id, seq, parent_id, role, origin, content) values
       (${id(1)}, ${id(0)}, ${id(9)}, 1, null, 'user', 'person', ''),
       (${id(2)}, ${id(0)}, ${id(9)}, 2, ${id(1)}, 'assistant', 'companion', ''),
       (${id(3)}, ${id(0)}, ${id(9)}, 3, null, 'user', 'person', ''),
       (${id(4)}, ${id(0)}, ${id(9)}, 4, ${id(3)}, 'assistant', 'companion', ''),
       (${id(5)}, ${id(0)}, ${id(9)}, 5, ${id(1)}, 'assistant', 'companion', ''),
       (${id(6)}, ${id(0)}, ${id(9)}, 6, null, 'user', 'person', '')`,
  )
  await setUp(defaultMigrationsFolder)
  const path = await query(
    url,
    `select m.seq::int from conversations c, app.path_from(c.leaf_message_id, c.id, 10) p join messages m on m.id = p.id
     where c.id = ${id(9)} order by p.depth`,
  )
  expect(path.map(({ seq }) => seq)).toEqual([6, 4, 3, 2, 1])
  expect(await query(url, `select leaf_message_id from conversations where id = ${id(8)}`)).toEqual([
    { leaf_message_id: null },
  ])
})
