import { z } from 'zod'
import type { Config } from '#src/config.ts'
import type { RequestScope } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import { Problem } from '#src/http/problem.ts'
import { Track } from '#src/voice/shapes.ts'
import { voiceData } from '#src/voice/tables.ts'
import type { Vault } from '#src/vault/vault.ts'

const lifetimeSeconds = 30 * 86_400

/** The KV key of a person's spoken line; an erasure finds them all by their beginning. */
export const indexKeyOf = (userId: string, cacheKey: Uint8Array) => `${indexPrefixOf(userId)}${cacheKey.toHex()}`

/** The KV key of a line that everybody may hear. */
export const sharedIndexKeyOf = (cacheKey: Uint8Array) => `speech/2/shared/${cacheKey.toHex()}`

/** Where a person's spoken lines begin in KV. */
export const indexPrefixOf = (userId: string) => `speech/2/${userId}/`

/** Where a person's audio lies in R2; every part of a key is the service's own. */
export const audioPrefixOf = (userId: string) => `u/${userId}/`

/** Where lines that everybody may hear lie in R2. */
const sharedAudioPrefix = 'shared/'

/** The R2 key of a line's track, beside its audio. */
export const trackKeyOf = (r2Key: string) => `${r2Key}/track`

/** The bucket and index that speech needs. Throws `not_configured`. */
export function speechStorage({ bindings }: Config): { index: KVNamespace; audio: R2Bucket } {
  const { SPEECH_INDEX: index, AUDIO: audio } = bindings
  if (index === undefined || audio === undefined) {
    throw new Problem('not_configured', 'Speech needs the bindings SPEECH_INDEX and AUDIO.')
  }
  return { index, audio }
}

/** Whose line it is: a person's, sealed under their key, or everybody's. */
export interface LinePlace {
  readonly vault: Vault
  readonly isShared: boolean
  readonly cacheKey: Uint8Array
}

/** The R2 key of a line's audio. */
export const audioKeyOf = ({ vault, isShared }: LinePlace, id: string) =>
  isShared ? `${sharedAudioPrefix}v/${id}` : `${audioPrefixOf(vault.userId)}v/${id}`

const kvKeyOf = ({ vault, isShared, cacheKey }: LinePlace) =>
  isShared ? sharedIndexKeyOf(cacheKey) : indexKeyOf(vault.userId, cacheKey)

/** What the KV index keeps of a line: which audio it is, and its track, sealed unless it is everybody's. None of it in clear. */
const Entry = z.object({ id: z.uuid(), r2_key: z.string(), track: z.string() })

interface LocatedLine {
  readonly id: string
  readonly r2_key: string
  readonly audio_bytes: number
}

/**
 * The track of a line, if the stores hold it and its audio as the row says: from KV or, where that does not know it (yet), from
 * beside the audio. A store that fails or disagrees is a miss.
 */
export async function findTrack(scope: RequestScope, place: LinePlace, line: LocatedLine): Promise<Track | undefined> {
  const { index, audio } = speechStorage(scope.config)
  try {
    const [entry, object] = await Promise.all([
      index.get(kvKeyOf(place), 'text').catch(() => null),
      audio.head(line.r2_key),
    ])
    if (object?.size !== line.audio_bytes) return undefined
    return (await trackOf(place, line.id, entry)) ?? (await trackBeside(scope, place, line))
  } catch (error) {
    scope.report({ event: 'speech_not_found', ...describeFailure(error) })
    return undefined
  }
}

/** The audio of a line, if the bucket holds it as the row says. One that fails or disagrees is a miss. */
export async function findAudio(scope: RequestScope, line: LocatedLine): Promise<R2ObjectBody | undefined> {
  try {
    const object = await speechStorage(scope.config).audio.get(line.r2_key)
    if (object?.size === line.audio_bytes) return object
    await object?.body.cancel()
  } catch (error) {
    scope.report({ event: 'speech_not_found', ...describeFailure(error) })
  }
  return undefined
}

async function trackOf(place: LinePlace, id: string, text: string | null): Promise<Track | undefined> {
  const entry = parsed(Entry, text)
  return entry?.id === id ? await openTrack(place, id, entry.track) : undefined
}

async function trackBeside(scope: RequestScope, place: LinePlace, { id, r2_key: r2Key }: LocatedLine) {
  const sealed = await (await speechStorage(scope.config).audio.get(trackKeyOf(r2Key)))?.text()
  const track = sealed === undefined ? undefined : await openTrack(place, id, sealed)
  if (sealed !== undefined && track !== undefined)
    scope.defer(putEntry(scope, place, { id, r2_key: r2Key, track: sealed }))
  return track
}

// Bound to the column that names the audio, and to its row: it is what lies beside the bytes.
async function openTrack({ vault, isShared }: LinePlace, id: string, sealed: string): Promise<Track | undefined> {
  if (isShared) return parsed(Track, sealed)
  try {
    return parsed(Track, await vault.open(voiceData.r2Key, id, Uint8Array.fromBase64(sealed)))
  } catch {
    return undefined
  }
}

/** A track as it is stored. */
export async function sealTrack({ vault, isShared }: LinePlace, id: string, track: Track): Promise<string> {
  const text = JSON.stringify(track)
  return isShared ? text : (await vault.seal(voiceData.r2Key, id, text)).toBase64()
}

/** Remembers a line in KV. A KV that fails costs the next request a look into R2, not this one an error. */
export async function putEntry(scope: RequestScope, place: LinePlace, entry: z.output<typeof Entry>): Promise<void> {
  const { index } = speechStorage(scope.config)
  await index
    .put(kvKeyOf(place), JSON.stringify(entry), { expirationTtl: lifetimeSeconds })
    .catch((error: unknown) => scope.report({ event: 'speech_not_indexed', ...describeFailure(error) }))
}

/** Deletes a line's bytes, and its entry where the line itself is gone, and reports what a store would not delete. */
export async function forgetLine(scope: RequestScope, r2Key: string, place?: LinePlace): Promise<void> {
  const { index, audio } = speechStorage(scope.config)
  const deletions = await Promise.allSettled([
    audio.delete([r2Key, trackKeyOf(r2Key)]),
    ...(place === undefined ? [] : [index.delete(kvKeyOf(place))]),
  ])
  for (const deletion of deletions) {
    if (deletion.status === 'rejected')
      scope.report({ event: 'speech_not_forgotten', ...describeFailure(deletion.reason) })
  }
}

function parsed<T extends z.ZodType>(schema: T, text: string | null): z.output<T> | undefined {
  if (text === null) return undefined
  try {
    return schema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
