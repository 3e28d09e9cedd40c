import { builtInPersonas } from '#src/personas/built-in-personas.ts'
import { andThen, as, asSuperuser, handles, type Call } from '#test/rls/call.ts'
import { rowOf, type Scene } from '#test/rls/scene.ts'

const ofTheHouse = `'${builtInPersonas[0]?.id}'`
const slug = `'${builtInPersonas[0]?.slug}'`

interface Wish {
  readonly speaker?: string
  readonly voice?: string
  readonly text?: string
  readonly vendor?: string
  readonly wasCounted?: boolean
  /** The voices that a person may name, all where there is none. */
  readonly named?: string
}

/** A claim to a text of five characters; whose line it is says its key. */
const open = ({ speaker = 'null', voice = 'null', text = 'x', vendor = 'v', wasCounted = false, named = '{}' }: Wish) =>
  `select * from app.open_speech(${speaker}, ${voice}, '${vendor}', 'usual', '\\x01', '\\x02', sha256('${text}'),
    '00000000-0000-7000-8000-000000000100', 30, '00000000-0000-7000-8000-000000000101', '00000000-0000-7000-8000-000000000102',
    5, 7, 10, 10, null, ${wasCounted}, '${named}')`

const keyOf = (line: string, voice: string, settings = '{}') =>
  `sha256('\\x${line}' || convert_to('["${voice}", ${settings}]', 'UTF8'))`
const ours = (voice: string, line = '01', settings = '{}') =>
  `state = 'ours' and voice = '${voice}' and settings = '${settings}' and is_shared = ${line === '02'}
     and cache_key = ${keyOf(line, voice, settings)}`

