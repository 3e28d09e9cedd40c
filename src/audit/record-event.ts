import { sql } from 'drizzle-orm'
import type { ServiceAction, UserAction } from '#src/audit/actions.ts'
import type { Db, RequestScope } from '#src/db/scope.ts'

/** One entry to be. It holds no words, tokens, addresses or user ids: it outlives the person whom it is about. */
interface AuditEvent<Action extends string> {
  readonly action: Action
  /** What was acted upon, as `kind:id`. */
  readonly target?: string
  readonly details?: Readonly<Record<string, string | boolean>>
}

type UserEvent = AuditEvent<UserAction>
export type ServiceEvent = AuditEvent<ServiceAction>

type Request = Pick<RequestScope, 'requestId'>

/** Writes an entry to the caller's own chain, in the flight of `asUser` that does what it says. */
export const recordEvent = (db: Db, { requestId }: Request, event: UserEvent) =>
  db.execute(sql`select app.record_event(${valuesOf(event, requestId)})`)

/**
 * Writes an entry to a person's chain, or to the service's own for nobody, in the flight of `asService` that does what
 * it says.
 */
export const recordServiceEvent = (db: Db, { requestId }: Request, userId: string | null, event: ServiceEvent) =>
  db.execute(sql`select app.record_service_event(${userId}, ${valuesOf(event, requestId)})`)

const valuesOf = ({ action, target, details }: AuditEvent<string>, requestId: string | null) =>
  sql`${action}, ${target ?? null}, ${JSON.stringify(details ?? {})}::jsonb, ${requestId}`
