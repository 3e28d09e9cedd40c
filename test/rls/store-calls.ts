import { andThen, as, asSuperuser, handles, hex, insert, type Call } from '#test/rls/call.ts'
import { another, type Row } from '#test/rls/people.ts'
import { rowOf, type Scene } from '#test/rls/scene.ts'
import {
  claimed,
  day,
  first,
  isAnswered,
  keyOf,
  leaseOf,
  line,
  noLease,
  second,
  store,
  uuid,
  type Request,
} from '#test/rls/speech-claims.ts'

/** What was spoken is stored, and what a person holds beyond what they may is let go of. */
export function storingCalls(scene: Scene): readonly Call[] {
  const { idOf, session } = handles(scene)
  const role = 'user'
  const again = `select * from ${session}`
  const begun = `${again}; ${claimed()}`
  const begunShared = `select * from ${session}; ${claimed({ isShared: true })}`
  const asOther = `select * from app.begin_session(${hex(scene.two.tokenHash)})`
  const one = scene.one.userId
  const stored = (table: string, request: Request, where: string) =>
    `select 1 from public.${table} a where a.cache_key = ${line} and a.id = ${request.audio}
       and a.r2_key = ${keyOf(request, table === 'voice_data' ? one : undefined)}
       and a.audio_bytes = 6 and a.duration_ms = 1 and a.codec = 'wav' and a.voice = 'nova' and a.provider = 'openai' and ${where}`
  const isOwn = (request: Request) =>
    stored('voice_data', request, `a.user_id = '${one}' and a.kind = 'speech' and a.expires_at is null`)
  const settled = (characters: number, bytes: number) => `${noLease} and exists (${day([0, 0], [characters, bytes])})`
  const replaced = (userId?: string) => `= ${keyOf(first, userId)}`
  // The second one finds the audio broken, and claims the line.
  const anew = (isShared = false) =>
    claimed({ isShared, broken: first.audio, request: second, dailyCharacters: 100, dailyBytes: 100 })
  return [
    ...boundCalls(scene),
    {
      name: 'store_speech',
      role,
      text: `${begun}; select ${store(first)}${andThen(`${isOwn(first)} and ${settled(5, 6)}`)}`,
    },
    { name: 'store_speech of what was not there', role, text: `${begun}; select 1 where ${store(first)} is null` },
    {
      name: 'store_speech, found',
      role,
      text: `${begun}; select ${store(first)}; ${isAnswered('cached', { request: second })} and id = ${first.audio}`,
    },
    {
      name: 'store_speech in place of another',
      role,
      text: `${begun}; select ${store(first)}; ${anew()}; select 1 where ${store(second)} ${replaced(one)}`,
    },
    {
      name: 'store_speech in place of another, and there is one',
      role,
      text: `${begun}; select ${store(first)}; ${anew()}; select ${store(second)}${andThen(isOwn(second))}`,
    },
    {
      name: 'store_speech flown again',
      role,
      text: `${begun}; select ${store(first)}; ${anew()}; select ${store(second)}; select 1 where ${store(second)} is null`,
    },
    {
      name: 'store_speech flown again, settled once',
      role,
      text: `${begun}; select ${store(first)}; select ${store(first)}${andThen(`${isOwn(first)} and ${settled(5, 6)}`)}`,
    },
    {
      name: 'store_speech for everybody',
      role,
      text: `${begunShared}; select ${store(first, { isShared: true, persona: idOf('personas') })}${andThen(
        `${stored('shared_speech', first, `a.persona_id = ${idOf('personas')}`)} and ${settled(5, 0)}`,
      )}`,
    },
    {
      name: 'store_speech for everybody, found by another',
      role,
      text: `${begunShared}; select ${store(first, { isShared: true })}; ${asOther}; ${isAnswered('cached', { isShared: true, request: second })}`,
    },
    {
      name: 'store_speech for everybody in place of another',
      role,
      text: `${begunShared}; select ${store(first, { isShared: true })}; ${anew(true)}; select 1 where ${store(second, { isShared: true })} ${replaced()}`,
    },
    {
      name: 'store_speech for everybody flown again',
      role,
      text: `${begunShared}; select ${store(first, { isShared: true })}; ${anew(true)}; select ${store(second, { isShared: true })}; select 1 where ${store(second, { isShared: true })} is null`,
    },
    {
      name: 'store_speech of another request, leaving the lease',
      role,
      text: `${begun}; select ${store(second)}${andThen(`${leaseOf(first, one)} and exists (${day([5, 7], [0, 0])})`)}`,
    },
    {
      name: 'store_speech of another person, leaving the lease and what is set aside',
      role,
      text: `${begun}; ${asOther}; select ${store(first)}${andThen(`${leaseOf(first, one)} and exists (${day([5, 7], [0, 0])})`)}`,
    },
    {
      name: 'store_speech of who has no lease',
      role,
      text: `${begun}; ${asOther}; select 1 where ${store(second)} = ${keyOf(second, scene.two.userId)}`,
    },
    {
      name: 'store_speech of who has no lease, leaving nothing',
      role,
      text: `${begun}; select ${store(second)}; select ${store(second, { isShared: true })}${andThen(
        `select 1 where not exists (select from public.voice_data where id = ${second.audio})
           and not exists (select from public.shared_speech where id = ${second.audio})`,
      )}`,
    },
    {
      name: 'store_speech for everybody, of a companion that went meanwhile',
      role,
      text: `${begunShared}; select ${store(first, { isShared: true, persona: uuid(999) })}${andThen(
        `${stored('shared_speech', first, 'a.persona_id is null')} and ${settled(5, 0)}`,
      )}`,
    },
    {
      name: 'store_speech for everybody of who has no lease',
      role,
      text: `${begunShared}; ${asOther}; select 1 where ${store(second, { isShared: true })} = ${keyOf(second)}`,
    },
    {
      name: 'store_speech in place of what was let go of',
      role,
      text: `${begun}; select ${store(first)}; ${asSuperuser}; update public.voice_data set expires_at = '2126-01-01'; ${as(role)};
        ${again}; ${claimed({ request: second, dailyCharacters: 100, dailyBytes: 100 })}; select 1 where ${store(second)} ${replaced(one)}${andThen(isOwn(second))}`,
    },
    {
      name: 'store_speech of another person, leaving one’s own line',
      role,
      text: `${begun}; select ${store(first)}; ${asOther}; select ${store(second)}${andThen(isOwn(first))}`,
    },
  ]
}

