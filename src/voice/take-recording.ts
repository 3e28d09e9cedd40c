import { withDeadline } from '#src/http/deadline.ts'
import { joined } from '#src/http/bounded-body.ts'
import type { Config } from '#src/config.ts'
import { Problem } from '#src/http/problem.ts'
import { contentTypeOf, formatHeadBytes, formatOf, type AudioFormat } from '#src/speech/audio-format.ts'
import { audioMeter, type AudioMeter } from '#src/speech/audio-meter.ts'
import { AudioWriter } from '#src/voice/audio-writer.ts'

const stallMs = 30_000
// What was set aside for it is given back by the sweep later than this.
const mostMs = 5 * 60_000

/** A recording as it lies in the bucket. */
export interface TakenRecording {
  readonly format: AudioFormat
  readonly bytes: number
  readonly durationMs: number
  /** SHA-256. */
  readonly hash: Uint8Array
}

/**
 * Stores an upload as it comes and measures it, whatever its headers say. Throws `unsupported_media_type` where its first bytes
 * are of no audio that is taken, `payload_too_large` beyond RECORDING_BYTES or RECORDING_SECONDS, `malformed_body` where it is cut
 * or no audio after all, `deadline_exceeded` where nothing comes for 30 s or it is not over after five minutes, `unavailable`. Nothing of it is kept then.
 */
export async function takeRecording(
  config: Config,
  bucket: R2Bucket,
  key: string,
  body: ReadableStream<Uint8Array> | null,
): Promise<TakenRecording> {
  const pieces = readPieces(config, body)
  const head = await readHead(pieces)
  const format = formatOf(head)
  if (format === undefined) {
    throw new Problem('unsupported_media_type', 'It must be WAV, MP3, Opus in Ogg, WebM or MP4 audio.')
  }
  const writer = new AudioWriter(bucket, key, contentTypeOf[format])
  const digest = new crypto.DigestStream('SHA-256')
  const hashing = digest.getWriter()
  const meter = audioMeter(format)
  const take = async (piece: Uint8Array) => {
    meter.push(piece)
    checkLength(config, meter)
    await Promise.all([writer.write(piece), hashing.write(piece)])
  }
  try {
    await take(head)
    for await (const piece of pieces) await take(piece)
    const durationMs = meter.durationMs()
    if (durationMs === undefined || durationMs === 0 || !meter.isWhole()) {
      throw new Problem('malformed_body', 'The audio is cut, or holds no sound.')
    }
    const { bytes, isStored } = await writer.close()
    if (!isStored) throw new Problem('unavailable', 'The audio could not be stored.')
    await hashing.close()
    return { format, bytes, durationMs: Math.round(durationMs), hash: new Uint8Array(await digest.digest) }
  } catch (error) {
    digest.digest.catch(() => undefined)
    await Promise.allSettled([writer.abort(), hashing.abort(error)])
    throw error
  }
}

function checkLength({ RECORDING_SECONDS: most }: Config, meter: AudioMeter): void {
  if ((meter.durationMs() ?? 0) > most * 1_000) throw new Problem('payload_too_large', `The limit is ${most} seconds.`)
}

async function* readPieces(
  { RECORDING_BYTES: most }: Config,
  body: ReadableStream<Uint8Array> | null,
): AsyncGenerator<Uint8Array> {
  if (body === null) return
  const reader = body.getReader()
  const endBy = Date.now() + mostMs
  let length = 0
  while (true) {
    const { done, value } = await withDeadline(
      reader.read(),
      Math.min(stallMs, Math.max(0, endBy - Date.now())),
      () => void reader.cancel().catch(() => undefined),
    )
    if (done) return
    length += value.length
    if (length > most) throw new Problem('payload_too_large', `The limit is ${most} bytes.`)
    yield value
  }
}

async function readHead(pieces: AsyncGenerator<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  while (length < formatHeadBytes) {
    const { done, value } = await pieces.next()
    if (done === true) break
    chunks.push(value)
    length += value.length
  }
  return joined(chunks, length)
}
