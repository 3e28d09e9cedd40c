import type { CustomTypesConfig, QueryResult } from 'pg'

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
   * it said nothing, and nobody knows whether COMMIT was heard then; `deadline_exceeded` when it took too long.
   */
  fly(flight: Flight): Promise<readonly QueryResult[]>
}
