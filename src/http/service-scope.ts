import { v7 as uuidv7 } from 'uuid'
import { configOf, type Env } from '#src/config.ts'
import { openDatabase } from '#src/db/connect.ts'
import type { RequestScope } from '#src/db/scope.ts'
import { writeLog } from '#src/http/log.ts'

/** The scope of work that nobody asked for: a scheduled event, a step of a workflow. */
export function serviceScope(env: Env, context: Pick<ExecutionContext, 'waitUntil'>): RequestScope {
  const config = configOf(env)
  const requestId = uuidv7()
  return {
    config,
    database: openDatabase(config),
    requestId,
    defer: (work) => context.waitUntil(work),
    report: (line) => writeLog({ request_id: requestId, ...line }),
  }
}
