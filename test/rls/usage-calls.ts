import { andThen, as, asSuperuser, fresh, handles, hex, type Call } from '#test/rls/call.ts'
import { rowOf, type Scene } from '#test/rls/scene.ts'

/** What upstream calls take of a day, and the paths through what was said. */
export function usageCalls(scene: Scene): readonly Call[] {
  const { idOf, session, turn } = handles(scene)
  const role = 'user'
  const begun = `select * from ${session}`
  const reserve = (id: string, amount: number) => `select app.reserve_usage(${id}, 'stored_bytes', ${amount}, 10)`
  const other = `'${String(rowOf(scene.two, 'messages')['id'])}'`
  const dayIs = (reserved: number, spent: number) =>
    `select 1 from public.usage_days where user_id = '${scene.one.userId}' and kind = 'stored_bytes' and reserved = ${reserved} and spent = ${spent}`
  const reserveTurn = (key: string) => `select app.reserve_turn(${idOf('turns')}, ${key}, ${fresh}, 5, 10)`
  const conversation = idOf('conversations')
  const copies = (source: string) =>
    `select app.copy_messages(${conversation}, array[${source}]::uuid[], array[${fresh}]::uuid[], array['\\x0b']::bytea[])`
  return [
    {
      name: 'reserve_usage',
      role,
      text: `${begun}; ${reserve(fresh, 4)}; ${reserve(fresh, 4)}${andThen(dayIs(4, 0))}`,
    },
    {
      name: 'reserve_usage of seconds that are transcribed',
      role,
      text: `${begun}; select app.reserve_usage(${fresh}, 'transcribed_seconds', 4, 10)${andThen(
        `select 1 from public.usage_days d join public.usage_ledger l using (user_id, day, kind, reserved)
         where kind = 'transcribed_seconds' and reserved = 4 and l.id = ${fresh}`,
      )}`,
    },
    {
      name: 'reserve_usage of what is not counted',
      role,
      text: `${begun}; select app.reserve_usage(${fresh}, 'seconds', 4, 10)`,
      expected: '23514',
    },
    { name: 'reserve_usage beyond the day', role, text: `${begun}; ${reserve(fresh, 11)}`, expected: 'NF429' },
    {
      name: 'reserve_usage beyond what is left of the day',
      role,
      text: `${begun}; ${reserve(fresh, 6)}; ${reserve('gen_random_uuid()', 5)}`,
      expected: 'NF429',
    },
    {
      name: 'settle_usage',
      role,
      text: `${begun}; ${reserve(fresh, 4)}; select app.settle_usage(${fresh}, 3); select app.settle_usage(${fresh}, 9)${andThen(dayIs(0, 3))}`,
    },
    {
      name: 'settle_usage of another',
      role,
      text: `${begun}; ${reserve(fresh, 4)}; ${asSuperuser};
        update public.usage_ledger set user_id = '${scene.two.userId}' where id = ${fresh}; ${as(role)};
        select app.settle_usage(${fresh}, 3)${andThen(dayIs(4, 0))}`,
    },
    {
      name: 'reserve_turn',
      role,
      text: `${begun}; ${reserveTurn(hex(scene.one.turnKeyHash))}${andThen(`select 1 from public.turns where usage_id = ${fresh}`)}`,
    },
    {
      name: 'reserve_turn with another key',
      role,
      text: `${begun}; ${reserveTurn("'\\x00'")}${andThen(`select 1 from public.usage_ledger where id = ${fresh}`)}`,
      expected: 0,
    },
    {
      name: 'finish_turn, which settles',
      role,
      text: `${begun}; ${reserveTurn(hex(scene.one.turnKeyHash))}; select * from ${turn};
        select app.finish_turn('failed', null, null, null, null, null, '{}', 3)${andThen(
          `select 1 from public.usage_ledger where id = ${fresh} and spent = 3`,
        )}`,
    },
    {
      name: 'release_usage',
      role: 'jobs',
      text: `select app.release_usage(60)${andThen(`select 1 from public.usage_ledger where created_at < '2021-01-01' and spent = 0`)}`,
    },
    {
      name: 'path_from and beginning_of_turn',
      role,
      text: `${begun}; select * from app.path_from(app.beginning_of_turn(${idOf('turns')}, ${conversation}, null), ${conversation}, 5)
        union all select * from app.path_from(${idOf('messages')}, ${conversation}, 5)`,
    },
    {
      name: 'path_from of another',
      role,
      text: `${begun}; select * from app.path_from(${other}, '${String(rowOf(scene.two, 'conversations')['id'])}', 5)`,
      expected: 0,
    },
    {
      name: 'require_message',
      role,
      text: `${begun}; select app.require_message(${idOf('messages')}, ${conversation}, 'user')`,
    },
    {
      name: 'require_message of another role',
      role,
      text: `${begun}; select app.require_message(${idOf('messages')}, ${conversation}, 'assistant')`,
      expected: 'NF404',
    },
    {
      name: 'require_message of another',
      role,
      text: `${begun}; select app.require_message(${other}, ${conversation}, 'user')`,
      expected: 'NF404',
    },
    {
      name: 'copy_messages',
      role,
      text: `${begun}; ${copies(idOf('messages'))}${andThen(
        `select 1 from public.messages m join public.conversations c on c.leaf_message_id = m.id
         where m.id = ${fresh} and m.content = '\\x0b' and m.parent_id is null`,
      )}`,
    },
    { name: 'copy_messages of another', role, text: `${begun}; ${copies(other)}`, expected: 'NF404' },
    {
      name: 'a deletion is noted',
      role,
      text: `${begun}; delete from public.conversations where id = ${conversation}${andThen(
        `select 1 from public.conversation_deletions where gone_id = ${conversation} and user_id = '${scene.one.userId}'`,
      )}`,
    },
  ]
}
