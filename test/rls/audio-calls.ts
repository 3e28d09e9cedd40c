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
  const lineUsed = (hoursAgo: number, bytes: number) => {
    const row: Row = { ...another('voice_data', rowOf(scene.one, 'voice_data')), audio_bytes: bytes }
    return {
      row,
      text: `${insert('voice_data', row)}; update public.voice_data set used_at = now() - interval '${hoursAgo} hours' where id = '${String(row['id'])}'`,
    }
  }
  const recording: Row = {
    ...another('voice_data', rowOf(scene.one, 'voice_data')),
    kind: 'recording',
    cache_key: null,
    audio_bytes: 50,
    used_at: '2020-01-01T00:00:00Z',
    expires_at: '2126-01-01T00:00:00Z',
  }
  const isExpired = { ...recording, expires_at: '2020-01-01T00:00:00Z' }
  const [newer, older] = [lineUsed(1, 10), lineUsed(2, 10)]
  const [newerId, olderId] = [newer.row, older.row].map((row) => `'${String(row['id'])}'`)
  const own = (days: number, bytes: number) =>
    `select id, user_id, r2_key, cache_key from app.dispensable_audio(${days}, ${bytes}, 100000) where user_id = '${userId}'`
  const ofShared = `select 1 from app.dispensable_audio(30, 100, 100000) where id = ${shared} and user_id is null and cache_key is not null`
  const unheard = (table: string, id: string, days: number) =>
    `update public.${table} set used_at = now() - interval '${days} days' where id = ${id}`
  const published = `update public.shared_speech set persona_id = ${idOf('personas')} where id = ${shared}`
  const call = (name: string, text: string, expected = 1): Call => ({ name, role, text, expected })
  const forget = `app.forget_audio(array[${idOf('voice_data')}, ${shared}, gen_random_uuid()]::uuid[])`
  return [
    call('dispensable_audio, where all is needed', own(30, 100), 0),
    call(
      'dispensable_audio, a recording past its time',
      `${arranged(insert('voice_data', isExpired))}; ${own(30, 100)} and id = '${String(recording['id'])}' and cache_key is null`,
    ),
    call(
      'dispensable_audio, a recording before its time, however long ago and big',
      `${arranged(insert('voice_data', recording))}; ${own(30, 1)}`,
      0,
    ),
    call(
      'dispensable_audio, a line that nobody has heard',
      `${arranged(unheard('voice_data', idOf('voice_data'), 31))}; ${own(30, 100)} and id = ${idOf('voice_data')} and cache_key is not null`,
    ),
    call(
      'dispensable_audio, a line that was heard',
      `${arranged(unheard('voice_data', idOf('voice_data'), 29))}; ${own(30, 100)}`,
      0,
    ),
    call(
      'dispensable_audio, up to what one may hold',
      `${arranged(`${older.text}; ${newer.text}`)}; ${own(30, 21)}`,
      0,
    ),
    call(
      'dispensable_audio, beyond what one may hold, used longest ago first',
      `${arranged(`${older.text}; ${newer.text}`)}; select 1 from (${own(30, 20)}) d having array_agg(d.id) = array[${olderId}]::uuid[]`,
    ),
    call(
      'dispensable_audio, far beyond what one may hold',
      `${arranged(`${older.text}; ${newer.text}`)}; ${own(30, 10)} and id in (${newerId}, ${olderId})`,
      2,
    ),
    call('dispensable_audio, a shared line without a persona', ofShared),
    call('dispensable_audio, a shared line of a persona', `${arranged(published)}; ${ofShared}`, 0),
    call(
      'dispensable_audio, a shared line that nobody has heard',
      `${arranged(`${published}; ${unheard('shared_speech', shared, 31)}`)}; ${ofShared}`,
    ),
    call(
      'dispensable_audio, a shared line whose persona is gone',
      `${arranged(`${published}; delete from public.personas where id = ${idOf('personas')}`)}; ${ofShared}`,
    ),
    call('forget_audio', `select 1 where ${forget} = 2`),
    call(
      'forget_audio, and no other',
      `select ${forget}${andThen(
        `select 1 from public.voice_data where user_id = '${scene.two.userId}'
           and not exists (select from public.voice_data where id = ${idOf('voice_data')})
           and not exists (select from public.shared_speech where id = ${shared})`,
      )}`,
    ),
    call(
      'voice_objects, a shared one',
      `select 1 from app.voice_objects(null, 100000) where id = ${shared} and r2_key like 'shared/%'`,
    ),
    call(
      'voice_objects, one after the other',
      `select 1 from app.voice_objects(null, 1) f cross join lateral app.voice_objects(f.id, 100000) n
         having count(*) > 1 and count(*) = (select count(*) - 1 from app.voice_objects(null, 100000))`,
    ),
  ]
}
