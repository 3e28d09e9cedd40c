import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { asService, type RequestScope } from '#src/db/scope.ts'
import { indexKeyOf, sharedIndexKeyOf, speechStorage, trackKeyOf } from '#src/voice/speech-cache.ts'

const atOnce = 200
const mostRounds = 50

const Dispensable = z.array(
  z.object({
    id: z.uuid(),
    user_id: z.uuid().nullable(),
    r2_key: z.string(),
    cache_key: z.instanceof(Uint8Array).nullable(),
  }),
)

/**
 * Deletes recordings past their time, lines that nobody has heard for SPEECH_CACHE_DAYS, and what a person holds beyond
 * SPEECH_CACHE_BYTES, used longest ago first: bytes before rows, so that what is cut short is found again.
 */
export async function evictAudio(scope: RequestScope): Promise<void> {
  const { SPEECH_CACHE_DAYS: days, SPEECH_CACHE_BYTES: bytes, bindings } = scope.config
  // Where nobody can speak there is nothing.
  if (bindings.AUDIO === undefined && bindings.SPEECH_INDEX === undefined) return
  const { index, audio } = speechStorage(scope.config)
  for (let round = 0; round < mostRounds; round += 1) {
    const [answer] = await asService(scope, 'jobs', 'audio', (db) => [
      db.execute(sql`select * from app.dispensable_audio(${days}, ${bytes}, ${atOnce})`),
    ])
    const found = Dispensable.parse(answer.rows)
    if (found.length === 0) return
    const keys = found.flatMap(({ r2_key: key }) => [key, trackKeyOf(key)])
    // R2 deletes a thousand at once.
    for (let from = 0; from < keys.length; from += 1_000) await audio.delete(keys.slice(from, from + 1_000))
    const entries = found.flatMap(({ user_id: userId, cache_key: key }) =>
      key === null ? [] : [userId === null ? sharedIndexKeyOf(key) : indexKeyOf(userId, key)],
    )
    await Promise.all(entries.map(async (name) => await index.delete(name)))
    const ids = sql.param(found.map(({ id }) => id))
    await asService(scope, 'jobs', 'audio', (db) => [db.execute(sql`select app.forget_audio(${ids}::uuid[])`)])
  }
}
