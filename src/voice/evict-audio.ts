import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { asService, type RequestScope } from '#src/db/scope.ts'
import { indexKeyOf, sharedIndexKeyOf, speechStorage, trackKeyOf } from '#src/voice/speech-cache.ts'
import { speechLeases } from '#src/voice/tables.ts'

const atOnce = 200

const Dispensable = z.array(
  z.object({
    id: z.uuid(),
    user_id: z.uuid().nullable(),
    r2_key: z.string(),
    cache_key: z.instanceof(Uint8Array).nullable(),
  }),
)
const Lost = z.array(z.object({ cache_key: z.instanceof(Uint8Array), audio_key: z.string().nullable() }))

/**
 * Deletes recordings past their time, lines that nobody has heard for SPEECH_CACHE_DAYS or that were let go of, and what a maker
 * that died left behind, some hundreds at a time: bytes before rows, so that what is cut short is found again.
 */
export async function evictAudio(scope: RequestScope): Promise<void> {
  const { bindings } = scope.config
  // Where nobody can speak there is nothing.
  if (bindings.AUDIO === undefined && bindings.SPEECH_INDEX === undefined) return
  await deleteDispensable(scope)
  await deleteLost(scope)
}

async function deleteDispensable(scope: RequestScope): Promise<void> {
  const { SPEECH_CACHE_DAYS: days, AUDIO_URL_SECONDS: urlSeconds } = scope.config
  const { index } = speechStorage(scope.config)
  const [answer] = await asService(scope, 'jobs', 'audio', (db) => [
    db.execute(sql`select * from app.dispensable_audio(${days}, ${urlSeconds}, ${atOnce})`),
  ])
  const found = Dispensable.parse(answer.rows)
  if (found.length === 0) return
  await deleteBytes(
    scope,
    found.map(({ r2_key: key }) => key),
  )
  const entries = found.flatMap(({ user_id: userId, cache_key: key }) =>
    key === null ? [] : [userId === null ? sharedIndexKeyOf(key) : indexKeyOf(userId, key)],
  )
  await Promise.all(entries.map(async (name) => await index.delete(name)))
  const ids = sql.param(found.map(({ id }) => id))
  await asService(scope, 'jobs', 'audio', (db) => [db.execute(sql`select app.forget_audio(${ids}::uuid[])`)])
}

async function deleteLost(scope: RequestScope): Promise<void> {
  const [answer] = await asService(scope, 'jobs', 'audio', (db) => [
    db.execute(sql`select * from app.lost_speech(${atOnce})`),
  ])
  const lost = Lost.parse(answer.rows)
  if (lost.length === 0) return
  await deleteBytes(
    scope,
    lost.flatMap(({ audio_key: key }) => key ?? []),
  )
  const keys = sql.param(lost.map(({ cache_key: key }) => key))
  await asService(scope, 'jobs', 'audio', (db) => [
    db.delete(speechLeases).where(sql`${speechLeases.cacheKey} = any (${keys}::bytea[])`),
  ])
}

async function deleteBytes(scope: RequestScope, keys: readonly string[]): Promise<void> {
  const all = keys.flatMap((key) => [key, trackKeyOf(key)])
  if (all.length > 0) await speechStorage(scope.config).audio.delete(all)
}
