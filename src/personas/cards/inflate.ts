import { inflateRawSync, inflateSync } from 'node:zlib'

/**
 * Inflates zlib (RFC 1950) or raw DEFLATE (RFC 1951) data into at most `mostBytes`: what would be longer is given up as
 * soon as it is. Answers undefined where the data is longer or broken.
 */
export function inflateBounded(bytes: Uint8Array, format: 'zlib' | 'raw', mostBytes: number): Uint8Array | undefined {
  const options = { maxOutputLength: Math.max(1, mostBytes) }
  try {
    const inflated = format === 'raw' ? inflateRawSync(bytes, options) : inflateSync(bytes, options)
    return inflated.length > mostBytes ? undefined : inflated
  } catch {
    return undefined
  }
}
