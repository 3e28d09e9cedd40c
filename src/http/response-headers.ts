import type { MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import type { AppContext, AppEnv } from '#src/http/context.ts'

const always = {
  'X-Content-Type-Options': 'nosniff',
  'Strict-Transport-Security': 'max-age=63072000; includeSubDomains',
}
const contentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'"

/** The headers that every answer has; what says nothing of caching is not cached. */
export const secureHeaders: MiddlewareHandler<AppEnv> = async (c, next) => {
  await next()
  // Set on the answer itself: `c.header` copies an answer that is made already, once for each header.
  const { headers } = c.res
  for (const [name, value] of Object.entries(always)) headers.set(name, value)
  // A page has policies of its own.
  if (!headers.has('Referrer-Policy')) headers.set('Referrer-Policy', 'no-referrer')
  if (!headers.has('Content-Security-Policy')) headers.set('Content-Security-Policy', contentSecurityPolicy)
  if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'no-store')
}

const allow = cors({
  origin: (origin, c: AppContext) => (c.get('config').ALLOWED_ORIGINS.includes(origin) ? origin : null),
  allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
  allowHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'If-None-Match', 'Last-Event-ID', 'Range'],
  exposeHeaders: [
    'Content-Disposition',
    'Content-Range',
    'ETag',
    'Retry-After',
    'Server-Timing',
    'X-Request-Id',
    'X-Speech-Cache',
    'X-Speech-Id',
    'x-vercel-ai-ui-message-stream',
  ],
  maxAge: 600,
})

/** Cross-origin reads for the exact origins of `ALLOWED_ORIGINS`, and for no other: with the session cookie, too. */
export const allowedOrigins: MiddlewareHandler<AppEnv> = async (c, next) => {
  const isOfAPage = c.req.method === 'OPTIONS' || c.req.header('Origin') !== undefined
  const answer = await (isOfAPage ? allow(c, next) : next())
  const { headers } = answer instanceof Response ? answer : c.res
  if (headers.has('Access-Control-Allow-Origin')) headers.set('Access-Control-Allow-Credentials', 'true')
  // An answer to an origin of the list has it already; one to any other origin must be kept apart from it all the same.
  if (headers.get('Vary')?.includes('Origin') !== true) headers.append('Vary', 'Origin')
  return answer
}
