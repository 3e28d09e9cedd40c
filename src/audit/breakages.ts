import { sql } from 'drizzle-orm'
import type { Db, RequestScope } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'

/** Something of a person's that cannot be opened, as an entry to be. One that is there alike is not written again. */
export interface Breakage {
  readonly action: 'seal.broken' | 'data_key.broken'
  /** What it is, as `kind:id`. */
  readonly target: string
  /** What tells this state of it from another one; no entry names its person, so that it may stay when they go. */
  readonly details: Readonly<Record<string, string>>
}

type Request = Pick<RequestScope, 'requestId'>

/** Writes what is broken to the caller's own chain, in a flight of `asUser`. */
export const recordBreakages = (db: Db, { requestId }: Request, breakages: readonly Breakage[]) =>
  db.execute(sql`select app.record_breakages(${JSON.stringify(breakages)}::jsonb, ${requestId})`)

/** Writes what is broken to a person's chain, in a flight of `asService`. */
export const recordServiceBreakages = (
  db: Db,
  { requestId }: Request,
  userId: string,
  breakages: readonly Breakage[],
) => db.execute(sql`select app.record_service_breakages(${userId}, ${JSON.stringify(breakages)}::jsonb, ${requestId})`)

const gatheringMs = 20

/**
 * A listener for what is found broken while a request is answered: what is heard of at about the same moment is handed to
 * `write` together, beside the answer.
 */
export function gatherBreakages(
  scope: RequestScope,
  write: (breakages: readonly Breakage[]) => Promise<unknown>,
): (breakage: Promise<Breakage>) => void {
  let waiting: Promise<Breakage>[] = []
  const writeWaiting = async () => {
    await new Promise((resolve) => setTimeout(resolve, gatheringMs))
    const gathered = waiting
    waiting = []
    await write(await Promise.all(gathered))
  }
  return (breakage) => {
    waiting.push(breakage)
    if (waiting.length > 1) return
    scope.defer(
      writeWaiting().catch((error: unknown) =>
        scope.report({ event: 'breakages_not_recorded', ...describeFailure(error) }),
      ),
    )
  }
}
