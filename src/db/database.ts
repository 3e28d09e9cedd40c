import type { CustomTypesConfig, QueryResult } from 'pg'
import { Problem } from '#src/http/problem.ts'

/** One statement, in the form that pg takes; a transport encodes its values. */
export interface Query {
  readonly text: string
  readonly values: readonly unknown[]
  readonly rowMode?: 'array'
  readonly types?: CustomTypesConfig
}

/** What a transaction sets for itself, by the names of PostgreSQL's parameters. Neither comes from outside. */
export type Settings = Readonly<Record<string, string | number>>

/** One transaction: its settings, and its statements in order. */
export interface Flight {
  readonly settings: Settings
  readonly queries: readonly Query[]
}

/** The way to PostgreSQL was lost, so that nobody knows whether COMMIT was heard: `unavailable` to a client. */
export class AnswerLost extends Problem {
  constructor(cause: unknown) {
    super('unavailable', undefined, { cause })
  }
}

/** What an isolate has found out about a login and its server. */
export interface KnownLogin {
  /** Whether a transaction can have a deadline of its own: from PostgreSQL 17 on. Before that each statement has, and only that. */
  readonly endsTransactions: boolean
}

/**
 * The statements that a transaction begins with: all its settings in one, and among them an end after so many
 * milliseconds, so that what answered 504 is not written later.
 */
export function settingStatements(
  settings: Settings,
  milliseconds: number,
  login: KnownLogin | undefined,
): readonly string[] {
  const end = { transaction_timeout: Math.max(1, Math.floor(milliseconds)) }
  if (login === undefined) return [...setLocally(settings), ...setLocally(end).map(from17)]
  return setLocally(login.endsTransactions ? { ...settings, ...end } : settings)
}

/** What sets them until the end of a transaction: one statement, or none. */
export function setLocally(settings: Settings): readonly string[] {
  const calls = Object.entries(settings).map(setConfig)
  return calls.length === 0 ? [] : [`select ${calls.join(', ')}`]
}

const setConfig = ([name, value]: [string, string | number]) => `set_config('${name}', '${value}', true)`

const from17 = (statement: string) => `${statement} where current_setting('server_version_num')::int >= 170000`

/** The way to PostgreSQL of one request. */
export interface Database {
  /** How many times this request crossed to PostgreSQL. */
  readonly flights: number
  /** Undefined until this isolate has seen that the login is bound by row-level security. */
  readonly knownLogin: KnownLogin | undefined
  /** How long one crossing may take. */
  readonly deadlineMs: number
  keepLogin(login: KnownLogin): void
  /**
   * Runs a transaction in one round trip. Everything is encoded before anything is sent, so nothing of a flight that
   * cannot be encoded is ever written. Throws what PostgreSQL said, and nothing is committed then; `unavailable` where
   * it said nothing (AnswerLost: nobody knows whether COMMIT was heard); `deadline_exceeded` when it took too long.
   */
  fly(flight: Flight): Promise<readonly QueryResult[]>
  /** Another way to the same database, for what the answer does not wait for; its flights are none of this one's. */
  apart(): Database
}
