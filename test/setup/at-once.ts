import { beforeAll } from 'vitest'

// More at a time would wait for each other longer than a provider is waited for.
const most = 20

/**
 * Runs all that a table names, many at once, before the tests of a block, each of which then looks at the outcome of one:
 * what is refused at about the same moment is written down, and waited for, together.
 */
export function atOnce<Case, Outcome>(
  cases: Readonly<Record<string, Case>>,
  run: (one: Case) => Promise<Outcome>,
): { readonly of: (name: string) => Promise<Outcome>; readonly all: () => Promise<Outcome[]> } {
  const outcomes = new Map<string, Promise<Outcome>>()
  beforeAll(async () => {
    const waiting = Object.entries(cases)
    while (waiting.length > 0) {
      for (const [name, one] of waiting.splice(0, most)) outcomes.set(name, run(one))
      await Promise.allSettled(outcomes.values())
    }
  })
  return {
    of: async (name) => {
      const outcome = outcomes.get(name)
      if (outcome === undefined) throw new Error(`${name} was not run`)
      return await outcome
    },
    all: async () => await Promise.all(outcomes.values()),
  }
}
