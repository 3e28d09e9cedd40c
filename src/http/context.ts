import type { Context } from 'hono'
import type { Config, Env } from '#src/config.ts'
import { openDatabase } from '#src/db/connect.ts'
import { writeLog, type LogLine } from '#src/http/log.ts'
import type { Caller, RequestScope } from '#src/db/scope.ts'

/**
 * What every request carries, to be read with `c.get`, since Hono's `c.var` copies all of it each time. `scope` is made
 * when the database is first needed, `caller` by the session guard.
 */
export interface AppEnv {
  Bindings: Env
  Variables: {
    config: Config
    requestId: string
    scope?: RequestScope
    caller?: Caller
    /** What went wrong, for the log; the client sees the problem only. */
    failure?: unknown
    /** Whether a person in a browser reads the answer, so that a problem is told as a page. */
    isPage?: boolean
    /** Whether a client of the OpenAI API reads the answer, so that a problem says what that expects, too. */
    isOpenAiDialect?: boolean
  }
}

export type AppContext = Context<AppEnv>

/** The scope of this request. Throws `not_configured` when no database is bound. */
export function scopeOf(c: AppContext): RequestScope {
  const known = c.get('scope')
  if (known !== undefined) return known
  const [config, requestId] = [c.get('config'), c.get('requestId')]
  const scope = {
    config,
    database: openDatabase(config),
    requestId,
    defer: (work: Promise<unknown>) => c.executionCtx.waitUntil(work),
    report: (line: LogLine) => writeLog({ request_id: requestId, ...line }),
  }
  c.set('scope', scope)
  return scope
}

/** Who is asking. Only routes behind the session guard may call it. */
export function callerOf(c: AppContext): Caller {
  const caller = c.get('caller')
  if (caller === undefined) throw new Error('the route has no session guard')
  return caller
}

/** Who is asking, where a session is welcome but not needed. A visitor's answer may be shared with every other's. */
export function askerOf(c: AppContext): { asker: Caller | RequestScope; isVisitor: boolean } {
  const caller = c.get('caller')
  return { asker: caller ?? scopeOf(c), isVisitor: caller === undefined }
}
