import { Problem } from '#src/http/problem.ts'

/** Both ends included. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

/**
 * The one range that a Range header asks of `size` bytes (RFC 9110 §14.2); undefined where the whole is to be sent: no
 * header, another unit, several ranges, or what does not parse. Throws `range_not_satisfiable`.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | undefined {
  const [, from, to] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '') ?? []
  if (from === undefined || to === undefined || (from === '' && to === '')) return undefined
  if (from === '') return suffix(Number(to), size)
  const first = Number(from)
  const last = to === '' ? size - 1 : Math.min(Number(to), size - 1)
  if (to !== '' && Number(to) < first) return undefined
  if (first >= size) throw notSatisfiable(size)
  return { first, last }
}

function suffix(length: number, size: number): ByteRange {
  if (length === 0 || size === 0) throw notSatisfiable(size)
  return { first: Math.max(0, size - length), last: size - 1 }
}

/** RFC 9110 §15.5.17: the answer says how long the whole is. */
const notSatisfiable = (size: number) =>
  new Problem('range_not_satisfiable', undefined, { headers: { 'Content-Range': `bytes */${size}` } })
