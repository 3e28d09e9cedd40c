import type { MiddlewareHandler } from 'hono'
import { readBounded } from '#src/http/bounded-body.ts'
import type { AppEnv } from '#src/http/context.ts'
import { Problem } from '#src/http/problem.ts'
import { parseStrictJson } from '#src/http/strict-json.ts'

/**
 * Reads a JSON body (RFC 8259) strictly and bounded, before any handler sees it. Throws `unsupported_media_type`,
 * `payload_too_large` (counted on the stream, whatever Content-Length says) or `malformed_body`: not UTF-8, a byte
 * order mark, or not strict JSON.
 */
export function readJsonBody(mostBytes: number): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const mediaType = c.req.header('Content-Type')?.split(';', 1)[0]?.trim().toLowerCase()
    if (mediaType !== 'application/json') throw new Problem('unsupported_media_type', 'It must be application/json.')
    const bytes = await readBounded(c.req.raw.body, mostBytes)
    if (bytes === undefined) throw new Problem('payload_too_large', `The limit is ${mostBytes} bytes.`)
    const text = decode(bytes)
    parseStrictJson(text)
    c.req.raw = new Request(c.req.raw, { body: text, method: c.req.raw.method })
    await next()
  }
}

function decode(bytes: Uint8Array): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    if (text.startsWith('\uFEFF')) throw new Problem('malformed_body', 'A byte order mark is not allowed.')
    return text
  } catch (error) {
    if (error instanceof Problem) throw error
    throw new Problem('malformed_body', 'The body is not UTF-8.', { cause: error })
  }
}
