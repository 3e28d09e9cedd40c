import { matchesETag } from '#src/http/edge-cache.ts'
import { Problem } from '#src/http/problem.ts'
import type { RequestScope } from '#src/db/scope.ts'
import { parseRange, type ByteRange } from '#src/voice/byte-range.ts'
import { readSignedAudio, type SignedAudio } from '#src/voice/signed-audio.ts'
import { speechStorage } from '#src/voice/speech-cache.ts'

/** What a player's request says of the part that it wants. */
export interface AudioRequest {
  readonly id: string
  readonly token: string
  readonly method: string
  readonly range: string | undefined
  readonly ifRange: string | undefined
  readonly ifNoneMatch: string | undefined
}

type AudioScope = Pick<RequestScope, 'config' | 'defer'>

/**
 * The audio that a signed URL names, whole or one byte range of it (RFC 9110 §14). It touches no database: the URL is the
 * permission. Lines that everybody may hear are answered from the edge's cache where it has them. Throws `not_found` for a URL
 * that is altered, expired, or whose audio is gone, `range_not_satisfiable` and `unavailable`.
 */
export async function getAudio(scope: AudioScope, request: AudioRequest): Promise<Response> {
  const audio = await readSignedAudio(scope.config, request.id, request.token)
  if (audio === undefined) throw new Problem('not_found')
  const headers = audioHeaders(request.id, audio)
  const etag = etagOf(request.id)
  if (matchesETag(request.ifNoneMatch, etag)) return new Response(null, { status: 304, headers })
  const isCurrent = request.ifRange === undefined || request.ifRange === etag
  // A range is of a GET only (RFC 9110 §14.2).
  const range = isCurrent && request.method === 'GET' ? parseRange(request.range, audio.size) : undefined
  const length = range === undefined ? audio.size : range.last - range.first + 1
  headers.set('Content-Length', String(length))
  if (range !== undefined) headers.set('Content-Range', `bytes ${range.first}-${range.last}/${audio.size}`)
  const status = range === undefined ? 200 : 206
  if (request.method === 'HEAD') {
    await fromBucket(async () => await speechStorage(scope.config).audio.head(audio.key), audio)
    return new Response(null, { status, headers })
  }
  const body = audio.isShared
    ? await readShared(scope, request.id, audio, range)
    : await readPart(scope, audio, length, range)
  return new Response(body, { status, headers })
}

async function readPart({ config }: AudioScope, audio: SignedAudio, length: number, range: ByteRange | undefined) {
  const part = range === undefined ? {} : { range: { offset: range.first, length } }
  const object = await fromBucket(async () => await speechStorage(config).audio.get(audio.key, part), audio)
  return object.body.pipeThrough(new FixedLengthStream(length))
}

/** Greetings are short: the edge keeps them whole, under a name without a token, and parts are cut from that. */
async function readShared(scope: AudioScope, id: string, audio: SignedAudio, range: ByteRange | undefined) {
  const name = new Request(`${scope.config.PUBLIC_ORIGIN ?? 'https://shared.invalid'}/voice/audio/${id}`)
  const cached = await caches.default.match(name)
  const whole =
    cached ?? new Response(await readPart(scope, audio, audio.size, undefined), { headers: audioHeaders(id, audio) })
  if (cached === undefined) {
    const kept = whole.clone()
    scope.defer(caches.default.put(name, kept).catch(() => undefined))
  }
  return range === undefined ? whole.body : (await whole.arrayBuffer()).slice(range.first, range.last + 1)
}

async function fromBucket<T extends R2Object>(read: () => Promise<T | null>, { size }: SignedAudio): Promise<T> {
  let object: T | null
  try {
    object = await read()
  } catch (error) {
    throw new Problem('unavailable', 'The audio could not be read.', { cause: error })
  }
  // An id is never written twice: other bytes than were signed are damage.
  if (object?.size !== size) throw new Problem('not_found')
  return object
}

// The bytes of an id never change.
const etagOf = (id: string) => `"${id}"`

const audioHeaders = (id: string, { type, isShared }: SignedAudio) =>
  new Headers({
    'Content-Type': type,
    'Accept-Ranges': 'bytes',
    'Cache-Control': isShared ? 'public, max-age=31536000, immutable' : 'private, max-age=3600',
    ETag: etagOf(id),
  })
