import { z } from 'zod'
import { decoded } from '#src/conversations/transcripts/file-bytes.ts'
import { joined } from '#src/http/bounded-body.ts'
import { Problem } from '#src/http/problem.ts'
import { parseStrictJson } from '#src/http/strict-json.ts'

/** What one conversation may take of a file, as the bytes that it has and the values that they make. */
export const mostItemBytes = 16 * 1_024 * 1_024
const mostValues = 1_000_000
const mostOutside = 1_024 * 1_024

const [quote, comma, openBracket, backslash, closeBracket, openBrace, closeBrace] = [
  0x22, 0x2c, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d,
]

/**
 * Finds the objects of one array in JSON that comes piece by piece: of the array that is all of it, or of the one that an
 * object has under `member`. Only where they begin and end is looked for; each is then read strictly as it stands, and in
 * the end so is all that was around them, with null in their places.
 */
export class JsonItems {
  readonly #member: string | undefined
  readonly #onOpen: (around: unknown) => void
  #depth = 0
  /** How deep the objects lie; undefined before their array has begun. */
  #itemDepth: number | undefined
  #isInString = false
  #isEscaped = false
  #outside = ''
  readonly #outsideUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  #item: Uint8Array[] = []
  #itemBytes = 0
  #values = 0

  /** `onOpen` hears, before the first object, what stands before the array; it may throw. */
  constructor(member: string | undefined, onOpen: (around: unknown) => void = () => undefined) {
    this.#member = member
    this.#onOpen = onOpen
  }

  /** The objects that end in the next piece, parsed. Throws `malformed_body` and, for one that is too large, `payload_too_large`. */
  *take(chunk: Uint8Array): Generator {
    let from = 0
    for (let at = 0; at < chunk.length; at += 1) {
      if (this.#isInString) {
        at = this.#endOfString(chunk, at)
        continue
      }
      const end = this.#step(chunk[at] ?? 0)
      if (end === 'begins') {
        this.#around(chunk.subarray(from, at))
        from = at
      } else if (end === 'opens') {
        this.#around(chunk.subarray(from, at + 1))
        from = at + 1
        this.#open()
      } else if (end === 'ends') {
        this.#keep(chunk.subarray(from, at + 1))
        from = at + 1
        yield this.#parse()
      }
    }
    if (this.#isInItem()) this.#keep(chunk.slice(from))
    else this.#around(chunk.subarray(from))
  }

  /** Says that nothing more comes. Throws `malformed_body` where that is no whole file. */
  finish(): void {
    if (this.#isInItem()) throw new Problem('malformed_body', 'The file ends in the middle of it.')
    const file = z.record(z.string(), z.unknown()).or(z.array(z.unknown())).parse(parseStrictJson(this.#outside))
    if (this.#itemDepth === undefined) throw new Problem('malformed_body', 'The file has no list of conversations.')
    const list = Array.isArray(file) ? file : file[this.#member ?? '']
    if (!Array.isArray(list) || list.some((item) => item !== null)) {
      throw new Problem('invalid_body', 'The file lists something that is no conversation.')
    }
  }

  #isInItem(): boolean {
    return this.#itemDepth !== undefined && this.#depth >= this.#itemDepth
  }

  /** Where the string that is open ends: at the first quote with an even number of backslashes before it, or in a later piece. */
  #endOfString(chunk: Uint8Array, from: number): number {
    for (let end = chunk.indexOf(quote, from); ; end = chunk.indexOf(quote, end + 1)) {
      const last = end === -1 ? chunk.length : end
      let first = last
      while (first > from && chunk[first - 1] === backslash) first -= 1
      const isEscaped = ((last - first) % 2 === 1) !== (first === from && this.#isEscaped)
      this.#isEscaped = end === -1 && isEscaped
      if (end === -1) return chunk.length
      if (!isEscaped) {
        this.#isInString = false
        return end
      }
    }
  }

  #step(byte: number): 'begins' | 'ends' | 'opens' | undefined {
    if (byte === quote) this.#isInString = true
    else if (byte === comma) this.#values += 1
    else if (byte === openBrace || byte === openBracket) return this.#deeper(byte)
    else if (byte === closeBrace || byte === closeBracket) {
      this.#depth -= 1
      if (this.#depth + 1 === this.#itemDepth) return 'ends'
      if (this.#itemDepth !== undefined && this.#depth + 2 === this.#itemDepth) this.#itemDepth = Infinity
    }
    return undefined
  }

  #deeper(byte: number): 'begins' | 'opens' | undefined {
    this.#depth += 1
    this.#values += 1
    if (this.#itemDepth === undefined) {
      const isThere = byte === openBracket && this.#depth === (this.#member === undefined ? 1 : 2)
      return isThere ? 'opens' : undefined
    }
    return this.#depth === this.#itemDepth ? 'begins' : undefined
  }

  // Of an object with several lists it is the one of that name.
  #open(): void {
    if (this.#member !== undefined && !this.#outside.endsWith(`"${this.#member}":[`)) return
    const closing = this.#member === undefined ? ']' : ']}'
    this.#onOpen(parseStrictJson(`${this.#outside}${closing}`))
    this.#itemDepth = this.#depth + 1
  }

  #around(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#outside += this.#decode(bytes).replaceAll(/[ \t\r\n]+/g, '')
    if (this.#outside.length > mostOutside) throw new Problem('malformed_body', 'The file is no list of conversations.')
  }

  // A character of it may end in the next piece.
  #decode(bytes: Uint8Array): string {
    try {
      return this.#outsideUtf8.decode(bytes, { stream: true })
    } catch (error) {
      throw new Problem('malformed_body', 'It is not UTF-8.', { cause: error })
    }
  }

  #keep(bytes: Uint8Array): void {
    this.#item.push(bytes)
    this.#itemBytes += bytes.length
    if (this.#itemBytes > mostItemBytes) {
      throw new Problem('payload_too_large', `It is longer than ${mostItemBytes} bytes.`)
    }
    if (this.#values > mostValues) throw new Problem('payload_too_large', `It holds more than ${mostValues} values.`)
  }

  #parse(): unknown {
    const text = decoded(joined(this.#item, this.#itemBytes))
    this.#item = []
    this.#itemBytes = 0
    this.#values = 0
    this.#outside += 'null'
    return parseStrictJson(text)
  }
}
