import { andThen, as, asSuperuser, handles, insert, type Call } from '#test/rls/call.ts'
import { another, type Row } from '#test/rls/people.ts'
import { rowOf, type Scene } from '#test/rls/scene.ts'

const role = 'jobs'

/** What becomes of audio that nobody needs. */
export function audioCalls(scene: Scene): readonly Call[] {
  const { idOf } = handles(scene)
  const userId = scene.one.userId
  const shared = `'${String(scene.nobodys.get('shared_speech')?.['id'])}'`
  const arranged = (statements: string) => `${asSuperuser}; ${statements}; ${as(role)}`
  const recording: Row = {
    ...another('voice_data', rowOf(scene.one, 'voice_data')),
    kind: 'recording',
    cache_key: null,
    audio_bytes: 50,
    used_at: '2020-01-01T00:00:00Z',
    expires_at: '2126-01-01T00:00:00Z',
  }
  const recordingId = `'${String(recording['id'])}'`
  const expires = (id: string, time: string) => `update public.voice_data set expires_at = ${time} where id = ${id}`
  const ago = (seconds: number) => `now() - interval '${seconds} seconds'`
  const mine = idOf('voice_data')
  const own = (days: number, seconds: number, most = 100_000) =>
    `select id, user_id, r2_key, cache_key from app.dispensable_audio(${days}, ${seconds}, ${most}) where user_id = '${userId}'`
  const ofShared = `select 1 from app.dispensable_audio(30, 100, 100000) where id = ${shared} and user_id is null and cache_key is not null`
  const oneMore = insert('voice_data', another('voice_data', rowOf(scene.one, 'voice_data')))
  const unheard = (table: string, id: string, days: number) =>
    `update public.${table} set used_at = now() - interval '${days} days' where id = ${id}`
  const published = `update public.shared_speech set persona_id = ${idOf('personas')} where id = ${shared}`
  const call = (name: string, text: string, expected = 1): Call => ({ name, role, text, expected })
  const forget = `app.forget_audio(array[${mine}, ${shared}, gen_random_uuid()]::uuid[])`
  const letGo = (id: string, time: string) =>
    andThen(`select 1 from public.voice_data where id = ${id} and expires_at is not distinct from ${time}`)
  const now = 'now()::timestamptz(3)'
  return [
    ...lostCalls(scene),
    call('dispensable_audio, where all is needed', own(30, 100), 0),
    call(
      'dispensable_audio, a recording past its time',
      `${arranged(`${insert('voice_data', recording)}; ${expires(recordingId, ago(1))}`)};
        ${own(30, 100)} and id = ${recordingId} and r2_key = '${String(recording['r2_key'])}' and cache_key is null`,
    ),
    call(
      'dispensable_audio, a recording before its time, however long ago and big',
      `${arranged(insert('voice_data', recording))}; ${own(30, 0)}`,
      0,
    ),
    call(
      'dispensable_audio, a recording without an end',
      `${arranged(insert('voice_data', { ...recording, expires_at: null }))}; ${own(30, 100)}${letGo(recordingId, 'null')}`,
    ),
    call(
      'dispensable_audio, a line that nobody has heard, not yet',
      `${arranged(unheard('voice_data', mine, 31))}; ${own(30, 100)}`,
      0,
    ),
    call(
      'dispensable_audio, a line that nobody has heard, which is let go of',
      `${arranged(unheard('voice_data', mine, 31))}; ${own(30, 100)}${letGo(mine, now)}`,
    ),
    call(
      'dispensable_audio, a line that was heard, which is not let go of, however big',
      `${arranged(`${unheard('voice_data', mine, 29)}; update public.voice_data set audio_bytes = 2147483647`)};
        ${own(30, 100)}${letGo(mine, 'null')}`,
    ),
    call(
      'dispensable_audio, a line that was let go of before, which is not let go of anew',
      `${arranged(`${unheard('voice_data', mine, 31)}; ${expires(mine, ago(50))}`)}; ${own(30, 100)}${letGo(mine, `(${ago(50)})::timestamptz(3)`)}`,
    ),
    call('dispensable_audio, a line whose URL may be good', `${arranged(expires(mine, ago(99)))}; ${own(30, 100)}`, 0),
    call(
      'dispensable_audio, a line whose URL is good no more',
      `${arranged(expires(mine, ago(101)))}; ${own(30, 100)} and id = ${mine} and cache_key is not null`,
    ),
    call(
      'dispensable_audio, letting go of no more than so many',
      `${arranged(`${oneMore}; update public.voice_data set used_at = '2020-01-01' where user_id = '${userId}'`)};
        ${own(30, 100, 1)}${andThen(`select 1 from public.voice_data where expires_at = ${now}`)}`,
    ),
    call(
      'dispensable_audio, no more than so many',
      `${arranged(`${oneMore}; update public.voice_data set expires_at = ${ago(200)}; ${expires(mine, ago(201))}`)};
        select 1 from (${own(30, 100, 1)}) d having array_agg(d.id) = array[${mine}]::uuid[]`,
    ),
    call(
      'dispensable_audio, a shared line without a persona',
      `${arranged(unheard('shared_speech', shared, 3))}; ${ofShared}`,
    ),
    call('dispensable_audio, a shared line without a persona that somebody hears', ofShared, 0),
    call('dispensable_audio, a shared line of a persona', `${arranged(published)}; ${ofShared}`, 0),
    call(
      'dispensable_audio, a shared line that nobody has heard',
      `${arranged(`${published}; ${unheard('shared_speech', shared, 31)}`)}; ${ofShared}`,
    ),
    call(
      'dispensable_audio, a shared line whose persona is gone',
      `${arranged(`${published}; ${unheard('shared_speech', shared, 3)}; delete from public.personas where id = ${idOf('personas')}`)}; ${ofShared}`,
    ),
    call('forget_audio', `${arranged(expires(mine, ago(1)))}; select 1 where ${forget} = 2`),
    ...['null', `now() + interval '1 minute'`].map((time) =>
      call(
        `forget_audio, not what is to stay until ${time}`,
        `${arranged(expires(mine, time))}; select 1 where ${forget} = 1${andThen(`select 1 from public.voice_data where id = ${mine}`)}`,
      ),
    ),
    call(
      'forget_audio, and no other',
      `${arranged(`${oneMore}; update public.voice_data set expires_at = '2020-01-01'`)}; select ${forget}${andThen(
        `select 1 from public.voice_data where not exists (select from public.voice_data where id = ${mine})
           and not exists (select from public.shared_speech where id = ${shared})`,
      )}`,
      2,
    ),
    call('voice_objects', `select 1 from app.voice_objects(null, 100000) where id = ${mine} and not is_pending`),
    call(
      'voice_objects, a recording that is being taken in',
      `${arranged(insert('voice_data', { ...recording, audio_bytes: 0 }))};
        select 1 from app.voice_objects(null, 100000) where id = ${recordingId} and r2_key = '${String(recording['r2_key'])}' and is_pending`,
    ),
    call(
      'voice_objects, a shared one',
      `select 1 from app.voice_objects(null, 100000) where id = ${shared} and r2_key like 'shared/%' and not is_pending`,
    ),
    call(
      'voice_objects, one after the other',
      `select 1 from app.voice_objects(null, 1) f cross join lateral app.voice_objects(f.id, 100000) n
         having count(*) > 1 and count(*) = (select count(*) - 1 from app.voice_objects(null, 100000))`,
    ),
  ]
}

