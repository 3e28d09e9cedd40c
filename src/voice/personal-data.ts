import type { Config } from '#src/config.ts'
import type { PersonalData } from '#src/db/personal-data.ts'
import { audioPrefixOf, indexKeyOf, indexPrefixOf, speechStorage } from '#src/voice/speech-cache.ts'
import { voiceData } from '#src/voice/tables.ts'

export const voicePersonalData: PersonalData = { slice: 'voice', tables: [voiceData], eraseBlobs, eraseNewBlobs }

/**
 * Deletes a person's cached lines and audio by the beginning of their keys, so that what no row knows of goes too, and a
 * run that was cut short has made progress. Throws `not_configured` where a store is not bound: nothing may be called
 * gone that was never looked for.
 */
async function eraseBlobs(config: Config, userId: string): Promise<void> {
  const { index, audio } = speechStorage(config)
  // KV may list a deleted key for a minute, so a page is left behind by its cursor, not by being empty.
  let cursor: string | null = null
  do {
    const page: KVNamespaceListResult<unknown> = await index.list({ prefix: indexPrefixOf(userId), cursor, limit: 50 })
    await Promise.all(page.keys.map(async ({ name }) => await index.delete(name)))
    cursor = page.list_complete ? null : page.cursor
  } while (cursor !== null)
  let objects: readonly { key: string }[]
  do {
    objects = (await audio.list({ prefix: audioPrefixOf(userId) })).objects
    if (objects.length > 0) await audio.delete(objects.map((object) => object.key))
  } while (objects.length > 0)
}

/** Deletes the lines that were too new for KV to list. */
async function eraseNewBlobs(config: Config, userId: string, cacheKeys: readonly Uint8Array[]): Promise<void> {
  const { index } = speechStorage(config)
  await Promise.all(cacheKeys.map(async (cacheKey) => await index.delete(indexKeyOf(userId, cacheKey))))
}
