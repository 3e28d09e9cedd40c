import { builtInPersonas } from '#src/personas/built-in-personas.ts'
import { andThen, as, asSuperuser, fresh, handles, type Call } from '#test/rls/call.ts'
import { rowOf, type Scene } from '#test/rls/scene.ts'

const house = `'${builtInPersonas[0]?.id}'`

/** What is drawn from somebody's words, and how it goes. */
export function memoryCalls(scene: Scene): readonly Call[] {
  return [...ownCalls(scene), ...keepCalls(scene), ...forgetCalls(scene)]
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
      expected: '42501',
    },
    {
      name: 'a memory, deleted without its sources hearing of it',
      role,
      text: `${begun}; delete from public.memories`,
      expected: '42501',
    },
  ]
}

function keepCalls(scene: Scene): readonly Call[] {
  const { idOf, session, turn } = handles(scene)
  const role = 'user'
  const [conversation, said, memory] = [idOf('conversations'), idOf('messages'), idOf('memories')]
  const begun = `select * from ${session}`
  const drawn = (sources: string, replaces = '[]', id = fresh) =>
    `'[{"id": ${id.replaceAll("'", '"')}, "content": "010001", "sources": ${sources}, "replaces": ${replaces}}]'`
  const own = `[${said.replaceAll("'", '"')}]`
  const keep = (from: number, what: string, most = 500) =>
    `select app.keep_memories(${conversation}, ${from}, 7, ${most}, ${what})`
  const kept = `select 1 from public.memories r join public.memory_sources s on s.memory_id = r.id
    join public.conversations c on c.id = s.conversation_id where r.id = ${fresh} and s.message_id = ${said}
      and r.origin = 'companion' and c.remembered_seq = 7`
  const given = (change: string) => `${asSuperuser}; ${change}; ${as(role)}; ${begun}`
  const nothing = `select 1 from public.memories where id = ${fresh}`
  const other = `["${String(rowOf(scene.two, 'messages')['id'])}"]`
  const anew = `insert into public.messages (id, user_id, conversation_id, role, content, parent_id)
    values (${fresh}, '${scene.one.userId}', ${conversation}, 'user', '\\x010001', ${fresh})`
  return [
    { name: 'keep_memories', role, text: `${begun}; ${keep(0, drawn(own))}${andThen(kept)}` },
    { name: 'keep_memories by a turn', role, text: `select * from ${turn}; ${keep(0, drawn(own))}${andThen(kept)}` },
    { name: 'keep_memories for nobody', role, text: keep(0, drawn(own)), expected: 'NF401' },
    ...(
      [
        ['of what was looked through meanwhile', begun, keep(3, drawn(own))],
        ['of what nobody said', begun, keep(0, drawn('[]'))],
        ['of another’s words', begun, keep(0, drawn(other))],
        [
          'of a companion’s words',
          given(`update public.messages set role = 'assistant', origin = 'external' where id = ${said}`),
          keep(0, drawn(own)),
        ],
        [
          'of words that were to be forgotten',
          given(`update public.messages set is_recallable = false where id = ${said}`),
          keep(0, drawn(own)),
        ],
        ['of words of which there is a newer version', given(anew), keep(0, drawn(own))],
        [
          'of somebody who is not to be remembered',
          given('update public.users set is_remembered = false'),
          keep(0, drawn(own)),
        ],
        [
          'in a temporary conversation',
          given(
            `delete from public.memory_sources; update public.conversations set is_temporary = true where id = ${conversation}`,
          ),
          keep(0, drawn(own)),
        ],
      ] as const
    ).map(([name, before, text]): Call => ({
      name: `keep_memories ${name}`,
      role,
      text: `${before}; ${text}${andThen(nothing)}`,
      expected: 0,
    })),
    {
      name: 'keep_memories in place of another one, with its sources',
      role,
      text: `${begun}; ${keep(0, drawn(own, `[${memory.replaceAll("'", '"')}]`))}${andThen(
        `select 1 from public.memory_sources s where s.memory_id = ${fresh} and not exists (
           select from public.memories where id = ${memory})`,
      )}`,
    },
    {
      name: 'keep_memories, for which the oldest makes room',
      role,
      text: `${begun}; ${keep(0, drawn(own), 1)}${andThen(
        `select 1 from public.memories where id = ${fresh} and not exists (select from public.memories where id = ${memory})`,
      )}`,
    },
    {
      name: 'keep_memories, for which what a person wrote makes no room',
      role,
      text: `${given(`update public.memories set edited_at = now() where id = ${memory}`)}; ${keep(0, drawn(own), 1)}${andThen(
        `${nothing} union all select 1 from public.memories where id = ${memory}`,
      )}`,
    },
    {
      name: 'keep_memories for all companions where that is wished',
      role,
      text: `${given(`update public.conversations set persona_id = ${house}; update public.users set is_memory_shared = true`)};
        ${keep(0, drawn(own))}${andThen(`${nothing} and persona_id is null`)}`,
    },
    {
      name: 'keep_memories for the companion to whom it was said',
      role,
      text: `${given(`update public.conversations set persona_id = ${house}`)}; ${keep(0, drawn(own))}${andThen(
        `${nothing} and persona_id = ${house}`,
      )}`,
    },
    {
      name: 'a source in a temporary conversation',
      role,
      text: given(`update public.conversations set is_temporary = true where id = ${conversation}`),
      expected: '23503',
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
  const recall = `select 1 from app.memories_for(${conversation}, null, 10)`
  const given = (change: string) => `${asSuperuser}; ${change}; ${as(role)}; ${begun}`
  const of = (persona: string) => `update public.memories set persona_id = ${persona} where id = ${memory}`
  return [
    { name: 'memories_for', role, text: `${begun}; ${recall}` },
    {
      name: 'memories_for an edit of what it was drawn from',
      role,
      text: `${begun}; select 1 from app.memories_for(${conversation}, ${said}, 10)`,
      expected: 0,
    },
    { name: 'memories_for of somebody else', role, text: recall, expected: 0 },
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
