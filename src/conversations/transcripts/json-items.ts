import { z } from 'zod'
import { decoded } from '#src/conversations/transcripts/file-bytes.ts'
import { JsonOutside } from '#src/conversations/transcripts/json-outside.ts'
import { joined } from '#src/http/bounded-body.ts'
import { Problem } from '#src/http/problem.ts'
import { parseStrictJson } from '#src/http/strict-json.ts'

/** What one conversation may take of a file, as the bytes that it has and the values that they make. */
export const mostItemBytes = 8 * 1_024 * 1_024
const mostValues = 600_000

const [quote, comma, openBracket, backslash, closeBracket, openBrace, closeBrace] = [
  0x22, 0x2c, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d,
]

/** Hears what stands around the objects, as it is before the first and in the end. It may throw. */
type OnAround = (around: unknown, isWhole: boolean) => void

/**
 * Finds the objects of one array in JSON that comes piece by piece: of the array that is all of it, or of the one that an
 * object has under `member`. Only where they begin and end is looked for; each is then read strictly as it stands, and in
 * the end so is all that was around them, with null in their places.
 */
export class JsonItems {
  readonly #member: string | undefined
  readonly #onAround: OnAround
  #depth = 0
  /** How deep the objects lie; undefined before their array has begun, and infinite after it. */
  #itemDepth: number | undefined
  #isInString = false
  #isEscaped = false
  readonly #outside = new JsonOutside()
  #item: Uint8Array[] = []
  #itemBytes = 0
  #values = 0

  constructor(member: string | undefined, onAround: OnAround = () => undefined) {
    this.#member = member
    this.#onAround = onAround
  }

  /**
   * The objects that end in the next piece, parsed. In the place of one that is too large or is not strict JSON stands the
   * problem. Throws `malformed_body`.
   */
  *take(chunk: Uint8Array): Generator {
    let from = 0
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? 0
      const wasInItem = this.#isInItem()
      if (this.#isInString) {
        const begin = at
        at = this.#endOfString(chunk, at)
        if (!wasInItem) this.#outside.text(chunk.subarray(begin, at + 1))
        continue
      }
      const event = this.#step(byte)
      if (event === 'begins') from = at
      else if (event === 'ends') {
        this.#keep(chunk.subarray(from, at + 1))
        yield this.#taken()
      } else if (!wasInItem) {
        this.#outside.mark(byte)
        if (event === 'opens') this.#open()
      }
    }
    if (this.#isInItem()) this.#keep(chunk.slice(from))
  }

  /** Says that nothing more comes. Throws `malformed_body` where that is no whole file. */
  finish(): void {
    if (this.#isInItem()) throw new Problem('malformed_body', 'The file ends in the middle of it.')
    const file = z.record(z.string(), z.unknown()).or(z.array(z.unknown())).parse(this.#around(''))
    if (this.#itemDepth === undefined) throw new Problem('malformed_body', 'The file has no list of conversations.')
    const list = Array.isArray(file) ? file : file[this.#member ?? '']
    if (!Array.isArray(list) || list.some((item) => item !== null)) {
      throw new Problem('invalid_body', 'The file lists something that is no conversation.')
    }
    this.#onAround(file, true)
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
    if (this.#depth !== this.#itemDepth) return undefined
    this.#values = 1
    return 'begins'
  }

  // Of an object with several lists it is the one of that name.
  #open(): void {
    if (this.#member !== undefined && !this.#outside.endsWith(this.#member, ':[')) return
    this.#onAround(this.#around(this.#member === undefined ? ']' : ']}'), false)
    this.#itemDepth = this.#depth + 1
  }

  #around(closing: string): unknown {
    return parseStrictJson(`${this.#outside.toString()}${closing}`)
  }

  // What is too large already is counted on, and held no more.
  #keep(bytes: Uint8Array): void {
    this.#itemBytes += bytes.length
    if (this.#excess() === undefined) this.#item.push(bytes)
    else this.#item = []
  }

  #excess(): Problem | undefined {
    if (this.#itemBytes > mostItemBytes) {
      return new Problem('payload_too_large', `It is longer than ${mostItemBytes} bytes.`)
    }
    if (this.#values <= mostValues) return undefined
    return new Problem('payload_too_large', `It holds more than ${mostValues} values.`)
  }

  #taken(): unknown {
    const excess = this.#excess()
    const bytes = excess === undefined ? joined(this.#item, this.#itemBytes) : new Uint8Array()
    this.#item = []
    this.#itemBytes = 0
    this.#outside.item()
    return excess ?? parsedOrProblem(decoded(bytes))
  }
}

/** What a text says; a problem, where it is JSON that is too large or not strict. Throws `malformed_body` where it is none. */
export function parsedOrProblem(text: string, mostOfThem = Infinity): unknown {
  try {
    return parseStrictJson(text, mostOfThem)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    if (error.code === 'payload_too_large') return error
    try {
      JSON.parse(text)
    } catch {
      throw error
    }
    return error
  }
}
