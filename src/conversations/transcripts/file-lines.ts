import { decoded } from '#src/conversations/transcripts/file-bytes.ts'
import { mostItemBytes } from '#src/conversations/transcripts/json-items.ts'

const newline = 0x0a
const isSpace = (byte: number | undefined) => byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === newline

/** A line of a file that is not blank, counted from one; without its text where that is longer than a conversation may be. */
export interface FileLine {
  readonly number: number
  readonly text: string | undefined
}

/** The lines of a file, without the white space before them. Throws `malformed_body` for what is not UTF-8. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<FileLine> {
  let number = 1
  let parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.length;) {
      // Blank lines are many where somebody means harm: each is only counted.
      if (length === 0) {
        for (; isSpace(chunk[from]); from += 1) if (chunk[from] === newline) number += 1
      }
      if (from === chunk.length) break
      const end = chunk.indexOf(newline, from)
      const part = end === -1 ? chunk.slice(from) : chunk.subarray(from, end)
      length += part.length
      if (length <= mostItemBytes) parts.push(part)
      else parts = []
      from += part.length + 1
      if (end === -1) continue
      yield { number, text: textOf(parts, length) }
      number += 1
      parts = []
      length = 0
    }
  }
  if (length > 0) yield { number, text: textOf(parts, length) }
}

const textOf = (parts: readonly Uint8Array[], length: number) =>
  length > mostItemBytes ? undefined : decoded(Buffer.concat(parts))
