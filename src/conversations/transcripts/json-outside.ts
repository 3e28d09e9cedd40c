import { decoded } from '#src/conversations/transcripts/file-bytes.ts'
import { Problem } from '#src/http/problem.ts'

/** What a file may have around its objects, which is a head. */
const mostOutside = 64 * 1_024

const codesOf = (text: string) => new Set(new TextEncoder().encode(text))
const spaces = codesOf(' \t\r\n')
const marks = codesOf('[]{},:" ')
const [quote = 0] = codesOf('"')
const [comma = 0] = codesOf(',')
const [space = 0] = codesOf(' ')
const nothing = new TextEncoder().encode('null')

/** The JSON around the objects of a list, with one null in the place of all that follow one another. */
export class JsonOutside {
  readonly #bytes = new Uint8Array(mostOutside)
  #length = 0
  /** Where the newest string begins, and where the newest null ends. */
  #stringFrom = 0
  #itemTo: number | undefined

  /** Takes a byte outside of strings. White space is left out, unless it parts two words. */
  mark(byte: number): void {
    if (byte === quote) this.#stringFrom = this.#length
    if (!spaces.has(byte)) this.text(Uint8Array.of(byte))
    else if (!marks.has(this.#bytes[this.#length - 1] ?? space) && this.#length !== this.#itemTo) {
      this.text(Uint8Array.of(space))
    }
  }

  /** Takes what a string has behind its first quote. Throws `malformed_body` for more than a head would have. */
  text(bytes: Uint8Array): void {
    if (this.#length + bytes.length > mostOutside) {
      throw new Problem('malformed_body', 'The file is no list of conversations.')
    }
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** Says that an object stands here. One that a comma parts from the one before needs no null of its own. */
  item(): void {
    const isNext = this.#length - 1 === this.#itemTo && this.#bytes[this.#length - 1] === comma
    if (isNext) this.#length -= 1
    else this.text(nothing)
    this.#itemTo = this.#length
  }

  /** Whether it ends with the newest string and then `rest`, and that string is `name`, written without an escape. */
  endsWith(name: string, rest: string): boolean {
    const wanted = new TextEncoder().encode(`"${name}"${rest}`)
    if (this.#length - this.#stringFrom !== wanted.length) return false
    return wanted.every((byte, at) => this.#bytes[this.#stringFrom + at] === byte)
  }

  toString(): string {
    return decoded(this.#bytes.subarray(0, this.#length))
  }
}
