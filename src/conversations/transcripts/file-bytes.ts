import { Problem } from '#src/http/problem.ts'

/** What one file may have. */
const mostFileBytes = 64 * 1_024 * 1_024

/** A body that is being read: what it begins with, and all of it, which nobody holds at once. */
export interface FileBytes {
  /** Some of its first bytes, as text. */
  readonly head: string
  readonly chunks: AsyncGenerator<Uint8Array>
}

const headBytes = 4_096

/** Opens a body. A byte order mark is no part of it; what passes 64 MiB ends it with `payload_too_large`. */
export async function openFile(body: ReadableStream<Uint8Array> | null): Promise<FileBytes> {
  const rest = boundedChunks(body)
  const first: Uint8Array[] = []
  for (let length = 0; length < headBytes; length += first.at(-1)?.length ?? 0) {
    const next = await rest.next()
    if (next.done === true) break
    first.push(next.value)
  }
  const bytes = Buffer.concat(first)
  const isMarked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  const whole = isMarked ? bytes.subarray(3) : bytes
  return { head: whole.subarray(0, headBytes).toString('utf8'), chunks: inOrder(whole, rest) }
}

async function* inOrder(first: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first
  yield* rest
}

async function* boundedChunks(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  let length = 0
  try {
    for await (const chunk of body ?? []) {
      length += chunk.length
      if (length > mostFileBytes) throw new Problem('payload_too_large', `The limit is ${mostFileBytes} bytes.`)
      yield chunk
    }
  } catch (error) {
    throw error instanceof Problem ? error : new Problem('malformed_body', 'The body was cut.', { cause: error })
  }
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Bytes as text. Throws `malformed_body` for what is not UTF-8. */
export function decoded(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes)
  } catch (error) {
    throw new Problem('malformed_body', 'It is not UTF-8.', { cause: error })
  }
}
