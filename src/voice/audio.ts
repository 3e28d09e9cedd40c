import { z } from 'zod'
import type { Config } from '#src/config.ts'
import { matchesETag } from '#src/http/edge-cache.ts'
import { Problem } from '#src/http/problem.ts'
import { parseRange, type ByteRange } from '#src/voice/byte-range.ts'
import { readSealedToken } from '#src/vault/sealed-token.ts'
import { speechStorage } from '#src/voice/speech-cache.ts'

const Grant = z.strictObject({ key: z.string() })

/** What a player's request says of the part that it wants. */
export interface AudioRequest {
  readonly id: string
  readonly token: string
  readonly method: string
  readonly range: string | undefined
  readonly ifRange: string | undefined
  readonly ifNoneMatch: string | undefined
}

/**
 * The audio that a signed URL names, whole or one byte range of it (RFC 9110 §14). It touches no database: the URL is
 * the permission. Throws `not_found` for a URL that is altered, expired, or whose audio is gone, `range_not_satisfiable`
 * and `unavailable`.
 */
export async function getAudio(config: Config, request: AudioRequest): Promise<Response> {
  const key = (await readSealedToken(config, 'audio', Grant, request.token))?.key
  if (key?.endsWith(`/${request.id}`) !== true) throw new Problem('not_found')
  const { audio } = speechStorage(config)
  const object = await fromBucket(audio.head(key))
  if (object === null) throw new Problem('not_found')
  const headers = audioHeaders(object)
  if (matchesETag(request.ifNoneMatch, object.httpEtag)) return new Response(null, { status: 304, headers })
  const isCurrent = request.ifRange === undefined || request.ifRange === object.httpEtag
  // A range is of a GET only (RFC 9110 §14.2).
  const range = isCurrent && request.method === 'GET' ? parseRange(request.range, object.size) : undefined
  if (range !== undefined) headers.set('Content-Range', `bytes ${range.first}-${range.last}/${object.size}`)
  const length = range === undefined ? object.size : range.last - range.first + 1
  headers.set('Content-Length', String(length))
  const body = request.method === 'HEAD' ? null : await readBody(audio, key, length, range)
  return new Response(body, { status: range === undefined ? 200 : 206, headers })
}

async function readBody(
  bucket: R2Bucket,
  key: string,
  length: number,
  range: ByteRange | undefined,
): Promise<ReadableStream> {
  const part = range === undefined ? {} : { range: { offset: range.first, length } }
  const object = await fromBucket(bucket.get(key, part))
  if (object === null) throw new Problem('not_found')
  return object.body.pipeThrough(new FixedLengthStream(length))
}

async function fromBucket<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading
  } catch (error) {
    throw new Problem('unavailable', 'The audio could not be read.', { cause: error })
  }
}

function audioHeaders(object: R2Object): Headers {
  return new Headers({
    'Content-Type': object.httpMetadata?.contentType ?? 'application/octet-stream',
    'Accept-Ranges': 'bytes',
    'Cache-Control': 'private, max-age=3600',
    ETag: object.httpEtag,
  })
}
