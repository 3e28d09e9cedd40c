import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { QueryResult } from 'pg'
import * as z from 'zod'
import type { Config } from '#src/config.ts'
import { AnswerLost, type Database, type Flight, type Query } from '#src/db/database.ts'
import type { LogLine } from '#src/http/log.ts'
import { mayFlyAgain, problemOf } from '#src/db/postgres-errors.ts'
import { recordStatements } from '#src/db/recorded-statements.ts'
import { rowOf } from '#src/db/rows.ts'

export type Db = NodePgDatabase

/** A drizzle builder that has not run yet; undefined has its place among the results, and is not sent. */
export type Statement = PromiseLike<unknown> | undefined

export type Results<T extends readonly Statement[]> = { -readonly [K in keyof T]: Awaited<T[K]> }

/** The wrapped data keys of a person, oldest version first. */
export const WrappedKeys = z.array(
  z.object({ version: z.int(), key_encryption_key_id: z.string(), wrapped_key: z.hex() }),
)
export type WrappedKeys = z.output<typeof WrappedKeys>

/** The same of somebody who may have none: a lost key takes away what it sealed, and not the account. */
export const WrappedKeysOrNone = WrappedKeys.nullable().transform((keys) => keys ?? [])

const SessionRow = z.object({
  session_id: z.uuid(),
  user_id: z.uuid(),
  role: z.enum(['user', 'admin']),
  expires_at: z.coerce.date(),
  authenticated_at: z.coerce.date(),
  data_keys: WrappedKeysOrNone,
})

const TurnRow = z.object({
  turn_id: z.uuid(),
  user_id: z.uuid(),
  is_session_live: z.boolean(),
  is_stopped: z.boolean(),
})

// Columns that are named are described once (see StatementBatch).
const beginSession = `select ${Object.keys(SessionRow.shape).join(', ')} from app.begin_session($1)`
const beginTurn = `select ${Object.keys(TurnRow.shape).join(', ')} from app.begin_turn($1)`

/** What a flight says of the session that it ran under. */
export interface Session {
  readonly id: string
  readonly userId: string
  readonly role: 'user' | 'admin'
  readonly expiresAt: Date
  readonly authenticatedAt: Date
  readonly wrappedKeys: WrappedKeys
}

/** One request: the configuration, its way to the database, and what may outlast the answer. */
export interface RequestScope {
  readonly config: Config
  readonly database: Database
  /** Names this request in the log, in its answer and in the audit log. */
  readonly requestId: string
  /** Keeps the Worker alive for work that the answer does not wait for. */
  readonly defer: (work: Promise<unknown>) => void
  /** Writes a log line of this request's, for what happens after or beside its answer. */
  readonly report: (line: LogLine) => void
}

/** A person's request: the hash of the presented token, and the session once a flight found it. */
export interface Caller extends RequestScope {
  readonly tokenHash: Uint8Array
  session: Session | undefined
}

/** The session that a flight of this request found. Only a verb that has flown as its user may ask. */
export function sessionOf(caller: Caller): Session {
  if (caller.session === undefined) throw new Error('no flight has found the session yet')
  return caller.session
}

/** A turn that is being answered: the hash of its single-purpose key. */
export interface TurnCaller extends RequestScope {
  readonly turnKeyHash: Uint8Array
}

/**
 * Runs the statements as the caller, under row-level security, in one transaction and one round trip, and keeps the
 * session that it found on the caller. Throws `unauthenticated` for a session that is not live; nothing is written then.
 */
export async function asUser<const T extends readonly Statement[]>(
  caller: Caller,
  build: (db: Db) => T,
): Promise<Results<T>> {
  const begin = { text: beginSession, values: [caller.tokenHash] }
  const { opening, results } = await transact(caller.database, 'neuraform_user', begin, build)
  const row = rowOf(SessionRow, opening)
  caller.session = {
    id: row.session_id,
    userId: row.user_id,
    role: row.role,
    expiresAt: row.expires_at,
    authenticatedAt: row.authenticated_at,
    wrappedKeys: row.data_keys,
  }
  return results
}

