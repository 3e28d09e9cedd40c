import type { Parser } from '#src/speech/meters/byte-feed.ts'
import { uintOf } from '#src/speech/meters/bytes.ts'

/** The start of an EBML element (RFC 8794 §4 to §6). */
export interface Element {
  /** With its length marker. */
  readonly name: number
  /** Of its content, in bytes; undefined where it is unknown. */
  readonly size: number | undefined
  readonly headerBytes: number
}

/** The element that starts here; undefined where none can. */
export function* elementAhead(): Parser<Element | undefined> {
  const nameBytes = vintBytes(yield { see: 1 }, 0)
  if (nameBytes > 4) return undefined
  const sizeBytes = vintBytes(yield { see: nameBytes + 1 }, nameBytes)
  if (sizeBytes > 8) return undefined
  const headerBytes = nameBytes + sizeBytes
  const header = yield { see: headerBytes }
  const size = header.subarray(nameBytes, headerBytes)
  const highest = 2 ** (8 - sizeBytes) - 1
  const isUnknown = ((size[0] ?? 0) & highest) === highest && size.subarray(1).every((byte) => byte === 0xff)
  return {
    name: uintOf(header.subarray(0, nameBytes)),
    size: isUnknown ? undefined : vintOf(size),
    headerBytes,
  }
}

/** RFC 8794 §4.3: the value of a whole variable-size integer, without its length marker. */
export const vintOf = (bytes: Uint8Array): number =>
  uintOf(bytes.with(0, (bytes[0] ?? 0) & (2 ** Math.max(0, 8 - bytes.length) - 1)))

/** RFC 8794 §4.1: as many bytes as there are zero bits before the first one, and one; 9 where all are zero. */
export const vintBytes = (bytes: Uint8Array, at: number): number => Math.clz32(bytes[at] ?? 0) - 23
