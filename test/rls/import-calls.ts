import { escapeLiteral } from 'pg'
import { andThen, as, asSuperuser, fresh, handles, type Call } from '#test/rls/call.ts'
import { rowOf, type Scene } from '#test/rls/scene.ts'

const later = "'00000000-0000-7000-8000-000000000abd'"

const entry = (id: string, role: string, more: object = {}) => ({
  id: id.slice(1, -1),
  parent_id: null,
  role,
  content: 'AA==',
  words: ['-9223372036854775808', '7'],
  content_type: 'markdown',
  metadata: { a: 1 },
  status: 'interrupted',
  tokens: 3,
  model: 'm',
  latency_ms: 4,
  feedback: 'up',
  created_at: '2020-01-02T03:04:05.678Z',
  ...more,
})

/** What a file says that was said, in one's own conversation and in no other. */
export function importCalls(scene: Scene): readonly Call[] {
  const { idOf, session } = handles(scene)
  const chat = idOf('conversations')
  const leaf = idOf('messages')
  const role = 'user'
  const add = (entries: readonly object[], from: string, to: string, target = chat) =>
    `select app.import_messages(${target}, ${escapeLiteral(JSON.stringify(entries))}, ${from}, ${to})`
  const settle = `${asSuperuser}; update public.conversations set leaf_message_id = ${leaf}, last_message_at = '2019-01-01', updated_at = '2019-01-01'
    where id = ${chat}; ${as(role)}; select * from ${session}`
  const both = [entry(fresh, 'user'), entry(later, 'assistant', { parent_id: fresh.slice(1, -1) })]
  const begins = (where: string) => `select 1 from public.conversations where id = ${chat} and ${where}`
  return [
    {
      name: 'import_messages',
      role,
      text: `${settle}; ${add(both, leaf, later)}${andThen(
        `select 1 from public.messages m join public.messages p on p.id = m.parent_id and p.parent_id is null and p.origin = 'person'
           and p.seq = m.seq - 1 and p.id = ${fresh}
         where m.id = ${later} and m.origin = 'imported' and m.role = 'assistant' and m.content = '\\x00' and m.turn_id is null
           and m.words = '{-9223372036854775808,7}' and m.content_type = 'markdown' and m.metadata = '{"a": 1}'
           and m.status = 'interrupted' and m.tokens = 3 and m.model = 'm' and m.latency_ms = 4 and m.feedback = 'up'
           and m.created_at = '2020-01-02T03:04:05.678Z' and m.user_id = '${scene.one.userId}'`,
      )}`,
    },
    {
      name: 'import_messages, whose conversation counts them and leads to their end',
      role,
      text: `${settle}; ${add(both, leaf, later)}${andThen(
        begins(
          `message_count = 3 and last_seq = 3 and leaf_message_id = ${later} and last_message_at = '2020-01-02T03:04:05.678Z' and updated_at = now()::timestamptz(3)`,
        ),
      )}`,
    },
    {
      name: 'import_messages, of what was said after the newest',
      role,
      text: `${settle}; ${add([entry(fresh, 'user', { created_at: '2018-01-01' })], leaf, fresh)}${andThen(
        begins(`last_message_at = '2019-01-01'`),
      )}`,
    },
    {
      name: 'import_messages, of what is yet to be said',
      role,
      text: `${settle}; ${add([entry(fresh, 'user', { created_at: '2918-01-01' }), entry(later, 'user', { created_at: null })], leaf, fresh)}${andThen(
        `select 1 from public.messages where id in (${fresh}, ${later}) and created_at = now()::timestamptz(3)`,
      )}`,
      expected: 2,
    },
    {
      name: 'import_messages, where its person has gone on',
      role,
      text: `${settle}; ${add(both, fresh, later)}${andThen(begins(`leaf_message_id = ${leaf} and last_seq = 3`))}`,
    },
    {
      name: 'import_messages, whose end is not there',
      role,
      text: `${settle}; ${add(both, leaf, `'00000000-0000-7000-8000-00000000dead'`)}${andThen(begins(`leaf_message_id = ${leaf}`))}`,
    },
    {
      name: 'import_messages, beside a path that is summed up',
      role,
      text: `${asSuperuser}; update public.conversations set summary = '\\x010001', summary_seq = 1 where id = ${chat}; ${settle}; ${add(both, fresh, later)}${andThen(
        begins(`summary = '\\x010001' and summary_seq = 1`),
      )}`,
    },
    {
      name: 'import_messages, which says what it added, and from which nothing is drawn',
      role,
      text: `${settle}; ${add(both, leaf, later)}; select 1 where (${add(
        [entry(leaf, 'user'), { ...entry(`'00000000-0000-7000-8000-00000000beef'`, 'user'), bytes: 7 }],
        later,
        later,
      )
        .replace('select ', 'select (')
        .replace(/$/, ') = (1, 7)')})${andThen(
        `select 1 from public.messages where id = ${fresh} and not is_recallable`,
      )}`,
    },
    {
      name: 'import_messages, a second time',
      role,
      text: `${settle}; ${add(both, leaf, later)}; ${asSuperuser};
        update public.conversations set updated_at = '2019-01-01', leaf_message_id = ${leaf} where id = ${chat}; ${as(role)};
        select * from ${session}; ${add(both, leaf, later)}${andThen(
          begins(`message_count = 3 and last_seq = 3 and updated_at = '2019-01-01' and leaf_message_id = ${leaf}`),
        )}`,
    },
    {
      name: 'import_messages into another’s conversation',
      role,
      text: `${settle}; ${add(both, 'null', later, `'${String(rowOf(scene.two, 'conversations')['id'])}'`)}`,
      expected: 'NF404',
    },
    {
      name: 'import_messages into a temporary conversation',
      role,
      text: `${asSuperuser}; delete from public.memory_sources; update public.conversations set is_temporary = true where id = ${chat}; ${as(role)}; select * from ${session};
        ${add(both, leaf, later)}`,
      expected: 'NF404',
    },
    {
      name: 'import_messages behind another’s message',
      role,
      text: `${settle}; ${add([entry(fresh, 'user', { parent_id: rowOf(scene.two, 'messages')['id'] })], leaf, fresh)}`,
      expected: '23503',
    },
    {
      name: 'import_messages without a session',
      role,
      text: `select set_config('app.user_id', '${scene.one.userId}', true); ${add(both, leaf, later)}`,
      expected: 'NF401',
    },
  ]
}
