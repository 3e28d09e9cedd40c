import { andThen, as, asSuperuser, handles, hex, type Call } from '#test/rls/call.ts'
import type { Scene } from '#test/rls/scene.ts'
import {
  claim,
  claimed,
  day,
  first,
  isAnswered,
  keyOf,
  leaseOf,
  line,
  noLease,
  nothingOf,
  second,
  store,
  type Claim,
  type Request,
} from '#test/rls/speech-claims.ts'

const otherLine = "'\\x0b'"

const keep = (request: Request) => `app.keep_speech_lease(${line}, ${request.holder}, 30)`
const drop = (request: Request) =>
  `select app.drop_speech(${line}, ${request.holder}, ${request.characters}, ${request.bytes}, 3)`

const expire = `${asSuperuser}; update public.speech_leases set expires_at = '2020-01-01'; ${as('user')}`
// One that may still be taken up by its holder.
const lapse = `${asSuperuser}; update public.speech_leases set expires_at = now() - interval '2 minutes'; ${as('user')}`

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
    { name: 'claim_speech', role, text: `${begun}; ${isAnswered('ours')}` },
    { name: 'claim_speech, leased', role, text: `${begun}; ${claimed()}${andThen(leaseOf(first, one))}` },
    {
      name: 'claim_speech of a shared line, leased',
      role,
      text: `${begun}; ${claimed({ isShared: true })}${andThen(leaseOf(first, one, keyOf(first)))}`,
    },
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
      text: `${begun}; ${claimed()}; ${lapse}; select 1 where ${keep(first)}`,
    },
    {
      name: 'keep_speech_lease that is lost',
      role,
      text: `${begun}; ${claimed()}; ${expire}; select 1 where not ${keep(first)}`,
    },
    {
      name: 'store_speech under a lease that is lost',
      role,
      text: `${begun}; ${claimed()}; ${expire}; select 1 where ${store(first)} is not null`,
    },
    {
      name: 'claim_speech in place of another request, which leaves where that one wrote',
      role,
      text: `${begun}; ${claimed()}; ${expire}; ${claimed({ request: second, dailyCharacters: 100, dailyBytes: 100 })}${andThen(
        `select 1 from public.speech_leases where cache_key = sha256(convert_to(audio_key, 'UTF8')) and holder = ${first.holder}
           and exists (${leaseOf(second, one)})`,
      )}`,
    },
    {
      name: 'keep_speech_lease, held for longer',
      role,
      text: `${begun}; ${claimed()}; ${lapse}; select ${keep(first)}${andThen(leaseOf(first, one))}`,
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
      text: `${begun}; ${claimed()}; ${lapse}; ${asOther}; select ${keep(first)}${andThen(leaseOf(first, one))}`,
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