/** What a maker that died was writing. */
function lostCalls(scene: Scene): readonly Call[] {
  const { idOf } = handles(scene)
  const lease = rowOf(scene.one, 'speech_leases')
  const [key, audioKey] = [`'${String(lease['cache_key'])}'`, `'${String(lease['audio_key'])}'`]
  const shared = `'${String(scene.nobodys.get('shared_speech')?.['id'])}'`
  const ended = (secondsAgo: number, more = '') =>
    `${asSuperuser}; update public.speech_leases set expires_at = now() - interval '${secondsAgo} seconds' where cache_key = ${key};
     ${more}; ${as(role)}`
  const lost = `select 1 from app.lost_speech(100000) where cache_key = ${key} and audio_key = ${audioKey}`
  const stored = (table: string, id: string) => `update public.${table} set r2_key = ${audioKey} where id = ${id}`
  const call = (name: string, text: string, expected = 1): Call => ({ name, role, text, expected })
  return [
    call('lost_speech', `${ended(181)}; ${lost}`),
    call('lost_speech of who may still write', `${ended(179)}; ${lost}`, 0),
    call('lost_speech of what was stored', `${ended(181, stored('voice_data', idOf('voice_data')))}; ${lost}`, 0),
    call(
      'lost_speech of what was stored, whose lease may go',
      `${ended(181, stored('voice_data', idOf('voice_data')))}; select 1 from app.lost_speech(100000) where cache_key = ${key} and audio_key is null`,
    ),
    call('lost_speech of what was stored for everybody', `${ended(181, stored('shared_speech', shared))}; ${lost}`, 0),
    call(
      'lost_speech, no more than so many, those first that ended first',
      `${ended(181)}; select 1 from app.lost_speech(1) having count(*) = 1 and bool_and(cache_key <> ${key})`,
    ),
    call('a lease that ended is deleted', `${ended(181)}; delete from public.speech_leases where cache_key = ${key}`),
    call(
      'a lease whose maker may still write is not deleted',
      `${ended(179)}; delete from public.speech_leases where cache_key = ${key}`,
      0,
    ),
  ]
}
