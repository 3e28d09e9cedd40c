import { crc32 } from 'node:zlib'
import { Problem } from '#src/http/problem.ts'

/** A chunk of a PNG (PNG 3rd edition §5.3): its data, and all of its bytes with length, type and CRC. */
export interface PngChunk {
  readonly type: string
  readonly data: Uint8Array
  readonly bytes: Uint8Array
}

export const pngSignature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)
const pngBytes = 10 * 1_024 * 1_024
const mostChunks = 50_000
const frameBytes = 12

/**
 * The chunks of a PNG from IHDR to IEND; what follows IEND is no part of it. Throws `payload_too_large` beyond 10 MiB and
 * `malformed_body` for what is no PNG: no signature, a length beyond the end, no IHDR first, no IEND, an IHDR that its CRC
 * does not fit.
 */
export function pngChunksOf(png: Uint8Array): readonly PngChunk[] {
  if (png.length > pngBytes) throw new Problem('payload_too_large', 'A PNG may hold at most 10 MiB.')
  if (!pngSignature.every((byte, index) => png[index] === byte))
    throw new Problem('malformed_body', 'This is not a PNG.')
  const chunks: PngChunk[] = []
  for (let at = pngSignature.length; chunks.at(-1)?.type !== 'IEND';) {
    const chunk = chunkAt(png, at)
    chunks.push(chunk)
    if (chunks.length > mostChunks) throw new Problem('malformed_body', 'The PNG has too many chunks.')
    at += chunk.bytes.length
  }
  const [header] = chunks
  if (header?.type !== 'IHDR' || header.data.length !== 13) throw new Problem('malformed_body', 'The PNG has no IHDR.')
  checkCrc(header)
  return chunks
}

function chunkAt(png: Uint8Array, at: number): PngChunk {
  if (at + frameBytes > png.length) throw new Problem('malformed_body', 'The PNG ends before its end.')
  const view = new DataView(png.buffer, png.byteOffset + at, png.length - at)
  const length = view.getUint32(0)
  const type = String.fromCodePoint(...png.subarray(at + 4, at + 8))
  if (!/^[A-Za-z]{4}$/.test(type)) throw new Problem('malformed_body', 'A chunk of the PNG has no type.')
  if (length > png.length - at - frameBytes) {
    throw new Problem('malformed_body', 'A chunk of the PNG is longer than the rest of it.')
  }
  const bytes = png.subarray(at, at + frameBytes + length)
  return { type, data: bytes.subarray(8, 8 + length), bytes }
}

/** Throws `malformed_body` where a chunk's CRC does not fit its type and data. */
export function checkCrc({ type, bytes }: PngChunk): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (crc32(bytes.subarray(4, -4)) !== view.getUint32(bytes.length - 4)) {
    throw new Problem('malformed_body', `The CRC of the PNG's ${type} chunk is wrong.`)
  }
}

/** A chunk's bytes. */
export function pngChunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(frameBytes + data.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, data.length)
  bytes.set(new TextEncoder().encode(type), 4)
  bytes.set(data, 8)
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, -4)))
  return bytes
}
