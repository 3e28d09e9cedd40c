import type { PersonalData } from '#src/db/personal-data.ts'
import { audioPrefixOf, indexKeyOf, speechStorage } from '#src/voice/speech-cache.ts'
import { voiceData } from '#src/voice/tables.ts'

export const voicePersonalData: PersonalData = {
  slice: 'voice',
  tables: [voiceData],
  eraseBlobs: async (config, { userId, cacheKeys }) => {
    if (config.bindings.AUDIO === undefined || config.bindings.SPEECH_INDEX === undefined) return
    const { index, audio } = speechStorage(config)
    for (const cacheKey of cacheKeys) await index.delete(indexKeyOf(cacheKey))
    // By prefix, so that bytes whose row was never written go too. R2 lists 1,000 at the most at a time.
    while (true) {
      const { objects } = await audio.list({ prefix: audioPrefixOf(userId) })
      if (objects.length === 0) return
      await audio.delete(objects.map((object) => object.key))
    }
  },
}
