import { andThen, as, asSuperuser, handles, hex, insert, type Call } from '#test/rls/call.ts'
import { another } from '#test/rls/people.ts'
import { rowOf, type Scene } from '#test/rls/scene.ts'
import { claimed, first, isAnswered, nothingOf, second, uuid } from '#test/rls/speech-claims.ts'

/** A line is found, and every time counted. */
export function heardCalls(scene: Scene): readonly Call[] {
  const { session } = handles(scene)
  const role = 'user'
  const begun = `select * from ${session}`
  const asOther = `select * from app.begin_session(${hex(scene.two.tokenHash)})`
  const own = rowOf(scene.one, 'voice_data')
  const shared = scene.nobodys.get('shared_speech') ?? {}
  const [ownId, ownKey, sharedKey] = [own['id'], own['cache_key'], shared['cache_key']].map(
    (value) => `'${String(value)}'`,
  )
  const otherKey = `'${String(rowOf(scene.two, 'voice_data')['cache_key'])}'`
  const found = { key: ownKey ?? '' }
  const sharedLine = { key: sharedKey ?? '', isShared: true }
  const hitsAre = (hits: number) =>
    `select 1 from public.speech_hits where user_id = '${scene.one.userId}' and day = (now() at time zone 'utc')::date
       and hits = ${hits} and characters = ${5 * hits}`
  const usedAt = (table: string, time: string) =>
    `${asSuperuser}; update public.${table} set used_at = ${time}; ${as('user')}; ${begun}`
  const isUsedNow = (table: string, key = '') =>
    andThen(`select 1 from public.${table} where cache_key = ${key} and used_at = now()::timestamptz(3)`)
  return [
    {
      name: 'claim_speech of a line that is there',
      role,
      text: `${begun}; ${isAnswered('cached', found)} and id = ${ownId} and r2_key = '${String(own['r2_key'])}'
        and audio_bytes = 1 and duration_ms = 1 and codec = 'wav'`,
    },
    {
      name: 'claim_speech of a shared line that is there',
      role,
      text: `${begun}; ${isAnswered('cached', sharedLine)} and r2_key = '${String(shared['r2_key'])}'`,
    },
    {
      name: 'claim_speech of what is there, which reserves nothing',
      role,
      text: `${begun}; ${claimed(found)}${andThen(`select 1 where ${nothingOf(first)}
        and not exists (select from public.speech_leases where cache_key = ${ownKey} and expires_at > now())`)}`,
    },
    { name: 'claim_speech of another’s line', role, text: `${begun}; ${isAnswered('ours', { key: otherKey })}` },
    {
      name: 'claim_speech of a shared line as one’s own',
      role,
      text: `${begun}; ${isAnswered('ours', { ...sharedLine, isShared: false })}`,
    },
    {
      name: 'claim_speech of one’s own line as a shared one',
      role,
      text: `${begun}; ${isAnswered('ours', { ...found, isShared: true })}`,
    },
    {
      name: 'claim_speech, counted each time',
      role,
      text: `${begun}; ${claimed(found)}; ${claimed(sharedLine)}; ${claimed(found)}${andThen(hitsAre(3))}`,
    },
    {
      name: 'claim_speech, read in one’s own hits',
      role,
      text: `${begun}; ${claimed(found)}; ${hitsAre(1)}`,
    },
    {
      name: 'claim_speech of broken audio',
      role,
      text: `${begun}; ${isAnswered('ours', { ...found, broken: ownId ?? '' })}`,
    },
    {
      name: 'claim_speech of broken audio, counted no more',
      role,
      text: `${begun}; ${claimed(found)}; ${claimed(found)}; ${claimed({ ...found, broken: ownId ?? '' })}${andThen(hitsAre(1))}`,
    },
    {
      name: 'claim_speech of broken audio, counted no more by nobody else and on no other day',
      role,
      text: `${asSuperuser}; update public.speech_hits set hits = 9, characters = 90; ${as('user')};
        ${asOther}; ${claimed(sharedLine)}; ${begun}; ${claimed(found)}; ${claimed({ ...found, broken: ownId ?? '' })}${andThen(
          `select 1 from public.speech_hits having sum(hits) = 19 and sum(characters) = 185 and min(hits) = 0 and max(hits) = 9`,
        )}`,
    },
    {
      name: 'claim_speech of broken audio that was not counted, which takes no hit back',
      role,
      text: `${begun}; ${claimed(found)}; ${claimed({ ...found, broken: ownId ?? '', wasCounted: false })}${andThen(hitsAre(1))}`,
    },
    {
      name: 'claim_speech of what was counted and is not there any more',
      role,
      text: `${begun}; ${claimed(found)}; ${claimed(found)}; ${claimed({ wasCounted: true })}${andThen(hitsAre(1))}`,
    },
    {
      name: 'claim_speech of what was counted and is being made by another',
      role,
      text: `${asOther}; ${claimed()}; ${begun}; ${claimed(found)}; ${isAnswered('busy', { request: second, wasCounted: true })}${andThen(hitsAre(0))}`,
    },
    {
      name: 'claim_speech of what was counted and is there again, counted once',
      role,
      text: `${begun}; ${claimed(found)}; ${claimed({ ...found, wasCounted: true })}${andThen(hitsAre(1))}`,
    },
    ...["'2020-01-01'", "'2126-01-01'"].map((time): Call => ({
      name: `claim_speech of a line that is let go of by ${time}`,
      role,
      text: `${asSuperuser}; update public.voice_data set expires_at = ${time}; ${as(role)}; ${begun}; ${isAnswered('ours', found)}`,
    })),
    {
      name: 'claim_speech of what is not there, which takes no hit back',
      role,
      text: `${begun}; ${claimed(found)}; ${claimed()}${andThen(hitsAre(1))}`,
    },
    {
      name: 'claim_speech of shared broken audio',
      role,
      text: `${begun}; ${isAnswered('ours', { ...sharedLine, broken: `'${String(shared['id'])}'` })}`,
    },
    {
      name: 'claim_speech where other audio was broken',
      role,
      text: `${begun}; ${isAnswered('cached', { ...found, broken: uuid(900) })}`,
    },
    {
      name: 'claim_speech, used again',
      role,
      text: `${usedAt('voice_data', "'2020-01-01'")}; ${claimed(found)}${isUsedNow('voice_data', ownKey)}`,
    },
    {
      name: 'claim_speech, used again, leaving another’s',
      role,
      text: `${usedAt('voice_data', "'2020-01-01'")}; ${claimed(found)}${andThen(
        `select 1 from public.voice_data where cache_key = ${otherKey} and used_at = '2020-01-01'`,
      )}`,
    },
    {
      name: 'claim_speech of a shared line, used again',
      role,
      text: `${usedAt('shared_speech', "'2020-01-01'")}; ${claimed(sharedLine)}${isUsedNow('shared_speech', sharedKey)}`,
    },
    {
      name: 'claim_speech, used again, leaving one’s other lines',
      role,
      text: `${asSuperuser}; ${insert('voice_data', { ...another('voice_data', own), used_at: '2020-01-01T00:00:00Z' })}; ${as('user')};
        ${usedAt('voice_data', "'2020-01-01'")}; ${claimed(found)}${andThen(
          `select 1 from public.voice_data where user_id = '${scene.one.userId}' and used_at = '2020-01-01'`,
        )}`,
    },
    {
      name: 'claim_speech of a shared line, used again on one day',
      role,
      text: `${usedAt('shared_speech', "now() - interval '23 hours'")}; ${claimed(sharedLine)}${isUsedNow('shared_speech', sharedKey)}`,
      expected: 0,
    },
    {
      name: 'claim_speech, used again on one day',
      role,
      text: `${usedAt('voice_data', "now() - interval '23 hours'")}; ${claimed(found)}${isUsedNow('voice_data', ownKey)}`,
      expected: 0,
    },
  ]
}
