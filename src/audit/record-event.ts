import { sql } from 'drizzle-orm'
import type { Db, RequestScope } from '#src/db/scope.ts'

/** What an entry may say happened. */
type AuditAction =
  | 'account.erasure_requested'
  | 'account.registered'
  | 'data_key.rotated'
  | 'identity.linked'
  | 'key_encryption_key.rotated'
  | 'registration.refused'
  | 'session.revoked'
  | 'sign_in.refused'
  | 'sign_in.succeeded'

/** One entry to be. It holds no words, tokens, addresses or user ids: it outlives the person whom it is about. */
export interface AuditEvent {
  readonly action: AuditAction
  /** What was acted upon, as `kind:id`. */
  readonly target?: string
  readonly details?: Readonly<Record<string, string | boolean>>
}

type Request = Pick<RequestScope, 'requestId'>

/** Writes an entry to the caller's own chain, in the flight of `asUser` that does what it says. */
export const recordEvent = (db: Db, { requestId }: Request, event: AuditEvent) =>
  db.execute(sql`select app.record_event(${valuesOf(event, requestId)})`)

/**
 * Writes an entry to a person's chain, or to the service's own for nobody, in the flight of `asService` that does what
 * it says.
 */
export const recordServiceEvent = (db: Db, { requestId }: Request, userId: string | null, event: AuditEvent) =>
  db.execute(sql`select app.record_service_event(${userId}, ${valuesOf(event, requestId)})`)

const valuesOf = ({ action, target, details }: AuditEvent, requestId: string | null) =>
  sql`${action}, ${target ?? null}, ${JSON.stringify(details ?? {})}::jsonb, ${requestId}`

/** A text that its sender chose, fit for an entry: printable ASCII as it is, everything else as a question mark. */
export const inAscii = (text: string) => text.replaceAll(/[^ -~]/g, '?')
