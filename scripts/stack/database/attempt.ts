import type { Client } from 'pg'
import { errorCode, StackFailure } from '#scripts/stack/failure.ts'

/** What a step of the set-up wants to do, and what an administrator can run so that it may. */
export interface Undertaking {
  /** Continues “… may not”, such as “make roles”. */
  readonly what: string
  readonly remedy: string
}

/** Runs a step; a missing privilege becomes a StackFailure that names it and the way out. */
export async function attempt<Result>(
  client: Client,
  { what, remedy }: Undertaking,
  step: () => Promise<Result>,
): Promise<Result> {
  try {
    return await step()
  } catch (error) {
    if (errorCode(error) !== '42501' || !(error instanceof Error)) throw error
    throw new StackFailure(`${client.user} may not ${what} (${error.message}). ${remedy}`, { cause: error })
  }
}

/** Less than a query of the service may take (5 s), so that one that queues behind a migration is still answered. */
const lockTimeoutSeconds = 2

/** Whether a statement gave up on what another transaction holds. */
export const isContention = (error: unknown): boolean => ['55P03', '40P01'].includes(errorCode(error) ?? '')

/**
 * Runs a step that waits two seconds at the most for what somebody else holds: behind a DDL statement that waits, every
 * query of its table waits as well. Throws a StackFailure that says how to find the holder.
 */
export async function withoutQueueing<Result>(client: Client, step: () => Promise<Result>): Promise<Result> {
  await client.query(`set lock_timeout = '${lockTimeoutSeconds}s'`)
  try {
    return await step()
  } catch (error) {
    if (!isContention(error)) throw error
    throw new StackFailure(
      `A transaction held what this needs for more than ${lockTimeoutSeconds} seconds, so it gave up and changed nothing. Find it: “select pid, usename, state, xact_start from pg_stat_activity where datname = current_database() order by xact_start”; the oldest is the likeliest. Wait for its end, or end it with “select pg_terminate_backend(PID)”, and run this again.`,
      { cause: error },
    )
  } finally {
    await client.query('reset lock_timeout')
  }
}

const retriedCodes = new Set(['23505', '40P01', '42710', 'XX000'])

/**
 * Runs a transaction, again when another set-up of the same cluster changed the same role meanwhile. Roles belong to
 * the cluster and advisory locks to one database, so a lock cannot prevent it ("tuple concurrently updated", XX000).
 */
export async function inTransaction<Result>(
  client: Client,
  work: () => Promise<Result>,
  attemptsLeft = 10,
): Promise<Result> {
  await client.query('begin')
  try {
    const result = await work()
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback')
    if (attemptsLeft <= 1 || !retriedCodes.has(errorCode(error) ?? '')) throw error
    return await inTransaction(client, work, attemptsLeft - 1)
  }
}
