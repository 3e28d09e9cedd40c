import { decoded } from '#src/conversations/transcripts/file-bytes.ts'
import { mostItemBytes } from '#src/conversations/transcripts/json-items.ts'
import { Problem } from '#src/http/problem.ts'

const newline = 0x0a

/** The lines of a file, without what ends them. Throws `payload_too_large` for one that nothing could hold, and `malformed_body`. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of chunks) {
    let from = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, from)) {
      parts.push(chunk.subarray(from, end))
      yield textOf(parts)
      parts = []
      length = 0
      from = end + 1
    }
    parts.push(chunk.slice(from))
    length += chunk.length - from
    if (length > mostItemBytes) throw new Problem('payload_too_large', `It is longer than ${mostItemBytes} bytes.`)
  }
  yield textOf(parts)
}

const textOf = (parts: readonly Uint8Array[]) => decoded(Buffer.concat(parts)).replace(/\r$/, '')
