import { deflateSync } from 'node:zlib'
import { pngChunk, pngSignature } from '#src/personas/cards/png-chunks.ts'

const [width, height, shades] = [256, 384, 192]
const [top, bottom] = [
  [0x5b, 0x6c, 0xc9],
  [0xf2, 0xb8, 0xa0],
] as const

/** The picture of a card that has none: a gradient, 256 × 384 pixels in 192 colours, always the same. */
export function placeholderPng(): Uint8Array {
  const header = new DataView(new ArrayBuffer(13))
  header.setUint32(0, width)
  header.setUint32(4, height)
  // Eight bits, which are places in a palette.
  header.setUint8(8, 8)
  header.setUint8(9, 3)
  const palette = Uint8Array.from({ length: shades * 3 }, (_, at) => {
    const [from, to] = [top[at % 3] ?? 0, bottom[at % 3] ?? 0]
    return Math.round(from + ((to - from) * Math.floor(at / 3)) / (shades - 1))
  })
  const rows = new Uint8Array(height * (width + 1))
  for (let y = 0; y < height; y += 1) {
    // The byte before each row says that it is not filtered.
    rows.fill(Math.floor((y * shades) / height), y * (width + 1) + 1, (y + 1) * (width + 1))
  }
  return Buffer.concat([
    pngSignature,
    pngChunk('IHDR', new Uint8Array(header.buffer)),
    pngChunk('PLTE', palette),
    pngChunk('IDAT', deflateSync(rows, { level: 9 })),
    pngChunk('IEND', new Uint8Array()),
  ])
}
