import { builtInPersonas } from '#src/personas/built-in-personas.ts'
import { andThen, as, asSuperuser, fresh, handles, type Call } from '#test/rls/call.ts'
import { keepMemoryCalls } from '#test/rls/keep-memory-calls.ts'
import { rowOf, type Scene } from '#test/rls/scene.ts'

const house = `'${builtInPersonas[0]?.id}'`

/** What is drawn from somebody's words, and how it goes. */
export function memoryCalls(scene: Scene): readonly Call[] {
  return [...ownCalls(scene), ...keepMemoryCalls(scene), ...forgetCalls(scene)]
}

function ownCalls(scene: Scene): readonly Call[] {
  const { session } = handles(scene)
  const role = 'user'
  const begun = `select * from ${session}`
  const other = `'${String(rowOf(scene.two, 'personas')['id'])}'`
  const sealed = `'\\x010001'`
  const make = (columns: string, values: string) =>
    `${begun}; insert into public.memories (id, content${columns}) values (${fresh}, ${sealed}${values})`
  return [
    {
      name: 'a memory that a person makes',
      role,
      text: `${make(', persona_id', `, ${house}`)}${andThen(
        `select 1 from public.memories where id = ${fresh} and user_id = '${scene.one.userId}' and origin = 'person'`,
      )}`,
    },
    {
      name: 'a memory of a companion that is not shown',
      role,
      text: make(', persona_id', `, ${other}`),
      expected: '42501',
    },
    ...[
      ['for somebody else', 'user_id', `'${scene.two.userId}'`],
      ['as drawn from what they said', 'origin', "'companion'"],
    ].map(([name, column, value]): Call => ({
      name: `a memory that a person makes ${name}`,
      role,
      text: make(`, ${column}`, `, ${value}`),
      expected: '42501',
    })),
    {
      name: 'a memory, given to a companion that is not shown',
      role,
      text: `${begun}; update public.memories set persona_id = ${other}`,
      expected: '23503',
    },
    {
      name: 'a memory of a companion that is not shown any more, corrected',
      role,
      text: `${asSuperuser}; update public.memories set persona_id = ${other}; ${as(role)}; ${begun};
        update public.memories set content = '\\x01000105', edited_at = now()${andThen(
          `select 1 from public.memories r join public.memory_sources s on s.memory_id = r.id
             join public.messages m on m.id = s.message_id and not m.is_recallable where r.content = '\\x01000105'`,
        )}`,
    },
    {
      name: 'a memory for which there is no room',
      role,
      text: `${begun}; select app.require_room_for_memory(1)`,
      expected: 'NF409',
    },
    { name: 'require_room_for_memory', role, text: `${begun}; select app.require_room_for_memory(2)` },
    {
      name: 'a memory, deleted without its sources hearing of it',
      role,
      text: `${begun}; delete from public.memories`,
      expected: '42501',
    },
  ]
}

