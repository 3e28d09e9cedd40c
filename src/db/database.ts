import type { CustomTypesConfig, QueryResult } from 'pg'
import { Problem } from '#src/http/problem.ts'

/** One statement, in the form that pg takes; a transport encodes its values. */
export interface Query {
  readonly text: string
  readonly values: readonly unknown[]
  readonly rowMode?: 'array'
  readonly types?: CustomTypesConfig
}

/** One transaction: what it sets for itself, and its statements in order. */
export interface Flight {
  readonly settings: readonly string[]
  readonly queries: readonly Query[]
}

/** The way to PostgreSQL was lost, so that nobody knows whether COMMIT was heard: `unavailable` to a client. */
export class AnswerLost extends Problem {
  constructor(cause: unknown) {
    super('unavailable', undefined, { cause })
  }
}

/**
 * The statement that ends a transaction with the deadline of its flight, so that what answered 504 is not written later.
 * PostgreSQL knows it from 17 on; before that each statement has its own timeout, and only that.
 */
export const transactionTimeout = (milliseconds: number): string =>
  `select set_config('transaction_timeout', '${Math.max(1, Math.floor(milliseconds))}', true)
    where current_setting('server_version_num')::int >= 170000`

/** The way to PostgreSQL of one request. */
export interface Database {
  /** How many times this request crossed to PostgreSQL. */
  readonly flights: number
  /** Whether this isolate has seen that the login is bound by row-level security. */
  readonly isLoginKnown: boolean
  /** How long one crossing may take. */
  readonly deadlineMs: number
  markLoginKnown(): void
  /**
   * Runs a transaction in one round trip. Everything is encoded before anything is sent, so nothing of a flight that
   * cannot be encoded is ever written. Throws what PostgreSQL said, and nothing is committed then; `unavailable` where
   * it said nothing (AnswerLost: nobody knows whether COMMIT was heard); `deadline_exceeded` when it took too long.
   */
  fly(flight: Flight): Promise<readonly QueryResult[]>
}
