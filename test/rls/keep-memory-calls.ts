import { escapeLiteral } from 'pg'
import { builtInPersonas } from '#src/personas/built-in-personas.ts'
import { andThen, as, asSuperuser, fresh, handles, type Call } from '#test/rls/call.ts'
import { rowOf, type Scene } from '#test/rls/scene.ts'

const house = `'${builtInPersonas[0]?.id}'`

/** What is drawn from somebody's words, and of which words nothing is. */
export function keepMemoryCalls(scene: Scene): readonly Call[] {
  const { idOf, session, turn } = handles(scene)
  const role = 'user'
  const [conversation, said, memory] = [idOf('conversations'), idOf('messages'), idOf('memories')]
  const given = (change: string, begin = session) =>
    `${asSuperuser}; update public.conversations set persona_id = ${house} where id = ${conversation};
      update public.memories set persona_id = ${house} where id = ${memory}; ${change}; ${as(role)}; select * from ${begin}`
  const begun = given('select 1')
  const list = (...ids: readonly string[]) => `array[${ids.join()}]::uuid[]`
  const drawn = (sources: readonly string[], replaces: readonly string[] = [], id = fresh) =>
    escapeLiteral(
      JSON.stringify([
        { id: plain(id), content: '010001', sources: sources.map(plain), replaces: replaces.map(plain) },
      ]),
    )
  const keep = (what: string, { most = 200, looked = list(said), known = list() } = {}) =>
    `select app.keep_memories(${conversation}, ${looked}, ${known}, ${most}, ${what})`
  const own = keep(drawn([said]))
  const kept = `select 1 from public.memories r join public.memory_sources s on s.memory_id = r.id
    join public.messages m on m.id = s.message_id where r.id = ${fresh} and m.id = ${said} and m.is_drawn
      and r.origin = 'companion' and r.persona_id = ${house}`
  const made = `select 1 from public.memories where id = ${fresh}`
  const other = `'${String(rowOf(scene.two, 'messages')['id'])}'`
  const anew = `insert into public.messages (id, user_id, conversation_id, role, content, parent_id)
    values (${fresh}, '${scene.one.userId}', ${conversation}, 'user', '\\x010001', ${fresh})`
  const refused: readonly (readonly [name: string, before: string, what: string])[] = [
    ['of words that were looked through before', given('update public.messages set is_drawn = true'), own],
    ['of words that were not looked through now', begun, keep(drawn([said]), { looked: list() })],
    ['of what nobody said', begun, keep(drawn([]))],
    ['of another’s words', begun, keep(drawn([other]), { looked: list(said, other) })],
    [
      'of a companion’s words',
      given(`update public.messages set role = 'assistant', origin = 'external' where id = ${said}`),
      own,
    ],
    ['of words that were to be forgotten', given('update public.messages set is_recallable = false'), own],
    [
      'of what was said before everything was forgotten',
      given('update public.users set memories_forgotten_at = now()'),
      own,
    ],
    ['of words of which there is a newer version', given(anew), own],
    ['where something that was known is forgotten', begun, keep(drawn([said]), { known: list(memory, fresh) })],
    ['in place of what is forgotten', begun, keep(drawn([said], [fresh]))],
    [
      'in place of what all remember',
      given(`update public.memories set persona_id = null`),
      keep(drawn([said], [memory])),
    ],
    [
      'in place of what its person corrected',
      given('update public.memories set edited_at = now()'),
      keep(drawn([said], [memory])),
    ],
    [
      'in place of what its person wrote',
      given(`update public.memories set origin = 'person'`),
      keep(drawn([said], [memory])),
    ],
    ['of somebody who is not to be remembered', given('update public.users set is_remembered = false'), own],
    ['where the companion is gone', given(`update public.conversations set persona_id = null`), own],
    [
      'in a temporary conversation',
      given('delete from public.memory_sources; update public.conversations set is_temporary = true'),
      own,
    ],
  ]
  return [
    { name: 'keep_memories', role, text: `${begun}; ${own}${andThen(kept)}` },
    { name: 'keep_memories by a turn', role, text: `${given('select 1', turn)}; ${own}${andThen(kept)}` },
    { name: 'keep_memories for nobody', role, text: own, expected: 'NF401' },
    ...refused.map(([name, before, what]): Call => ({
      name: `keep_memories ${name}`,
      role,
      text: `${before}; ${what}${andThen(made)}`,
      expected: 0,
    })),
    {
      name: 'keep_memories in place of another one, with its sources',
      role,
      text: `${begun}; ${keep(drawn([said], [memory]))}${andThen(
        `select 1 from public.memory_sources s where s.memory_id = ${fresh} and not exists (
           select from public.memories where id = ${memory})`,
      )}`,
    },
    {
      name: 'keep_memories, for which the oldest makes room',
      role,
      text: `${begun}; ${keep(drawn([said]), { most: 1 })}${andThen(
        `${made} and not exists (select from public.memories where id = ${memory})`,
      )}`,
    },
    {
      name: 'keep_memories, for which what a person wrote makes no room',
      role,
      text: `${given(`update public.memories set origin = 'person' where id = ${memory}`)}; ${keep(drawn([said]), { most: 1 })}${andThen(
        `${made} union all select 1 from public.memories where id = ${memory}`,
      )}`,
    },
    {
      name: 'keep_memories for all companions where that is wished',
      role,
      text: `${given('update public.users set is_memory_shared = true')}; ${own}${andThen(`${made} and persona_id is null`)}`,
    },
    {
      name: 'a source in a conversation that becomes temporary',
      role,
      text: given(`update public.conversations set is_temporary = true where id = ${conversation}`),
      expected: '23503',
    },
    ...['false', 'true'].map((isTemporary): Call => ({
      name: `a source in a temporary conversation, called ${isTemporary}`,
      role,
      text: given(`delete from public.memory_sources; update public.conversations set is_temporary = true;
          insert into public.memory_sources (memory_id, message_id, user_id, conversation_id, is_temporary)
            values (${memory}, ${said}, '${scene.one.userId}', ${conversation}, ${isTemporary})`),
      expected: isTemporary === 'true' ? '23514' : '23503',
    })),
  ]
}

const plain = (id: string) => id.replaceAll("'", '')
