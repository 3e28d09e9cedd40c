import type { Config } from '#src/config.ts'
import type { MissedBlobs, PersonalData } from '#src/db/personal-data.ts'
import { audioPrefixOf, indexKeyOf, indexPrefixOf, speechStorage } from '#src/voice/speech-cache.ts'
import { speechHits, speechLeases, voiceData } from '#src/voice/tables.ts'

export const voicePersonalData: PersonalData = {
  slice: 'voice',
  tables: [voiceData, speechHits, speechLeases],
  eraseBlobs,
  eraseNewBlobs,
}

/**
 * Deletes a person's cached lines and audio by the beginning of their keys, so that what no row knows of goes too, and a
 * run that was cut short has made progress. Throws `not_configured` where a store is not bound and the person has audio:
 * nothing may be called gone that was never looked for. Where nobody can speak there is none.
 */
async function eraseBlobs(config: Config, userId: string, hasAudio: boolean): Promise<ReadonlySet<string>> {
  const deleted = new Set<string>()
  const { SPEECH_INDEX, AUDIO } = config.bindings
  if (!hasAudio && SPEECH_INDEX === undefined && AUDIO === undefined) return deleted
  const { index, audio } = speechStorage(config)
  // KV may list a deleted key for a minute, so a page is left behind by its cursor, not by being empty.
  let cursor: string | null = null
  do {
    const page: KVNamespaceListResult<unknown> = await index.list({ prefix: indexPrefixOf(userId), cursor, limit: 50 })
    await Promise.all(page.keys.map(async ({ name }) => await index.delete(name)))
    for (const { name } of page.keys) deleted.add(name)
    cursor = page.list_complete ? null : page.cursor
  } while (cursor !== null)
  let objects: readonly { key: string }[]
  do {
    objects = (await audio.list({ prefix: audioPrefixOf(userId) })).objects
    if (objects.length > 0) await audio.delete(objects.map((object) => object.key))
  } while (objects.length > 0)
  return deleted
}

/** Deletes the lines that were too new for KV to list. It takes one write for each key and second, so none is deleted twice. */
async function eraseNewBlobs(config: Config, userId: string, { cacheKeys, deleted }: MissedBlobs): Promise<void> {
  const missed = cacheKeys.map((cacheKey) => indexKeyOf(userId, cacheKey)).filter((name) => !deleted.has(name))
  if (missed.length === 0) return
  const { index } = speechStorage(config)
  await Promise.all(missed.map(async (name) => await index.delete(name)))
}
