import { sql, type SQL } from 'drizzle-orm'
import { pgPolicy, pgRole } from 'drizzle-orm/pg-core'

/** Owns the security definer functions; the only role whose policies may read `true`. */
const gateRole = pgRole('neuraform_gate').existing()
/** A person, behind `app.begin_session` or `app.begin_turn`. */
export const userRole = pgRole('neuraform_user').existing()
/** Anybody: the public catalogue. */
export const visitorRole = pgRole('neuraform_visitor').existing()
/** Sweeps and workflows. */
export const jobsRole = pgRole('neuraform_jobs').existing()

type Verb = 'select' | 'insert' | 'update' | 'delete'

/** True for rows of the session's user; `(select …)` makes PostgreSQL evaluate it once for each statement. */
export const isOwnRow: SQL = sql`user_id = (select app.current_user_id())`

/** One policy for each verb that lets a person reach the rows that carry their own `user_id`. */
export function ownRowPolicies(table: string, verbs: readonly Verb[]) {
  return verbs.map((verb) =>
    pgPolicy(`${table}_user_${verb}`, {
      for: verb,
      to: userRole,
      ...(verb === 'insert' ? {} : { using: isOwnRow }),
      ...(verb === 'insert' || verb === 'update' ? { withCheck: isOwnRow } : {}),
    }),
  )
}

/** One policy for each verb that the definer functions need on a table. */
export function gatePolicies(table: string, verbs: readonly Verb[]) {
  return verbs.map((verb) =>
    pgPolicy(`${table}_gate_${verb}`, {
      for: verb,
      to: gateRole,
      ...(verb === 'insert' ? {} : { using: sql`true` }),
      ...(verb === 'insert' || verb === 'update' ? { withCheck: sql`true` } : {}),
    }),
  )
}

/** A policy for the jobs role over the rows that a sweep may touch. */
export function jobsPolicy(table: string, verb: Exclude<Verb, 'insert'>, using: SQL, withCheck?: SQL) {
  return pgPolicy(`${table}_jobs_${verb}`, {
    for: verb,
    to: jobsRole,
    using,
    ...(withCheck === undefined ? {} : { withCheck }),
  })
}
