import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from 'cloudflare:workers'
import { z } from 'zod'
import type { Env } from '#src/config.ts'
import type { RequestScope } from '#src/db/scope.ts'
import { Problem } from '#src/http/problem.ts'
import { serviceScope } from '#src/http/service-scope.ts'
import {
  addDataKey,
  nextKeyVersion,
  notBegun,
  resealCells,
  retireDataKeys,
  type Progress,
} from '#src/privacy/rotate-data-key.ts'

const Params = z.strictObject({ user_id: z.uuid() })
type Params = z.output<typeof Params>

/** What a rotation did. */
export interface RotatedDataKey {
  readonly version: number
  readonly resealed: number
  readonly broken: number
  readonly are_older_retired: boolean
}

const batchesInAStep = 10

/**
 * Gives a person a new data key, seals everything of theirs under it and forgets the older ones: every step may run
 * again, and requests are served throughout. Null for somebody who is not there, or left meanwhile.
 */
export class DataKeyRotation extends WorkflowEntrypoint<Env, Params> {
  override async run(event: Readonly<WorkflowEvent<Params>>, step: WorkflowStep): Promise<RotatedDataKey | null> {
    const { user_id: userId } = Params.parse(event.payload)
    const doStep = async <T extends Rpc.Serializable<T>>(name: string, work: (scope: RequestScope) => Promise<T>) =>
      await step.do(name, async () => await work(serviceScope(this.env, this.ctx)).catch(unlessGone))
    const version = await doStep('choose the version', async (scope) => await nextKeyVersion(scope, userId))
    if (version === null) return null
    if ((await doStep('add the key', async (scope) => await addDataKey(scope, userId, version))) === null) return null
    // An isolate keeps keys for five minutes, and a turn that began with them may take as long again.
    await step.sleep('until nobody seals under an older one', '15 minutes')
    let progress = notBegun
    for (let number = 1; !progress.isDone; number += 1) {
      const from = progress
      const next = await doStep(`seal anew ${number}`, async (scope) => await resealMany(scope, userId, version, from))
      if (next === null) return null
      progress = next
    }
    const areRetired = await doStep(
      'retire the older keys',
      async (scope) => await retireDataKeys(scope, userId, version),
    )
    if (areRetired === null) return null
    return { version, resealed: progress.resealed, broken: progress.broken, are_older_retired: areRetired }
  }
}

async function resealMany(scope: RequestScope, userId: string, version: number, from: Progress): Promise<Progress> {
  let progress = from
  for (let batch = 0; batch < batchesInAStep && !progress.isDone; batch += 1) {
    progress = await resealCells(scope, userId, version, progress)
  }
  return progress
}

// Somebody who has left does not come back: nothing is tried again for them.
function unlessGone(error: unknown): null {
  if (error instanceof Problem && error.code === 'not_found') return null
  throw error
}
