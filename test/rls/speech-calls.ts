import { andThen, as, asSuperuser, handles, hex, type Call } from '#test/rls/call.ts'
import type { Scene } from '#test/rls/scene.ts'
import {
  claim,
  claimed,
  day,
  first,
  isAnswered,
  leaseOf,
  line,
  noLease,
  nothingOf,
  second,
  uuid,
  type Claim,
  type Request,
} from '#test/rls/speech-claims.ts'

const otherLine = "'\\x0b'"

const keep = (request: Request) => `app.keep_speech_lease(${line}, ${request.holder}, 30)`
const drop = (request: Request) =>
  `select app.drop_speech(${line}, ${request.holder}, ${request.characters}, ${request.bytes}, 3)`
const store = (request: Request, isShared = false, persona = 'null') =>
  `app.store_speech(${line}, ${isShared}, ${persona}, ${request.holder}, ${request.characters}, ${request.bytes}, 5,
    ${request.audio}, 'key of ' || ${request.audio}, 6, 1, 'wav', 'nova', 'openai')`

const expire = `${asSuperuser}; update public.speech_leases set expires_at = '2020-01-01'; ${as('user')}`

/** A line is claimed by one, who gives it back or stores it. */
export function speechCalls(scene: Scene): readonly Call[] {
  const { session } = handles(scene)
  const role = 'user'
  const begun = `select * from ${session}`
  const asOther = `select * from app.begin_session(${hex(scene.two.tokenHash)})`
  const [one, two] = [scene.one.userId, scene.two.userId]
  const refused = (options: Claim) =>
    `${begun}; do $$ begin perform ${claim(options)}; exception when sqlstate 'NF429' then null; end $$${andThen(
      `select 1 where ${noLease} and ${nothingOf(first)}`,
    )}`
  return [
    ...storingCalls(scene),
    { name: 'claim_speech', role, text: `${begun}; ${isAnswered('ours')}` },
    { name: 'claim_speech, leased', role, text: `${begun}; ${claimed()}${andThen(leaseOf(first, one))}` },
    { name: 'claim_speech, set aside', role, text: `${begun}; ${claimed()}${andThen(day([5, 7], [0, 0]))}` },
    {
      name: 'claim_speech beyond the day’s characters',
      role,
      text: `${begun}; ${claimed({ dailyCharacters: 4 })}`,
      expected: 'NF429',
    },
    {
      name: 'claim_speech beyond the day’s bytes',
      role,
      text: `${begun}; ${claimed({ dailyBytes: 6 })}`,
      expected: 'NF429',
    },
    { name: 'claim_speech beyond the day’s characters, leaving nothing', role, text: refused({ dailyCharacters: 4 }) },
    { name: 'claim_speech beyond the day’s bytes, leaving nothing', role, text: refused({ dailyBytes: 6 }) },
    {
      name: 'claim_speech while another request has it',
      role,
      text: `${begun}; ${claimed()}; ${isAnswered('busy', { request: second })} and id is null`,
    },
    {
      name: 'claim_speech while another person has it',
      role,
      text: `${begun}; ${claimed({ isShared: true })}; ${asOther}; ${isAnswered('busy', { isShared: true, request: second })}`,
    },
    {
      name: 'claim_speech while another has it, leaving it',
      role,
      text: `${begun}; ${claimed()}; ${asOther}; ${claimed({ request: second })}${andThen(
        `${leaseOf(first, one)} and ${nothingOf(second)}`,
      )}`,
    },
    {
      name: 'claim_speech of an expired lease',
      role,
      text: `${begun}; ${claimed()}; ${expire}; ${asOther}; ${isAnswered('ours', { request: second })}`,
    },
    {
      name: 'claim_speech of an expired lease, leased anew',
      role,
      text: `${begun}; ${claimed()}; ${expire}; ${asOther}; ${claimed({ request: second })}${andThen(leaseOf(second, two))}`,
    },
    { name: 'claim_speech flown again', role, text: `${begun}; ${claimed()}; ${isAnswered('ours')}` },
    {
      name: 'claim_speech flown again, set aside once',
      role,
      text: `${begun}; ${claimed()}; ${claimed()}${andThen(`${day([5, 7], [0, 0])} and exists (${leaseOf(first, one)})`)}`,
    },
    {
      name: 'keep_speech_lease',
      role,
      text: `${begun}; ${claimed()}; ${expire}; select 1 where ${keep(first)}`,
    },
    {
      name: 'keep_speech_lease, held for longer',
      role,
      text: `${begun}; ${claimed()}; ${expire}; select ${keep(first)}${andThen(leaseOf(first, one))}`,
    },
    {
      name: 'keep_speech_lease of another request',
      role,
      text: `${begun}; ${claimed()}; select 1 where ${keep(second)}`,
      expected: 0,
    },
    {
      name: 'keep_speech_lease of another person',
      role,
      text: `${begun}; ${claimed()}; ${expire}; ${asOther}; select ${keep(first)}${andThen(leaseOf(first, one))}`,
      expected: 0,
    },
    {
      name: 'drop_speech',
      role,
      text: `${begun}; ${claimed()}; ${drop(first)}${andThen(`${day([0, 0], [3, 0])} and ${noLease}`)}`,
    },
    {
      name: 'drop_speech flown again',
      role,
      text: `${begun}; ${claimed()}; ${drop(first)}; ${drop(first)}${andThen(day([0, 0], [3, 0]))}`,
    },
    {
      name: 'drop_speech of another request',
      role,
      text: `${begun}; ${claimed()}; ${drop(second)}${andThen(`${day([5, 7], [0, 0])} and exists (${leaseOf(first, one)})`)}`,
    },
    ...[
      ['keep_speech_lease', `select ${keep(first)}`] as const,
      ['drop_speech', drop(first)] as const,
      ['store_speech', `select ${store(first)}`] as const,
    ].map(([name, text]): Call => ({
      name: `${name}, leaving a lease on another line`,
      role,
      text: `${begun}; ${claimed({ key: otherLine })}; ${expire}; ${text}${andThen(
        `select 1 from public.speech_leases where cache_key = ${otherLine} and expires_at = '2020-01-01'`,
      )}`,
    })),
    {
      name: 'drop_speech of another person',
      role,
      text: `${begun}; ${claimed()}; ${asOther}; ${drop(first)}${andThen(
        `${day([5, 7], [0, 0])} and exists (${leaseOf(first, one)})`,
      )}`,
    },
  ]
}

