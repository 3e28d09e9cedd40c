import type { AppContext } from '#src/http/context.ts'

/**
 * Answers a public read from the edge's cache, with an ETag (RFC 9110 §8.8.3) and 304; `make` runs on a miss only. The
 * answer may be as old as `seconds`. Nothing that depends on who asks may go through here.
 */
export async function cachedAtEdge(c: AppContext, seconds: number, make: () => Promise<unknown>): Promise<Response> {
  const key = new Request(c.req.url)
  const cached = await caches.default.match(key)
  const answer = cached ?? (await freshAnswer(seconds, make))
  if (cached === undefined) c.executionCtx.waitUntil(caches.default.put(key, answer.clone()))
  const etag = answer.headers.get('ETag') ?? ''
  if (!matchesETag(c.req.header('If-None-Match'), etag)) return new Response(answer.body, answer)
  return new Response(null, {
    status: 304,
    headers: { ETag: etag, 'Cache-Control': cacheControl(seconds), Vary: 'Authorization, Cookie' },
  })
}

async function freshAnswer(seconds: number, make: () => Promise<unknown>): Promise<Response> {
  const body = JSON.stringify(await make())
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(body))
  const headers = {
    'Content-Type': 'application/json',
    'Cache-Control': cacheControl(seconds),
    // With a credential the same URL answers differently: a browser must not keep one for the other.
    Vary: 'Authorization, Cookie',
    ETag: `"${new Uint8Array(digest).subarray(0, 16).toHex()}"`,
  }
  return new Response(body, { headers })
}

const cacheControl = (seconds: number) => `public, max-age=${seconds}`

/** Whether an If-None-Match header names the tag (weak comparison, RFC 9110 §13.1.2). */
export function matchesETag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  return header.trim() === '*' || header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
}
