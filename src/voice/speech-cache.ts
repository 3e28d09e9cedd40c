import type { Config } from '#src/config.ts'
import { Problem } from '#src/http/problem.ts'
import { IndexEntry } from '#src/voice/shapes.ts'

const lifetimeSeconds = 30 * 86_400

/** The KV key of a cached line. */
export const indexKeyOf = (cacheKey: Uint8Array) => `speech/1/${cacheKey.toHex()}`

/** The R2 key of a person's audio; every part of it is the service's own. */
export const audioKeyOf = (userId: string, id: string) => `u/${userId}/v/${id}`

/** Where a person's audio lies in R2. */
export const audioPrefixOf = (userId: string) => `u/${userId}/v/`

/** The bucket and index that speech needs. Throws `not_configured`. */
export function speechStorage({ bindings }: Config): { index: KVNamespace; audio: R2Bucket } {
  const { SPEECH_INDEX: index, AUDIO: audio } = bindings
  if (index === undefined || audio === undefined) {
    throw new Problem('not_configured', 'Speech needs the bindings SPEECH_INDEX and AUDIO.')
  }
  return { index, audio }
}

/** The cached line of this key, if its entry reads well and its bytes are there. A KV or R2 that fails is a miss. */
export async function findCached(config: Config, cacheKey: Uint8Array): Promise<IndexEntry | undefined> {
  const { index, audio } = speechStorage(config)
  try {
    const entry = IndexEntry.safeParse(await index.get(indexKeyOf(cacheKey), 'json')).data
    if (entry === undefined) return undefined
    const object = await audio.head(entry.r2_key)
    return object?.size === entry.audio_bytes ? entry : undefined
  } catch {
    return undefined
  }
}

/** Remembers where a line's bytes are. A KV that fails costs the next request a provider call, not this one an error. */
export async function remember(config: Config, cacheKey: Uint8Array, entry: IndexEntry): Promise<void> {
  const { index } = speechStorage(config)
  await index
    .put(indexKeyOf(cacheKey), JSON.stringify(entry), { expirationTtl: lifetimeSeconds })
    .catch(() => undefined)
}
