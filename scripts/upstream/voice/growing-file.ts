/** A file in memory with a position, as WASI's file calls need it. */
export interface GrowingFile {
  write(bytes: Uint8Array): void
  /** Moves the position, `whence` as in WASI: 0 from the start, 1 from here, 2 from the end. Returns the new position. */
  seek(offset: number, whence: number): number
  bytes(): Uint8Array
}

/** An empty file. */
export function createGrowingFile(): GrowingFile {
  let buffer = new Uint8Array(65_536)
  let length = 0
  let position = 0
  return {
    write: (bytes) => {
      const end = position + bytes.length
      if (end > buffer.length) {
        const larger = new Uint8Array(Math.max(end, buffer.length * 2))
        larger.set(buffer)
        buffer = larger
      }
      buffer.set(bytes, position)
      position = end
      length = Math.max(length, end)
    },
    seek: (offset, whence) => {
      position = offset + ([0, position, length][whence] ?? 0)
      return position
    },
    bytes: () => buffer.slice(0, length),
  }
}
