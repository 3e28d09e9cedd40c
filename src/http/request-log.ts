import type { MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import { v7 as uuidv7 } from 'uuid'
import type { AppContext, AppEnv } from '#src/http/context.ts'
import { Problem } from '#src/http/problem.ts'

/**
 * Names the request (`X-Request-Id`), says its flights (`Server-Timing`) and writes its one log line: route, status,
 * time, flights, and of a failure its name, SQLSTATE, constraint and stack frames. Never a message, a query string, a
 * token or a person's words.
 */
export const logRequests: MiddlewareHandler<AppEnv> = async (c, next) => {
  const startedAt = Date.now()
  const requestId = uuidv7()
  c.set('requestId', requestId)
  await next()
  const flights = c.var.scope?.database.flights ?? 0
  c.header('X-Request-Id', requestId)
  c.header('Server-Timing', `db;desc="${flights} ${flights === 1 ? 'flight' : 'flights'}"`)
  const line = {
    request_id: requestId,
    method: c.req.method,
    route: routePath(c, -1),
    status: c.res.status,
    duration_ms: Date.now() - startedAt,
    flights,
    ...describeFailure(c),
  }
  // oxlint-disable-next-line no-console -- the log
  console.log(JSON.stringify(line))
}

function describeFailure(c: AppContext): Record<string, unknown> {
  const { failure } = c.var
  if (failure === undefined) return {}
  const code = failure instanceof Problem ? failure.code : 'internal'
  if (c.res.status < 500) return { problem: code }
  return { problem: code, failure: describeError(failure) }
}

/** What may be told of an error. Messages are left out: a driver's or a parser's repeats what it was given. */
function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error }
  const { code, constraint } = error as Error & { code?: unknown; constraint?: unknown }
  return {
    name: error.name,
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof constraint === 'string' ? { constraint } : {}),
    stack: error.stack?.split('\n').filter((line) => /^\s+at /.test(line)),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  }
}
