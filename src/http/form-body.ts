import { readBounded } from '#src/http/bounded-body.ts'
import type { AppContext } from '#src/http/context.ts'
import { Problem } from '#src/http/problem.ts'

/**
 * The fields of a form (`application/x-www-form-urlencoded`) of at most so many bytes, each of them once. Throws
 * `unsupported_media_type`, `payload_too_large` or `malformed_body`.
 */
export async function readForm(c: AppContext, mostBytes: number): Promise<Readonly<Record<string, string>>> {
  const type = c.req.header('Content-Type')?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/x-www-form-urlencoded') throw new Problem('unsupported_media_type')
  const bytes = await readBounded(c.req.raw.body, mostBytes)
  if (bytes === undefined) throw new Problem('payload_too_large')
  return fieldsOf(new URLSearchParams(textOf(bytes)))
}

/** The fields of a query or form by name. Throws `malformed_body` where one comes twice, or is no text. */
export function fieldsOf(fields: URLSearchParams): Readonly<Record<string, string>> {
  const names = [...fields.keys()]
  const isOdd = [...fields.values(), ...names].some((text) => text.includes('\0') || text.includes('\u{fffd}'))
  if (isOdd || new Set(names).size !== names.length) throw new Problem('malformed_body')
  return Object.fromEntries(fields)
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw new Problem('malformed_body', undefined, { cause: error })
  }
}
