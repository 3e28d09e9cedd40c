import { randomUUID } from 'node:crypto'
import { escapeLiteral } from 'pg'
import { andThen, as, asSuperuser, handles, hex, insert, type Call } from '#test/rls/call.ts'
import { another, type Row } from '#test/rls/people.ts'
import { rowOf, type Scene } from '#test/rls/scene.ts'

/** What makes somebody talk as they do, and what is shown of them. */
const kept: Row = {
  display_name: 'Gone',
  description: 'gone',
  system_prompt: 'a prompt',
  greeting: 'a greeting',
  example_dialogue: 'an example',
  lorebook: { entries: [] },
  personality_config: { traits: ['x'] },
  voice_config: { rate: 2 },
  vrm_model_path: 'vrm/x.vrm',
  expressions: ['happy'],
  rating: '16',
}

/** What only the author's list is for. */
const lost: Row = {
  avatar_url: 'https://avatar.test',
  slug: 'gone',
  alternate_greetings: ['x'],
  tags: ['x'],
  card: { spec: 'x' },
  is_forkable: true,
  use_count: 16,
}

const copy: Row = {
  ...kept,
  avatar_url: null,
  slug: null,
  owner_id: null,
  alternate_greetings: [],
  tags: [],
  card: null,
  is_forkable: false,
  is_public: false,
  is_active: false,
  use_count: 0,
}

const when = `'{id,frozen_at,created_at,updated_at}'::text[]`
const copyIn = (alias: string) =>
  `to_jsonb(${alias}) - ${when} = ${escapeLiteral(JSON.stringify(copy))}::jsonb and ${alias}.frozen_at is not null`

