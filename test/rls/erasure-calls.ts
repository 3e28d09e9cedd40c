import { andThen, as, asSuperuser, handles, insert, type Call } from '#test/rls/call.ts'
import { another } from '#test/rls/people.ts'
import { rowOf, type Scene } from '#test/rls/scene.ts'

/** What becomes of an account that has ended, and when that is over. */
export function erasureCalls(scene: Scene): readonly Call[] {
  const { idOf } = handles(scene)
  const role = 'jobs'
  const [userId, otherId] = [scene.one.userId, scene.two.userId]
  const erasure = idOf('erasures')
  const arranged = (...statements: readonly string[]) => `${asSuperuser}; ${statements.join('; ')}; ${as(role)}`
  const isLeaving = `update public.users set is_active = false`
  const without = (table: string) => `delete from public.${table} where user_id = '${userId}'`
  const dueIn = (time: string) => `update public.erasures set due_at = now() ${time}`
  const leaseEnded = (secondsAgo: number) =>
    `update public.speech_leases set expires_at = now() - interval '${secondsAgo} seconds' where user_id = '${userId}'`
  const pendingOf = (person: Scene['one'], bytes: number) =>
    insert('voice_data', {
      ...another('voice_data', rowOf(person, 'voice_data')),
      kind: 'recording',
      cache_key: null,
      audio_bytes: bytes,
    })
  const erase = `select app.erase_rows(${erasure})`
  const complete = `select app.complete_erasure(${erasure})`
  const pending = `select * from app.pending_erasures() where user_id = '${userId}'`
  const isOpen = andThen(
    `select 1 from public.erasures where id = ${erasure} and completed_at is null and user_id = '${userId}'`,
  )
  const isDone = andThen(
    `select 1 from public.erasures where id = ${erasure} and completed_at is not null and user_id is null and cache_keys is null`,
  )
  const isDue = (due: string) =>
    andThen(`select 1 from public.erasures where id = ${erasure} and due_at is not distinct from ${due}
      and exists (select from public.erasures where user_id = '${otherId}' and due_at is null)`)
  const inSixMinutes = `(now() + interval '6 minutes')::timestamptz(3)`
  const call = (name: string, text: string, expected = 1): Call => ({ name, role, text, expected })
  return [
    call('pending_erasures', `${pending} and has_audio`),
    call('pending_erasures, before it is due', `${arranged(dueIn(`+ interval '1 second'`))}; ${pending}`, 0),
    call('pending_erasures without audio', `${arranged(without('voice_data'))}; ${pending} and not has_audio`),
    call(
      'pending_erasures, once it is due, where audio may have come',
      `${arranged(without('voice_data'), dueIn(`- interval '1 second'`))}; ${pending} and has_audio`,
    ),
    call(
      'erase_rows, naming the newest line',
      `${arranged(isLeaving)}; select 1 where cardinality(app.erase_rows(${erasure})) = 1`,
    ),
    call(
      'erase_rows',
      `${arranged(isLeaving)}; ${erase}${andThen(
        `select 1 where not exists (select from public.users where id = '${userId}')
           and exists (select from public.erasures where user_id = '${userId}' and completed_at is null)`,
      )}`,
    ),
    call('erase_rows, while a line is made', `${arranged(isLeaving)}; ${erase}${isDue(inSixMinutes)}`),
    call(
      'erase_rows, while a line may be made',
      `${arranged(isLeaving, leaseEnded(179))}; ${erase}${isDue(inSixMinutes)}`,
    ),
    call(
      'erase_rows, while a recording is taken in',
      `${arranged(isLeaving, without('speech_leases'), pendingOf(scene.one, 0))}; ${erase}${isDue(inSixMinutes)}`,
    ),
    call(
      'erase_rows, where only others’ audio is made',
      `${arranged(isLeaving, leaseEnded(181), pendingOf(scene.one, 1), pendingOf(scene.two, 0))}; ${erase}${isDue('null')}`,
    ),
    call(
      'erase_rows again, due when it was',
      `${arranged(isLeaving)}; ${erase}; ${arranged(dueIn(`+ interval '1 minute'`), `update public.erasures set due_at = null where user_id = '${otherId}'`)};
        ${erase}${isDue(`(now() + interval '1 minute')::timestamptz(3)`)}`,
    ),
    call('complete_erasure', `${arranged(isLeaving, without('speech_leases'))}; ${erase}; ${complete}${isDone}`),
    call('complete_erasure, before it is due', `${arranged(isLeaving)}; ${erase}; ${complete}${isOpen}`),
    call(
      'complete_erasure, once it is due',
      `${arranged(isLeaving)}; ${erase}; ${arranged(dueIn(`- interval '1 second'`))}; ${complete}${isDone}`,
    ),
    call('complete_erasure while rows are there', `${complete}${isOpen}`),
  ]
}
