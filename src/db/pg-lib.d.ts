declare module 'pg/lib/utils.js' {
  /** Encodes a parameter as pg does when it sends a query: text, bytes or null. Throws for what it cannot encode. */
  export function prepareValue(value: unknown): string | Buffer | null
}

declare module 'pg/lib/stream.js' {
  import type { Duplex } from 'node:stream'

  /** The socket that fits the runtime: Node's own, or Cloudflare's, which lacks much of what a Duplex has. */
  export function getStream(ssl: unknown): Duplex
}
