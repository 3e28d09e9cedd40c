import type { Context } from 'hono'
import type { Config, Env } from '#src/config.ts'
import { openDatabase } from '#src/db/connect.ts'
import { writeLog, type LogLine } from '#src/http/log.ts'
import type { Caller, RequestScope } from '#src/db/scope.ts'

/** What every request carries. `scope` is made when the database is first needed, `caller` by the session guard. */
export interface AppEnv {
  Bindings: Env
  Variables: {
    config: Config
    requestId: string
    scope?: RequestScope
    caller?: Caller
    /** What went wrong, for the log; the client sees the problem only. */
    failure?: unknown
  }
}

export type AppContext = Context<AppEnv>

/** The scope of this request. Throws `not_configured` when no database is bound. */
export function scopeOf(c: AppContext): RequestScope {
  const scope = c.var.scope ?? {
    config: c.var.config,
    database: openDatabase(c.var.config),
    requestId: c.var.requestId,
    defer: (work: Promise<unknown>) => c.executionCtx.waitUntil(work),
    report: (line: LogLine) => writeLog({ request_id: c.var.requestId, ...line }),
  }
  c.set('scope', scope)
  return scope
}

/** Who is asking. Only routes behind the session guard may call it. */
export function callerOf(c: AppContext): Caller {
  if (c.var.caller === undefined) throw new Error('the route has no session guard')
  return c.var.caller
}

/** Who is asking, where a session is welcome but not needed. A visitor's answer may be shared with every other's. */
export function askerOf(c: AppContext): { asker: Caller | RequestScope; isVisitor: boolean } {
  return { asker: c.var.caller ?? scopeOf(c), isVisitor: c.var.caller === undefined }
}
