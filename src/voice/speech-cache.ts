import type { Config } from '#src/config.ts'
import type { RequestScope } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import { Problem } from '#src/http/problem.ts'
import { IndexEntry } from '#src/voice/shapes.ts'

const lifetimeSeconds = 30 * 86_400

/** The KV key of a person's cached line; an erasure finds them all by their beginning. */
export const indexKeyOf = (userId: string, cacheKey: Uint8Array) => `${indexPrefixOf(userId)}${cacheKey.toHex()}`

/** Where a person's cached lines begin in KV. */
export const indexPrefixOf = (userId: string) => `speech/1/${userId}/`

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
export async function findCached(
  config: Config,
  userId: string,
  cacheKey: Uint8Array,
): Promise<IndexEntry | undefined> {
  const { index, audio } = speechStorage(config)
  try {
    const entry = IndexEntry.safeParse(await index.get(indexKeyOf(userId, cacheKey), 'json')).data
    if (entry === undefined) return undefined
    const object = await audio.head(entry.r2_key)
    return object?.size === entry.audio_bytes ? entry : undefined
  } catch {
    return undefined
  }
}

/** Remembers where a line's bytes are. A KV that fails costs the next request a provider call, not this one an error. */
export async function remember(config: Config, userId: string, cacheKey: Uint8Array, entry: IndexEntry): Promise<void> {
  const { index } = speechStorage(config)
  await index
    .put(indexKeyOf(userId, cacheKey), JSON.stringify(entry), { expirationTtl: lifetimeSeconds })
    .catch(() => undefined)
}

/** Forgets a line whose account has ended, bytes and entry, and reports what a store would not delete. */
export async function forget(scope: RequestScope, userId: string, cacheKey: Uint8Array, r2Key: string): Promise<void> {
  const { index, audio } = speechStorage(scope.config)
  const deletions = await Promise.allSettled([index.delete(indexKeyOf(userId, cacheKey)), audio.delete(r2Key)])
  for (const deletion of deletions) {
    if (deletion.status === 'rejected')
      scope.report({ event: 'speech_not_forgotten', ...describeFailure(deletion.reason) })
  }
}
