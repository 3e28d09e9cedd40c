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
  const otherConversation = `'${String(rowOf(scene.two, 'conversations')['id'])}'`
  const openTurn = (place: string) =>
    `select app.open_turn(${fresh}, ${place}, sha256('one'), gen_random_uuid(), gen_random_uuid(), ${fresh}, 5, 10)`
  const storeWords = (place: string, edited: string) =>
    `select app.store_words(${fresh}, ${place}, ${edited}, ${idOf('turns')}, '\\x0b', '{}')`
  const keyOf = (person: Scene['one']) => `'${String(rowOf(person, 'idempotency_keys')['key'])}'`
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
      name: 'messages_on_path',
      role,
      text: `${begun}; select * from app.messages_on_path(${idOf('messages')}, ${conversation}, 5)`,
    },
    {
      name: 'messages_on_path of another',
      role,
      text: `${begun}; select * from app.messages_on_path(${other}, '${String(rowOf(scene.two, 'conversations')['id'])}', 5)`,
      expected: 0,
    },
    {
      name: 'newest_conversations',
      role,
      text: `${begun}; select * from app.newest_conversations(20) where id = ${conversation}`,
    },
    {
      name: 'newest_conversations of another',
      role,
      text: `${begun}; select * from app.newest_conversations(20) where id = ${otherConversation}`,
      expected: 0,
    },
    ...['opened_turn', 'messages_of_turn'].flatMap((name): Call[] => [
      {
        name,
        role,
        text: `${begun}; select * from app.${name}(${idOf('turns')}) limit 1`,
      },
      {
        name: `${name} of another`,
        role,
        text: `${begun}; select * from app.${name}('${String(rowOf(scene.two, 'turns')['id'])}')`,
        expected: 0,
      },
    ]),
    {
      name: 'open_turn, twice',
      role,
      text: `${begun}; ${openTurn(conversation)}; ${openTurn(conversation)}${andThen(
        `select 1 from public.turns t join public.usage_ledger l on l.id = t.usage_id
         join public.usage_days d on d.user_id = l.user_id and d.kind = 'llm_tokens' and d.day = l.day
         where t.id = ${fresh} and l.reserved = 5 and t.session_id is not null`,
      )}`,
    },
    { name: 'open_turn of another', role, text: `${begun}; ${openTurn(otherConversation)}`, expected: '23503' },
    {
      name: 'store_words, twice',
      role,
      text: `${begun}; ${storeWords(conversation, 'null')}; ${storeWords(conversation, 'null')}${andThen(
        `select 1 from public.messages where id = ${fresh} and role = 'user' and content = '\\x0b' and turn_id = ${idOf('turns')}`,
      )}`,
    },
    {
      name: 'store_words in the place of the first words',
      role,
      text: `${begun}; ${storeWords(conversation, idOf('messages'))}${andThen(
        `select 1 from public.messages where id = ${fresh} and parent_id is null`,
      )}`,
    },
    {
      name: 'store_words of another',
      role,
      text: `${begun}; ${storeWords(otherConversation, 'null')}`,
      expected: '23503',
    },
    {
      name: 'claimed_resource',
      role,
      text: `${begun}; select 1 where app.claimed_resource(${keyOf(scene.one)}) = '${String(rowOf(scene.one, 'idempotency_keys')['resource_id'])}'`,
    },
    {
      name: 'claimed_resource of another',
      role,
      text: `${begun}; select 1 where app.claimed_resource(${keyOf(scene.two)}) is not null`,
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
