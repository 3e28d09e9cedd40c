import { randomUUID } from 'node:crypto'
import { builtInPersonas } from '#src/personas/built-in-personas.ts'
import { andThen, as, asSuperuser, fresh, handles, hex, insert, type Call } from '#test/rls/call.ts'
import { frozenPersonaCalls } from '#test/rls/frozen-persona-calls.ts'
import { another } from '#test/rls/people.ts'
import { rowOf, type Scene } from '#test/rls/scene.ts'

const house = `'${builtInPersonas[0]?.id}'`
const absent = `'${randomUUID()}'`

/** What a person does with companions of their own, what others may see of them, and what is counted of a turn. */
export function personaCalls(scene: Scene): readonly Call[] {
  return [...ownCalls(scene), ...othersCalls(scene), ...countCalls(scene), ...frozenPersonaCalls(scene)]
}

function ownCalls(scene: Scene): readonly Call[] {
  const { idOf, session } = handles(scene)
  const role = 'user'
  const begun = `select * from ${session}`
  const own = idOf('personas')
  const other = `'${String(rowOf(scene.two, 'personas')['id'])}'`
  const publish = `${asSuperuser}; update public.personas set is_public = true where id = ${other}; ${as(role)}; ${begun}`
  const change = (id: string) => `update public.personas set display_name = 'Changed' where id = ${id}`
  const make = (columns: string, values: string) =>
    `${begun}; insert into public.personas (id, display_name, description, system_prompt, greeting${columns})
       values (${fresh}, 'New', 'new', 'new', 'new'${values})`
  const favour = (id: string, isActive: boolean) =>
    `insert into public.user_persona_preferences (persona_id, is_active) values (${id}, ${isActive})`
  return [
    {
      name: 'a persona that a person makes',
      role,
      text: `${make(', is_public, card', ", true, '{}'")}${andThen(
        `select 1 from public.personas where id = ${fresh} and owner_id = '${scene.one.userId}' and is_active and frozen_at is null
           and use_count = 0 and slug is null`,
      )}`,
    },
    ...[
      ['for somebody else', 'owner_id', `'${scene.two.userId}'`],
      ['for nobody', 'owner_id', 'null'],
      ['under a name of the house', 'slug', "'fuka'"],
      ['as a copy', 'frozen_at', 'now()'],
      ['as one that is much used', 'use_count', '1'],
      ['as one that is switched off', 'is_active', 'false'],
    ].map(([name, column, value]): Call => ({
      name: `a persona that a person makes ${name}`,
      role,
      text: make(`, ${column}`, `, ${value}`),
      expected: '42501',
    })),
    {
      name: 'a persona that its author changes',
      role,
      text: `${begun}; ${change(own)}${andThen(`select 1 from public.personas where id = ${own} and display_name = 'Changed'`)}`,
    },
    { name: 'another’s public persona, changed', role, text: `${publish}; ${change(other)}`, expected: 0 },
    { name: 'a persona of the house, changed', role, text: `${begun}; ${change(house)}`, expected: 0 },
    {
      name: 'a persona that its author deletes',
      role,
      text: `${begun}; delete from public.personas where id = ${own}${andThen(`select 1 from public.personas where id = ${own}
        union all select 1 from public.user_persona_preferences where persona_id = ${own}`)}`,
      expected: 0,
    },
    {
      name: 'another’s public persona, deleted',
      role,
      text: `${publish}; delete from public.personas where id = ${other}`,
      expected: 0,
    },
    {
      name: 'a persona of the house, deleted',
      role,
      text: `${begun}; delete from public.personas where id = ${house}`,
      expected: 0,
    },
    {
      name: 'a persona that is the active one',
      role,
      text: `${begun}; ${favour(house, true)}${andThen(
        `select 1 from public.user_persona_preferences where user_id = '${scene.one.userId}' and persona_id = ${house} and is_active
           and interaction_count = 0`,
      )}`,
    },
    {
      name: 'a second persona that is the active one',
      role,
      text: `${begun}; update public.user_persona_preferences set is_active = true; ${favour(house, true)}`,
      expected: '23505',
    },
    {
      name: 'a persona that becomes the active one beside another',
      role,
      text: `${begun}; ${favour(house, true)}; update public.user_persona_preferences set is_active = true where persona_id = ${own}`,
      expected: '23505',
    },
    {
      name: 'a persona that is the active one of two people',
      role,
      text: `${begun}; ${favour(house, true)}; select * from app.begin_session(${hex(scene.two.tokenHash)}); ${favour(house, true)}`,
    },
    {
      name: 'a favour for another’s private persona',
      role,
      text: `${begun}; ${favour(other, false)}`,
      expected: '42501',
    },
    {
      name: 'a favour for a persona that is absent',
      role,
      text: `${begun}; ${favour(absent, false)}`,
      expected: '42501',
    },
    { name: 'a favour for another’s public persona', role, text: `${publish}; ${favour(other, false)}` },
  ]
}