/** Whose voice a line is spoken in, and whether everybody may hear it. */
export function speakerCalls(scene: Scene): readonly Call[] {
  const { idOf, session } = handles(scene)
  const settings = '{"rate": 2}'
  const settle = `${asSuperuser}; update public.personas set voice_config = '{"voices": {"v": "sung"}, "rate": 2}',
      greeting = E' \\n Hello \\t', alternate_greetings = array['x', E'Two\\r\\n'], slug = coalesce(slug, id::text);
    update public.personas set slug = 'mine' where id = ${idOf('personas')}; ${as('user')}; select * from ${session}`
  const other = `'${String(rowOf(scene.two, 'personas')['id'])}'`
  const call = (name: string, wish: Wish, where: string): Call => ({
    name: `open_speech ${name}`,
    role: 'user',
    text: `${settle}; ${open(wish)} where ${where}`,
  })
  const refused = (name: string, speaker: string): Call => ({
    name: `open_speech ${name}`,
    role: 'user',
    text: `${settle}; ${open({ speaker })}`,
    expected: 'NF404',
  })
  const own = idOf('personas')
  const hidden = `(select id::text from hidden)`
  const hide = (rule: string) =>
    `${asSuperuser}; create temp table hidden on commit drop as select id from public.personas where owner_id is null and frozen_at is null and ${rule} limit 1;
     grant select on hidden to neuraform_user; ${as('user')}`
  const isHouse = `persona_id = ${ofTheHouse}`
  return [
    call('of a voice', { voice: "'nova'" }, `${ours('nova')} and persona_id is null`),
    call('of nobody', {}, `${ours('usual')} and persona_id is null`),
    call('of a persona by id', { speaker: ofTheHouse, text: 'else' }, `${ours('sung', '01', settings)} and ${isHouse}`),
    call('of a persona by slug', { speaker: slug, text: 'else' }, `${ours('sung', '01', settings)} and ${isHouse}`),
    call(
      'of what is a persona and a voice',
      { speaker: slug, voice: slug, text: 'else' },
      `${ours('sung', '01', settings)} and ${isHouse}`,
    ),
    call(
      'of a persona without a voice of this vendor',
      { speaker: ofTheHouse, vendor: 'w', text: 'else' },
      `${ours('usual', '01', settings)} and ${isHouse}`,
    ),
    call(
      'of one’s own persona',
      { speaker: own, text: 'Hello' },
      `${ours('sung', '01', settings)} and persona_id = ${own}`,
    ),
    call(
      'of one’s own persona, in a voice that may be named',
      { speaker: own, text: 'Hello', named: '{sung,other}' },
      `${ours('sung', '01', settings)} and persona_id = ${own}`,
    ),
    call(
      'of one’s own persona, in a voice that may not be named',
      { speaker: own, text: 'Hello', named: '{other}' },
      `${ours('usual', '01', settings)} and persona_id = ${own}`,
    ),
    call(
      'of a persona of the house, in a voice that may not be named',
      { speaker: ofTheHouse, text: 'else', named: '{other}' },
      `${ours('sung', '01', settings)} and ${isHouse}`,
    ),
    refused('of nobody known', "'nobody'"),
    refused('of one’s own persona by slug', "'mine'"),
    refused('of another’s persona', other),
    refused('of what looks like an id', `'${'-'.repeat(36)}'`),
    ...['not is_active', 'not is_public', "rating = '18'"].map((rule): Call => ({
      name: `open_speech of a persona of the house that is ${rule}`,
      role: 'user',
      text: `${hide(rule)}; select set_config('app.user_id', '${scene.two.userId}', true); ${open({ speaker: hidden })}`,
      expected: 'NF404',
    })),
    call(
      'of nobody known, who is a voice',
      { speaker: "'nova'", voice: "'nova'" },
      `${ours('nova')} and persona_id is null`,
    ),
    call(
      'of another’s persona, or a voice',
      { speaker: other, voice: "'nova'" },
      `${ours('nova')} and persona_id is null`,
    ),
    call(
      'of what looks like an id, and is a voice',
      { speaker: `'${'-'.repeat(36)}'`, voice: `'${'-'.repeat(36)}'` },
      ours('-'.repeat(36)),
    ),
    call('of a greeting', { speaker: ofTheHouse, text: 'Hello' }, `${ours('sung', '02', settings)} and ${isHouse}`),
    call('of another greeting', { speaker: slug, text: 'Two' }, `${ours('sung', '02', settings)} and ${isHouse}`),
    call('of a greeting in a voice', { voice: "'sung'", text: 'Hello' }, `${ours('sung')} and persona_id is null`),
    call('of what is no greeting', { speaker: slug, text: 'hello' }, `${ours('sung', '01', settings)} and ${isHouse}`),
    {
      name: 'open_speech, leased under the key that it says',
      role: 'user',
      text: `${settle}; ${open({ voice: "'nova'" })}${andThen(
        `select 1 from public.speech_leases where cache_key = ${keyOf('01', 'nova')} and user_id = '${scene.one.userId}'`,
      )}`,
    },
    ...[true, false].map((wasCounted): Call => ({
      name: `open_speech of what was counted: ${wasCounted}`,
      role: 'user',
      text: `${settle}; ${asSuperuser}; insert into public.speech_hits (user_id, day, hits, characters)
          values ('${scene.one.userId}', (now() at time zone 'utc')::date, 2, 10); ${as('user')}; select * from ${session};
        ${open({ voice: "'nova'", wasCounted })}${andThen(
          `select 1 from public.speech_hits where day = (now() at time zone 'utc')::date and hits = ${wasCounted ? 1 : 2}`,
        )}`,
    })),
    {
      name: 'open_speech of what is there',
      role: 'user',
      text: `${asSuperuser}; update public.voice_data set cache_key = ${keyOf('01', 'nova')} where id = ${idOf('voice_data')}; ${as('user')};
        select * from ${session}; ${open({ voice: "'nova'" })} where state = 'cached' and id = ${idOf('voice_data')} and audio_bytes = 1
          and duration_ms = 1 and codec = 'wav' and r2_key = '${String(rowOf(scene.one, 'voice_data')['r2_key'])}'`,
    },
  ]
}