/**
 * Runs the statements for a turn that is streaming, as its person. It holds even when the session has ended meanwhile,
 * so that nothing said is lost; `isSessionLive` tells, and `isStopped` whether its person asked for its end. A turn's statements do their work once however often they fly, so
 * a flight whose answer was lost is flown once more. Throws `unauthenticated` once the turn or the account has ended.
 */
export async function asTurn<const T extends readonly Statement[]>(
  caller: TurnCaller,
  build: (db: Db) => T,
): Promise<{ isSessionLive: boolean; isStopped: boolean; results: Results<T> }> {
  const begin = { text: beginTurn, values: [caller.turnKeyHash] }
  const { opening, results } = await again(async () => await transact(caller.database, 'neuraform_user', begin, build))
  const row = rowOf(TurnRow, opening)
  return { isSessionLive: row.is_session_live, isStopped: row.is_stopped, results }
}

const pauseMs = 100

/** Flies once more, after a short random pause, where the answer was lost: for flights that do their work only once. */
export async function again<T>(fly: () => Promise<T>): Promise<T> {
  try {
    return await fly()
  } catch (error) {
    if (!(error instanceof AnswerLost)) throw error
    await new Promise((resolve) => setTimeout(resolve, Math.random() * pauseMs))
    return await fly()
  }
}

/** Runs the statements as anybody: what is public, and nothing else. */
export async function asVisitor<const T extends readonly Statement[]>(
  { database }: RequestScope,
  build: (db: Db) => T,
): Promise<Results<T>> {
  return (await transact(database, 'neuraform_visitor', undefined, build)).results
}

/** Why the service acts on its own; it names the role that may. */
export type ServiceRole = 'auth' | 'jobs' | 'analyst'

/** Runs the statements as one of the service's own roles. `reason` says why in the database's own log of activity. */
export async function asService<const T extends readonly Statement[]>(
  { database }: RequestScope,
  role: ServiceRole,
  reason: string,
  build: (db: Db) => T,
): Promise<Results<T>> {
  const begin = { text: `select set_config('application_name', $1, true)`, values: [`neuraform: ${reason}`] }
  return (await transact(database, `neuraform_${role}`, begin, build)).results
}

type Role = 'neuraform_user' | 'neuraform_visitor' | `neuraform_${ServiceRole}`

const mostStatementMs = 5_000

// PostgreSQL's 4 is for a disk with an arm. It does not know whose rows a policy will ask for, takes them for few, and with
// 4 it would sooner sort all that a person has than read one page of it in the order of an index.
const randomPageCost = 1.1

const checkLogin: Query = {
  text: `select app.assert_safe_login(), current_setting('server_version_num')::int >= 170000 as ends_transactions`,
  values: [],
}

const LoginRow = z.object({ ends_transactions: z.boolean() })

async function transact<const T extends readonly Statement[]>(
  database: Database,
  role: Role,
  opening: Query | undefined,
  build: (db: Db) => T,
): Promise<{ opening: QueryResult | undefined; results: Results<T> }> {
  const mustCheckLogin = database.knownLogin === undefined
  const recorded = recordStatements(build)
  const before = [...(mustCheckLogin ? [checkLogin] : []), ...(opening === undefined ? [] : [opening])]
  try {
    const timeoutMs = Math.min(mostStatementMs, database.deadlineMs)
    const settings = { role, statement_timeout: timeoutMs, random_page_cost: randomPageCost }
    const answers = await flyPatiently(database, { settings, queries: [...before, ...recorded.queries] })
    if (mustCheckLogin) {
      database.keepLogin({ endsTransactions: rowOf(LoginRow, answers[0]).ends_transactions })
    }
    return {
      opening: opening === undefined ? undefined : answers[before.length - 1],
      results: await recorded.resolve<T>(answers.slice(before.length)),
    }
  } catch (error) {
    recorded.abandon()
    throw problemOf(error) ?? error
  }
}

const mostTries = 3

/**
 * Flies again, after a short random pause, when PostgreSQL ended the transaction for a reason that is gone at once. Such a
 * flight has written nothing, and holds all that it needs to be flown once more.
 */
async function flyPatiently(database: Database, flight: Flight): Promise<readonly QueryResult[]> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await database.fly(flight)
    } catch (error) {
      if (tries === mostTries || !mayFlyAgain(error)) throw error
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 50 * tries))
    }
  }
}
