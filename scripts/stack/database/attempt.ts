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

const contentionCodes = new Set(['23505', '40P01', '42710', 'XX000'])

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
    if (attemptsLeft <= 1 || !contentionCodes.has(errorCode(error) ?? '')) throw error
    return await inTransaction(client, work, attemptsLeft - 1)
  }
}
