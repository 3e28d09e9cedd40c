import { Problem } from '#src/http/problem.ts'
import { cardTextBytes, decodeCardText } from '#src/personas/cards/card.ts'
import { inflateBounded } from '#src/personas/cards/inflate.ts'
import { placeholderPng } from '#src/personas/cards/placeholder.ts'
import { checkCrc, pngChunk, pngChunksOf, pngSignature, type PngChunk } from '#src/personas/cards/png-chunks.ts'

const keywords = ['ccv3', 'chara']
const textTypes: ReadonlySet<string> = new Set(['tEXt', 'zTXt', 'iTXt'])
const base64Bytes = 4 * Math.ceil(cardTextBytes / 3)
// Room for line breaks within base64.
const packedBytes = base64Bytes + base64Bytes / 32

/**
 * The JSON text of the character card in a PNG: of `ccv3` before `chara`, in a tEXt, zTXt or iTXt chunk. Rejects with
 * `invalid_body` where there is none, `malformed_body` for what is no PNG, a wrong CRC, or text that is neither base64 nor
 * UTF-8, and `payload_too_large` beyond 10 MiB, or 2 MiB of JSON, however it is packed.
 */
export async function readPngCard(bytes: Uint8Array): Promise<string> {
  const chunks = pngChunksOf(bytes).filter(({ type }) => textTypes.has(type))
  const found = keywords.map((keyword) => chunks.find((chunk) => keywordOf(chunk) === keyword))
  const chunk = found.find((one) => one !== undefined)
  if (chunk === undefined) throw new Problem('invalid_body', 'The PNG holds no character card.')
  checkCrc(chunk)
  const content = contentOf(chunk)
  // Some programs write JSON itself where a chunk may hold UTF-8.
  if (chunk.type === 'iTXt' && /^\s*\{/.test(latin(content.subarray(0, 64)))) return decodeCardText(content)
  if (content.length > packedBytes)
    throw new Problem('payload_too_large', 'A character card may hold at most 2 MiB of JSON.')
  return decodeCardText(unpacked(latin(content)))
}

/**
 * A PNG that holds a card as V2 (`chara`) and as V3 (`ccv3`) before its end; every other chunk stays as it is, cards that
 * were there are gone. Without a PNG it is a placeholder. Throws as `readPngCard` does for what is no PNG.
 */
export function writePngCard(png: Uint8Array | undefined, v2Text: string, v3Text: string): Uint8Array {
  const others = pngChunksOf(png ?? placeholderPng()).filter((chunk) => !isCard(chunk))
  const kept = others.map(({ bytes }) => bytes)
  return Buffer.concat([
    pngSignature,
    ...kept.slice(0, -1),
    textChunk('chara', v2Text),
    textChunk('ccv3', v3Text),
    ...kept.slice(-1),
  ])
}

const isCard = (chunk: PngChunk) => textTypes.has(chunk.type) && keywords.includes(keywordOf(chunk))

const textChunk = (keyword: string, text: string) =>
  pngChunk('tEXt', new TextEncoder().encode(`${keyword}\0${new TextEncoder().encode(text).toBase64()}`))

const latin = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')

/** The keyword of a text chunk in lower case; SillyTavern reads it in either. */
function keywordOf({ data }: PngChunk): string {
  const end = data.subarray(0, 80).indexOf(0)
  return latin(data.subarray(0, Math.max(0, end))).toLowerCase()
}

/** The bytes that a text chunk holds, inflated where they are deflated (PNG 3rd edition §11.3.3). */
function contentOf({ type, data }: PngChunk): Uint8Array {
  const rest = data.subarray(data.indexOf(0) + 1)
  if (type === 'tEXt') return rest
  if (type === 'zTXt') return rest[0] === 0 ? inflated(rest.subarray(1)) : unreadable()
  const languageEnd = rest.indexOf(0, 2)
  const start = languageEnd < 0 ? -1 : rest.indexOf(0, languageEnd + 1)
  if (start < 0) return unreadable()
  const text = rest.subarray(start + 1)
  if (rest[0] === 0) return text
  return rest[0] === 1 && rest[1] === 0 ? inflated(text) : unreadable()
}

function unreadable(): never {
  throw new Problem('malformed_body', 'The chunk of the card is not as PNG has it.')
}

function inflated(bytes: Uint8Array): Uint8Array {
  const content = inflateBounded(bytes, 'zlib', packedBytes)
  if (content === undefined)
    throw new Problem('payload_too_large', 'The card is packed wrongly or holds more than 2 MiB.')
  return content
}

function unpacked(base64: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(base64)
  } catch (error) {
    throw new Problem('malformed_body', 'The card in the PNG is not base64.', { cause: error })
  }
}
