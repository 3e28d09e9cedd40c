import { StackFailure } from '#scripts/stack/failure.ts'

interface Stoppable {
  stop(): void | Promise<void>
}

export interface Parts {
  /** Waits for a part that starts and keeps it; when everything is being stopped already, stops it and throws. */
  keep<Part extends Stoppable>(starting: Part | Promise<Part>): Promise<Part>
  /** Waits for the parts that are starting, then stops all, the last one first; a second call waits for the first. */
  stopAll(): Promise<void>
}

/** The parts of something that starts piece by piece and must be stopped as a whole, at whatever point it is. */
export function collectParts(): Parts {
  const kept: Stoppable[] = []
  const starting = new Set<Promise<unknown>>()
  let stopping: Promise<void> | undefined

  async function keepUnlessStopping<Part extends Stoppable>(part: Part | Promise<Part>): Promise<Part> {
    const started = await part
    if (stopping === undefined) {
      kept.push(started)
      return started
    }
    await started.stop()
    throw new StackFailure('Stopped while it was starting.')
  }

  return {
    async keep(part) {
      const keeping = keepUnlessStopping(part)
      starting.add(keeping)
      try {
        return await keeping
      } finally {
        starting.delete(keeping)
      }
    },
    stopAll: () => (stopping ??= Promise.allSettled(starting).then(() => stopInReverse(kept))),
  }
}

/** One that cannot be stopped does not keep the others alive; its error is thrown when they are gone. */
async function stopInReverse(parts: readonly Stoppable[]): Promise<void> {
  const errors: unknown[] = []
  for (const part of parts.toReversed()) {
    try {
      await part.stop()
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, 'A part of the stack could not be stopped.')
}
