/** What a parser asks for: sight of the next bytes, at least so many; or that so many go by, which need not be kept. */
type Wish = { readonly see: number } | { readonly pass: number }

/**
 * A parser yields wishes. A `see` is answered with all bytes at hand, at least as many as it asked for, which it may read
 * until its next wish and which stay where they are; a `pass` with none of meaning. A parser that returns ends the
 * reading: what comes after is dropped.
 */
export type Parser<Result = void> = Generator<Wish, Result, Uint8Array>

export interface ByteFeed {
  readonly push: (chunk: Uint8Array) => void
  /** How many bytes were pushed. */
  pushedBytes(): number
  /** How many bytes are at hand that the parser has not let go by. */
  unreadBytes(): number
  /** How many bytes the parser lets go by that have not come. */
  owedBytes(): number
  /** Whether the parser has let go by exactly what was pushed, and has not ended. */
  isAtRest(): boolean
}

const pieceBytes = 65_536
const nothing = new Uint8Array()

/** Feeds a parser from chunks of any length; it keeps what the parser waits to see and one piece of a chunk. */
export function byteFeed(parser: Parser): ByteFeed {
  const queue = byteQueue()
  let [pushed, owed, needed, hasEnded] = [0, 0, 0, false]

  function wishFor(seen: Uint8Array): void {
    const { value, done } = parser.next(seen)
    if (done === true) {
      hasEnded = true
      queue.clear()
    } else if ('see' in value) needed = value.see
    else [owed, needed] = [value.pass, 0]
  }

  function take(piece: Uint8Array): void {
    if (hasEnded) return
    const passing = Math.min(owed, piece.length)
    owed -= passing
    queue.append(piece.subarray(passing))
    while (!hasEnded && owed === 0 && queue.length() >= needed) {
      wishFor(needed === 0 ? nothing : queue.bytes())
      const gone = Math.min(owed, queue.length())
      queue.drop(gone)
      owed -= gone
    }
    queue.compact()
  }

  wishFor(nothing)
  return {
    push(chunk) {
      pushed += chunk.length
      for (let at = 0; at < chunk.length; at += pieceBytes) take(chunk.subarray(at, at + pieceBytes))
    },
    pushedBytes: () => pushed,
    unreadBytes: () => queue.length(),
    owedBytes: () => owed,
    isAtRest: () => !hasEnded && owed === 0 && queue.length() === 0,
  }
}

/** Bytes in a buffer that grows by doubling and drops what is read once that is the larger part: each is copied O(1) times. */
function byteQueue() {
  let [buffer, start, end] = [nothing, 0, 0]
  return {
    length: () => end - start,
    bytes: () => buffer.subarray(start, end),
    append(bytes: Uint8Array) {
      if (end + bytes.length > buffer.length) {
        const larger = new Uint8Array(Math.max(2 * (end - start), end - start + bytes.length))
        larger.set(buffer.subarray(start, end))
        ;[buffer, start, end] = [larger, 0, end - start]
      }
      buffer.set(bytes, end)
      end += bytes.length
    },
    drop(count: number) {
      start += count
    },
    compact() {
      if (start > 0 && start >= end - start) [buffer, start, end] = [buffer.slice(start, end), 0, end - start]
    },
    clear() {
      ;[buffer, start, end] = [nothing, 0, 0]
    },
  }
}
