declare module 'pg/lib/utils.js' {
  /** Encodes a parameter as pg does when it sends a query: text, bytes or null. Throws for what it cannot encode. */
  export function prepareValue(value: unknown): string | Buffer | null
}