/** What becomes of a companion with which others talk, when its author takes it away. The first person talks with the second one's. */
export function frozenPersonaCalls(scene: Scene): readonly Call[] {
  const { one, two } = scene
  const { session } = handles(scene)
  const own = rowOf(two, 'personas')
  const persona = `'${String(own['id'])}'`
  const theirs = { ...another('conversations', rowOf(one, 'conversations')), id: randomUUID(), persona_id: own['id'] }
  const authors = { ...another('conversations', rowOf(two, 'conversations')), id: randomUUID(), persona_id: own['id'] }
  const set = Object.entries({ ...kept, ...lost, is_public: true })
    .map(([name]) => `${name} = r.${name}`)
    .join(', ')
  const record = escapeLiteral(JSON.stringify({ ...kept, ...lost, is_public: true }))
  const arranged = `${asSuperuser}; update public.personas p set ${set} from jsonb_populate_record(null::public.personas, ${record}) r
      where p.id = ${persona}; ${insert('conversations', theirs)}; ${insert('conversations', authors)}`
  const asAuthor = `${as('user')}; select * from app.begin_session(${hex(two.tokenHash)})`
  const asReader = `${as('user')}; select * from ${session}`
  const deleted = `${arranged}; ${asAuthor}; delete from public.personas where id = ${persona}; ${asSuperuser}`
  const hidden = `${arranged}; ${asAuthor}; update public.personas set is_public = false, system_prompt = 'new', is_forkable = false
      where id = ${persona}; ${asSuperuser}`
  const erased = `${arranged}; update public.users set is_active = false where id = '${two.userId}'; ${as('jobs')};
      select app.erase_rows('${String(rowOf(two, 'erasures')['id'])}'); ${asSuperuser}`
  const theirCopy = `select 1 from public.conversations c join public.personas p on p.id = c.persona_id
      where c.id = '${theirs.id}' and ${copyIn('p')}`
  const noted = `select set_config('test.copy', persona_id::text, true) from public.conversations where id = '${theirs.id}'`
  const isCopy = `id = current_setting('test.copy')::uuid`
  const see = `select 1 from public.personas where ${isCopy}`
  const talk = (person: Scene['one']) =>
    `insert into public.conversations (id, user_id, persona_id) values (gen_random_uuid(), '${person.userId}', current_setting('test.copy')::uuid)`
  const young = `update public.users set opens_16_on = '2100-01-01', opens_18_on = '2102-01-01'`
  const without = `delete from public.conversations where id = '${theirs.id}'`
  const loose = (amount: number) =>
    `${asSuperuser}; insert into public.personas (id, display_name, description, system_prompt, greeting, is_active, frozen_at)
       select gen_random_uuid(), 'Loose', 'x', 'x', 'x', false, now() from generate_series(1, ${amount}); ${as('jobs')}`
  const copies = (name: string) =>
    `select 1 from public.personas where frozen_at is not null and display_name = '${name}'`
  const user = (name: string, text: string, expected: number | string = 1): Call => ({
    name,
    role: 'user',
    text,
    expected,
  })
  const jobs = (name: string, text: string, expected = 1): Call => ({ name, role: 'jobs', text, expected })
  return [
    user('a persona that is deleted, kept for who talks with it', `${deleted}; ${theirCopy}`),
    user(
      'a persona that is deleted, gone for its author',
      `${deleted}; select 1 from public.conversations where id = '${authors.id}' and persona_id is null`,
    ),
    user('a persona that is deleted, copied once', `${deleted}; ${copies('Gone')}`),
    user(
      'a persona that is deleted, with which only its author talks',
      `${arranged}; ${without}; ${asAuthor};
      delete from public.personas where id = ${persona}${andThen(copies('Gone'))}`,
      0,
    ),
    user(
      'a persona that is deleted by another',
      `${arranged}; ${asReader}; delete from public.personas where id = ${persona}${andThen(copies('Gone'))}`,
      0,
    ),
    user('a copy, seen by who talks with it', `${deleted}; ${noted}; ${asReader}; ${see}`),
    user(
      'a copy, spoken as by who talks with it',
      `${deleted}; ${noted}; ${asReader};
      select 1 from app.open_speech(current_setting('test.copy'), null, 'v', 'usual', '\\x01', '\\x02', sha256('a greeting'), gen_random_uuid(), 30,
        gen_random_uuid(), gen_random_uuid(), 5, 7, 10, 10, null, false, '{}') where persona_id::text = current_setting('test.copy') and not is_shared`,
    ),
    user('a copy, for who has become too young', `${deleted}; ${noted}; ${young}; ${asReader}; ${see}`, 0),
    user('a copy, for who talks with it no longer', `${deleted}; ${noted}; ${without}; ${asReader}; ${see}`, 0),
    user('a copy, for its author', `${deleted}; ${noted}; ${asAuthor}; ${see}`, 0),
    {
      name: 'a copy, for a visitor',
      role: 'visitor',
      text: `${deleted}; ${noted}; ${as('visitor')}; ${see}`,
      expected: 0,
    },
    user(
      'a copy, in a new conversation of who talks with it',
      `${deleted}; ${noted}; ${asReader}; ${talk(one)}`,
      '42501',
    ),
    user('a copy, in a new conversation of its author', `${deleted}; ${noted}; ${asAuthor}; ${talk(two)}`, '42501'),
    user(
      'a copy, changed by who talks with it',
      `${deleted}; ${noted}; ${asReader}; update public.personas set display_name = 'x' where ${isCopy}`,
      0,
    ),
    user(
      'a copy, deleted by who talks with it',
      `${deleted}; ${noted}; ${asReader}; delete from public.personas where ${isCopy}`,
      0,
    ),
    user('a persona that is no longer public, kept for who talks with it', `${hidden}; ${theirCopy}`),
    user(
      'a persona that is no longer public, its author’s still',
      `${hidden}; select 1 from public.conversations c join public.personas p on p.id = c.persona_id
      where c.id = '${authors.id}' and p.id = ${persona} and not p.is_public and p.system_prompt = 'new' and p.slug = 'gone'`,
    ),
    user(
      'a persona that is no longer public, seen by its author alone',
      `${hidden}; ${asReader}; select 1 from public.personas where id = ${persona}`,
      0,
    ),
    user(
      'a persona that stays public',
      `${arranged}; ${asAuthor}; update public.personas set is_public = true, greeting = 'x'${andThen(copies('Gone'))}`,
      0,
    ),
    jobs('a persona whose author is erased, kept for who talks with it', `${erased}; ${theirCopy}`),
    jobs('a copy, for jobs', `${deleted}; ${noted}; ${as('jobs')}; ${see}`, 0),
    jobs(
      'a copy, changed by jobs',
      `${deleted}; ${noted}; ${as('jobs')}; update public.personas set description = 'x' where ${isCopy}`,
      0,
    ),
    jobs('drop_frozen_personas', `${loose(2)}; select 1 where app.drop_frozen_personas(10) = 2`),
    jobs(
      'drop_frozen_personas, leaving nothing',
      `${loose(2)}; select app.drop_frozen_personas(10)${andThen(copies('Loose'))}`,
      0,
    ),
    jobs('drop_frozen_personas, so many', `${loose(2)}; select app.drop_frozen_personas(1)${andThen(copies('Loose'))}`),
    jobs(
      'drop_frozen_personas of those with which somebody talks',
      `${arranged}; ${asAuthor}; delete from public.personas where id = ${persona};
      ${as('jobs')}; select app.drop_frozen_personas(10)${andThen(theirCopy)}`,
    ),
  ]
}