/** Whom another's companion is for. */
function othersCalls(scene: Scene): readonly Call[] {
  const { session } = handles(scene)
  const role = 'user'
  const other = `'${String(rowOf(scene.two, 'personas')['id'])}'`
  const begun = (changes: string) =>
    `${asSuperuser}; update public.personas set ${changes} where id = ${other}; ${as(role)}; select * from ${session}`
  const talk = insert('conversations', {
    ...another('conversations', rowOf(scene.one, 'conversations')),
    persona_id: rowOf(scene.two, 'personas')['id'],
  })
  const see = `select 1 from public.personas where id = ${other}`
  const open = (speaker: string) =>
    `select * from app.open_speech(${speaker}, null, 'v', 'usual', '\\x01', '\\x02', '\\x03', gen_random_uuid(), 30, gen_random_uuid(),
       gen_random_uuid(), 5, 7, 10, 10, null, false, '{}')`
  const young = `${asSuperuser}; update public.users set opens_16_on = '2100-01-01', opens_18_on = '2102-01-01'; ${as(role)}`
  const isPrivate = begun('is_public = false')
  const isPublic = begun("is_public = true, rating = '16'")
  return [
    { name: 'another’s private persona', role, text: `${isPrivate}; ${see}`, expected: 0 },
    { name: 'another’s private persona, spoken as', role, text: `${isPrivate}; ${open(other)}`, expected: 'NF404' },
    { name: 'an absent persona, spoken as', role, text: `${isPrivate}; ${open(absent)}`, expected: 'NF404' },
    { name: 'another’s public persona', role, text: `${isPublic}; ${see}` },
    {
      name: 'another’s public persona, spoken as',
      role,
      text: `${isPublic}; ${open(other)} where persona_id = ${other}`,
    },
    { name: 'another’s public persona, talked with', role, text: `${isPublic}; ${talk}` },
    {
      name: 'another’s public persona, for who is too young',
      role,
      text: `${young}; ${isPublic}; ${see}`,
      expected: 0,
    },
    {
      name: 'another’s public persona, talked with by who is too young',
      role,
      text: `${young}; ${isPublic}; ${talk}`,
      expected: '42501',
    },
  ]
}

function countCalls(scene: Scene): readonly Call[] {
  const { idOf, turn } = handles(scene)
  const role = 'user'
  const conversation = idOf('conversations')
  const one = scene.one.userId
  const talking = `${asSuperuser}; update public.conversations set persona_id = ${house} where id = ${conversation}; ${as(role)}; select * from ${turn}`
  const finish = (state: string, content = "'\\x00'") => `select app.finish_turn('${state}', ${content}, 'm', 1, 1, 1)`
  const counted = (where: string) =>
    andThen(
      `select 1 from public.user_persona_preferences where user_id = '${one}' and persona_id = ${house} and ${where}`,
    )
  const call = (name: string, text: string, expected = 1): Call => ({ name, role, text, expected })
  const countOften = `${asSuperuser}; set local role neuraform_gate; select setseed(0.5);
    select app.count_interaction('${one}', ${conversation}) from generate_series(1, 100)`
  return [
    call(
      'finish_turn, which counts, once',
      `${talking}; ${finish('complete')}; ${finish('complete')}${counted('interaction_count = 1 and last_interaction_at = now()::timestamptz(3)')}`,
    ),
    call(
      'finish_turn, which counts on',
      `${asSuperuser}; insert into public.user_persona_preferences (user_id, persona_id, is_favorite, interaction_count)
         values ('${one}', ${house}, true, 7); ${talking}; ${finish('complete')}${counted(
           'is_favorite and interaction_count = 8 and last_interaction_at = now()::timestamptz(3)',
         )}`,
    ),
    call(
      'finish_turn of one that failed, which counts nothing',
      `${talking}; ${finish('failed', 'null')}${counted('1 = 1')}`,
      0,
    ),
    call(
      'finish_turn of one that was interrupted, which counts nothing',
      `${talking}; ${finish('interrupted')}${counted('1 = 1')}`,
      0,
    ),
    call(
      'finish_turn without a persona, which counts nothing',
      `select * from ${turn}; ${finish('complete')}${andThen(
        'select 1 from public.user_persona_preferences where interaction_count > 0',
      )}`,
      0,
    ),
    call(
      'finish_turn, which counts for everybody in sixteens or not at all',
      `${talking}; ${finish('complete')}${andThen(`select 1 from public.personas where id = ${house} and use_count in (0, 16)`)}`,
    ),
    call(
      'count_interaction, a hundred times',
      `${talking}; ${countOften}; ${asSuperuser}; select 1 from public.personas p join public.user_persona_preferences u on u.persona_id = p.id
         where p.id = ${house} and u.user_id = '${one}' and interaction_count = 100 and use_count between 16 and 320 and use_count % 16 = 0`,
    ),
  ]
}