/** Six bytes are stored beside four that were heard an hour ago, and four that were heard before that. */
function boundCalls(scene: Scene): readonly Call[] {
  const { session } = handles(scene)
  const role = 'user'
  const own = rowOf(scene.one, 'voice_data')
  const [newer, older, released, recording] = [
    '00000000-0000-7000-8000-000000000001',
    'ffffffff-ffff-7fff-bfff-ffffffffffff',
    '00000000-0000-7000-8000-000000000002',
    '00000000-0000-7000-8000-000000000003',
  ] as const
  const lineOf = (id: string, more: Row) =>
    insert('voice_data', { ...another('voice_data', own), id, audio_bytes: 4, ...more })
  const hoursAgo = (hours: number) => ({ used_at: new Date(Date.now() - hours * 3_600_000).toISOString() })
  const far = '2126-01-01T00:00:00Z'
  const held = `${asSuperuser}; update public.voice_data set used_at = '2020-01-01', audio_bytes = 1000;
    delete from public.voice_data where user_id = '${scene.one.userId}';
    ${lineOf(newer, hoursAgo(1))}; ${lineOf(older, hoursAgo(2))};
    ${lineOf(released, { used_at: far, expires_at: far, audio_bytes: 1_000 })};
    ${lineOf(recording, { used_at: far, kind: 'recording', cache_key: null, audio_bytes: 1_000 })}; ${as(role)};
    select * from ${session}`
  const letGo = (ids: readonly string[]) =>
    andThen(`select 1 from public.voice_data where expires_at is not null and id <> '${released}'
      having coalesce(array_agg(id order by id), '{}') = array(select unnest(array[${ids.join()}]::uuid[]) order by 1)
        and coalesce(bool_and(expires_at = now()::timestamptz(3)), true)
        and exists (select from public.voice_data where id = '${released}' and expires_at = '2126-01-01')`)
  const call = (
    name: string,
    mostBytes: number,
    ids: readonly string[],
    options: { readonly isShared?: boolean } = {},
  ) => ({
    name: `store_speech ${name}`,
    role: 'user' as const,
    text: `${held}; ${claimed(options)}; select ${store(first, { ...options, mostBytes })}${letGo(ids)}`,
  })
  return [
    call('up to what one may hold', 14, []),
    call('beyond what one may hold', 13, [`'${older}'`]),
    call('beyond what one may hold, by one more byte than a line has', 9, [`'${newer}'`, `'${older}'`]),
    call('of all that one may hold', 6, [`'${newer}'`, `'${older}'`]),
    call('of more than one may hold, which stays all the same', 5, [`'${newer}'`, `'${older}'`]),
    call('for everybody, whatever one holds', 0, [], { isShared: true }),
    {
      name: 'store_speech of who has no lease, letting go of nothing',
      role,
      text: `${held}; ${claimed()}; select ${store(second, { mostBytes: 0 })}${letGo([])}`,
    },
  ]
}
