import { apart } from '#src/db/apart.ts'
import { recordServiceEvent } from '#src/audit/record-event.ts'
import { asService, type RequestScope } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'

interface Refusals {
  readonly provider: string | undefined
  readonly reason: string
  readonly requestId: string
  times: number
}

const gatheringMs = 50
const longestGatheringMs = 2_000
const writerLifetimeMs = 10_000

/** What was refused in this isolate and is not written yet, alike ones counted together. */
const waiting = new Map<string, Refusals>()
let writerSince = 0

/**
 * Writes to the service's own chain that a sign-in was refused, beside the answer. Alike refusals of about the same
 * moment are one entry that counts them, in one flight for each isolate at a time, later each time while they go on: a flood
 * of forged tokens costs the database next to nothing. An entry names the request of the first; what an isolate that ends
 * holds back is lost.
 */
export function reportRefusal(
  scope: RequestScope,
  { provider, reason }: { provider: string | undefined; reason: string },
): void {
  const name = `${provider ?? ''} ${reason}`
  const alike = waiting.get(name) ?? { provider, reason, requestId: scope.requestId, times: 0 }
  alike.times += 1
  waiting.set(name, alike)
  // A writer whose request was ended in the middle says nothing any more.
  const age = Date.now() - writerSince
  if (age >= 0 && age < writerLifetimeMs) return
  writerSince = Date.now()
  scope.defer(writeWaiting(scope))
}

async function writeWaiting(scope: RequestScope): Promise<void> {
  const until = writerSince + writerLifetimeMs
  let pause = gatheringMs
  while (waiting.size > 0 && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, pause))
    pause = Math.min(2 * pause, longestGatheringMs)
    await writeOnce(scope)
  }
  writerSince = 0
}

async function writeOnce(scope: RequestScope): Promise<void> {
  const refusals = [...waiting.values()]
  waiting.clear()
  await asService(apart(scope), 'auth', 'sign-in refused', (db) =>
    refusals.map(({ provider, reason, requestId, times }) =>
      recordServiceEvent(db, { requestId }, null, {
        action: 'sign_in.refused',
        details: { ...(provider === undefined ? {} : { provider }), reason, times: String(times) },
      }),
    ),
  ).catch((error: unknown) => scope.report({ event: 'refusal_not_recorded', ...describeFailure(error) }))
}
