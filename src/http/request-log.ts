import type { MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import { v7 as uuidv7 } from 'uuid'
import type { AppEnv } from '#src/http/context.ts'
import { describeFailure, writeLog } from '#src/http/log.ts'

/**
 * Names the request (`X-Request-Id`), says its flights (`Server-Timing`) and writes its one log line: route, status,
 * time, flights, and of a failure its name, SQLSTATE, constraint and stack frames. Never a message, a query string, a
 * token or a person's words. Where LOG_REQUESTS says `failures`, what went well has no line.
 */
export const logRequests: MiddlewareHandler<AppEnv> = async (c, next) => {
  const startedAt = Date.now()
  const requestId = uuidv7()
  c.set('requestId', requestId)
  await next()
  const flights = c.get('scope')?.database.flights ?? 0
  c.res.headers.set('X-Request-Id', requestId)
  c.res.headers.set('Server-Timing', `db;desc="${flights} ${flights === 1 ? 'flight' : 'flights'}"`)
  const failure = c.get('failure')
  // Without a configuration there is a failure to tell.
  if (failure === undefined && c.get('config').LOG_REQUESTS === 'failures') return
  writeLog({
    request_id: requestId,
    method: c.req.method,
    route: routePath(c, -1),
    status: c.res.status,
    duration_ms: Date.now() - startedAt,
    flights,
    ...(failure === undefined ? {} : describeFailure(failure)),
  })
}