function forgetCalls(scene: Scene): readonly Call[] {
  const { idOf, session } = handles(scene)
  const role = 'user'
  const [conversation, said, memory] = [idOf('conversations'), idOf('messages'), idOf('memories')]
  const begun = `select * from ${session}`
  const there = `select 1 from public.memories where id = ${memory}`
  const forgotten = `select 1 from public.messages m where m.id = ${said} and not m.is_recallable and not exists (${there})`
  const recall = `select 1 from app.memories_for(${conversation}, null, 10) m, jsonb_array_elements(m.memories)`
  const given = (change: string) => `${asSuperuser}; ${change}; ${as(role)}; ${begun}`
  const of = (persona: string) => `update public.memories set persona_id = ${persona} where id = ${memory}`
  return [
    { name: 'memories_for', role, text: `${begun}; ${recall}` },
    {
      name: 'memories_for an edit of what it was drawn from',
      role,
      text: `${begun}; select 1 from app.memories_for(${conversation}, ${said}, 10) m, jsonb_array_elements(m.memories)`,
      expected: 0,
    },
    {
      name: 'memories_for of somebody else',
      role,
      text: `${begun}; select 1 from app.memories_for('${String(rowOf(scene.two, 'conversations')['id'])}', null, 10) m, jsonb_array_elements(m.memories)`,
      expected: 0,
    },
    { name: 'memories_for nobody', role, text: recall, expected: 0 },
    { name: 'memories_for of another companion', role, text: `${given(of(house))}; ${recall}`, expected: 0 },
    {
      name: 'memories_for of the same companion',
      role,
      text: `${given(`${of(house)}; update public.conversations set persona_id = ${house}`)}; ${recall}`,
    },
    {
      name: 'memories_for of whoever is not to be remembered',
      role,
      text: `${given('update public.users set is_remembered = false')}; ${recall}`,
      expected: 0,
    },
    {
      name: 'memories_for in a temporary conversation',
      role,
      text: `${given('delete from public.memory_sources; update public.conversations set is_temporary = true')}; ${recall}`,
      expected: 0,
    },
    {
      name: 'forget_memories',
      role,
      text: `${begun}; select app.forget_memories(${memory}, null)${andThen(forgotten)}`,
    },
    {
      name: 'forget_memories, all',
      role,
      text: `${begun}; select app.forget_memories(null, null)${andThen(forgotten)}`,
    },
    { name: 'forget_memories for nobody', role, text: `select app.forget_memories(null, null)`, expected: 'NF401' },
    {
      name: 'forget_memories of one companion',
      role,
      text: `${given(of(house))}; select app.forget_memories(null, ${house})${andThen(forgotten)}`,
    },
    {
      name: 'forget_memories of another companion',
      role,
      text: `${begun}; select app.forget_memories(null, ${house})${andThen(there)}`,
    },
    {
      name: 'forget_memories of somebody else',
      role,
      text: `${begun}; select app.forget_memories('${String(rowOf(scene.two, 'memories')['id'])}', null)${andThen(
        `select 1 from public.memories where id = '${String(rowOf(scene.two, 'memories')['id'])}'`,
      )}`,
    },
    {
      name: 'a memory whose conversation is deleted',
      role,
      text: `${begun}; delete from public.conversations where id = ${conversation}${andThen(there)}`,
      expected: 0,
    },
    {
      name: 'words that are said while nobody is to be remembered',
      role,
      text: `${given('update public.users set is_remembered = false')};
        insert into public.messages (id, conversation_id, role, content) values (${fresh}, ${conversation}, 'user', '\\x010001')${andThen(
          `select 1 from public.messages where id = ${fresh} and not is_recallable`,
        )}`,
    },
    {
      name: 'a memory of several words, one of which is edited: the others are looked through again',
      role,
      text: `${given(`update public.messages set is_drawn = true; insert into public.messages (id, user_id, conversation_id, role, content)
          values ('00000000-0000-7000-8000-000000000abd', '${scene.one.userId}', ${conversation}, 'user', '\\x010001');
        insert into public.memory_sources (memory_id, message_id, user_id, conversation_id)
          values (${memory}, '00000000-0000-7000-8000-000000000abd', '${scene.one.userId}', ${conversation})`)};
        insert into public.messages (id, conversation_id, parent_id, role, content)
          values (${fresh}, ${conversation}, ${said}, 'user', '\\x010001')${andThen(
            `select 1 from public.messages where id = ${said} and not is_drawn and not exists (${there})`,
          )}`,
    },
    {
      name: 'a memory of whose words another version is said',
      role,
      text: `${begun};
        insert into public.messages (id, conversation_id, parent_id, role, content)
          values (${fresh}, ${conversation}, ${fresh}, 'user', '\\x010001')${andThen(there)}`,
      expected: 0,
    },
    {
      name: 'a memory whose words are followed by others',
      role,
      text: `${begun}; insert into public.messages (id, conversation_id, role, content)
        values (${fresh}, ${conversation}, 'user', '\\x010001')${andThen(there)}`,
    },
  ]
}