function storingCalls(scene: Scene): readonly Call[] {
  const { idOf, session } = handles(scene)
  const role = 'user'
  const begun = `select * from ${session}; ${claimed()}`
  const begunShared = `select * from ${session}; ${claimed({ isShared: true })}`
  const asOther = `select * from app.begin_session(${hex(scene.two.tokenHash)})`
  const one = scene.one.userId
  const stored = (table: string, request: Request, where: string) =>
    `select 1 from public.${table} a where a.cache_key = ${line} and a.id = ${request.audio} and a.r2_key = 'key of ' || ${request.audio}
       and a.audio_bytes = 6 and a.duration_ms = 1 and a.codec = 'wav' and a.voice = 'nova' and a.provider = 'openai' and ${where}`
  const isOwn = (request: Request) =>
    stored('voice_data', request, `a.user_id = '${one}' and a.kind = 'speech' and a.expires_at is null`)
  const settled = (characters: number, bytes: number) => `${noLease} and exists (${day([0, 0], [characters, bytes])})`
  const replaced = `= 'key of ' || ${first.audio}`
  // The second one finds the audio broken, and claims the line.
  const anew = (isShared = false) =>
    claimed({ isShared, broken: first.audio, request: second, dailyCharacters: 100, dailyBytes: 100 })
  return [
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
      text: `${begun}; select ${store(first)}; ${anew()}; select 1 where ${store(second)} ${replaced}`,
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
      text: `${begunShared}; select ${store(first, true, idOf('personas'))}${andThen(
        `${stored('shared_speech', first, `a.persona_id = ${idOf('personas')}`)} and ${settled(5, 0)}`,
      )}`,
    },
    {
      name: 'store_speech for everybody, found by another',
      role,
      text: `${begunShared}; select ${store(first, true)}; ${asOther}; ${isAnswered('cached', { isShared: true, request: second })}`,
    },
    {
      name: 'store_speech for everybody in place of another',
      role,
      text: `${begunShared}; select ${store(first, true)}; ${anew(true)}; select 1 where ${store(second, true)} ${replaced}`,
    },
    {
      name: 'store_speech for everybody flown again',
      role,
      text: `${begunShared}; select ${store(first, true)}; ${anew(true)}; select ${store(second, true)}; select 1 where ${store(second, true)} is null`,
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
      text: `${begun}; ${asOther}; select 1 where ${store(second)} = 'key of ' || ${second.audio}`,
    },
    {
      name: 'store_speech of who has no lease, leaving nothing',
      role,
      text: `${begun}; select ${store(second)}; select ${store(second, true)}${andThen(
        `select 1 where not exists (select from public.voice_data where id = ${second.audio})
           and not exists (select from public.shared_speech where id = ${second.audio})`,
      )}`,
    },
    {
      name: 'store_speech for everybody, of a companion that went meanwhile',
      role,
      text: `${begunShared}; select ${store(first, true, uuid(999))}${andThen(
        `${stored('shared_speech', first, 'a.persona_id is null')} and ${settled(5, 0)}`,
      )}`,
    },
    {
      name: 'store_speech of another person, leaving one’s own line',
      role,
      text: `${begun}; select ${store(first)}; ${asOther}; select ${store(second)}${andThen(isOwn(first))}`,
    },
  ]
}
