import { andThen, as, asSuperuser, fresh, handles, type Call } from '#test/rls/call.ts'
import { rowOf, type Scene } from '#test/rls/scene.ts'

/** What goes with a message that its person deletes. */
export function deletionCalls(scene: Scene): readonly Call[] {
  const { idOf, session, turn } = handles(scene)
  const role = 'user'
  const [conversation, said] = [idOf('conversations'), idOf('messages')]
  const ended = `${asSuperuser}; update public.turns set state = 'complete', ended_at = now(); ${as(role)}; select * from ${session}`
  const drop = (id: string, place = conversation) => `select app.delete_messages(${id}, ${place})`
  const left = `select 1 from public.messages where id = ${said}`
  const other = `'${String(rowOf(scene.two, 'conversations')['id'])}'`
  const otherSaid = `'${String(rowOf(scene.two, 'messages')['id'])}'`
  return [
    {
      name: 'delete_messages',
      role,
      text: `${ended}; insert into public.messages (id, conversation_id, role, content)
          values (${fresh}, ${conversation}, 'user', '\\x010001'); ${drop(fresh)}${andThen(
            `select 1 from public.conversations c where c.id = ${conversation} and c.leaf_message_id = ${said} and c.message_count = 1
               and not exists (select from public.messages where id = ${fresh})`,
          )}`,
    },
    {
      name: 'delete_messages from the first one on',
      role,
      text: `${ended}; ${drop(said)}${andThen(
        `select 1 from public.conversations c where c.id = ${conversation} and c.leaf_message_id is null and c.message_count = 0
           and not exists (select from public.turns t where t.user_message_id = ${said})
           and not exists (select from public.memories r where r.user_id = c.user_id)`,
      )}`,
    },
    {
      name: 'delete_messages while a reply is being made',
      role,
      text: `select * from ${session}; ${drop(said)}`,
      expected: 'NF409',
    },
    { name: 'delete_messages for a turn', role, text: `select * from ${turn}; ${drop(said)}`, expected: 'NF401' },
    { name: 'delete_messages for nobody', role, text: drop(said), expected: 'NF401' },
    {
      name: 'delete_messages of another conversation',
      role,
      text: `${ended}; ${drop(said, other)}; ${drop(otherSaid)}${andThen(`${left} union all select 1 from public.messages where id = ${otherSaid}`)}`,
      expected: 2,
    },
  ]
}
