import type { Asked, Results } from '#test/rls/bleed-statements.ts'

/** What a bleed run has seen, written down as its flights come back. */
export class BleedLog {
  statements = 0
  flights = 0
  aborted = 0
  /** Connections that PgBouncer gave up, because their client left in the middle of a transaction. */
  abandoned = 0
  /** How often a connection came to somebody else than the one whom it served before. */
  handovers = 0
  /** What was not as it should be: rows of another above all. */
  readonly wrong: string[] = []
  /** Message → who wrote it, of those that were committed. */
  readonly written = new Map<string, string>()
  readonly #lastServed = new Map<unknown, unknown>()

  get connections(): number {
    return this.#lastServed.size
  }

  /** Writes down what was answered, and each answer with other rows than the asker's own. */
  compare(asked: readonly Asked[], results: Results): void {
    this.statements += asked.length
    asked.forEach(({ text, owners }, at) => {
      const rows = results[at]?.rows ?? []
      const found = JSON.stringify(rows.map(({ owner }) => owner))
      if (found !== JSON.stringify(owners)) this.wrong.push(`${text}: ${found} in place of ${JSON.stringify(owners)}`)
      for (const { backend, owner } of rows) if (backend !== undefined) this.#served(backend, owner)
    })
  }

  #served(backend: unknown, who: unknown): void {
    if (this.#lastServed.has(backend) && this.#lastServed.get(backend) !== who) this.handovers += 1
    this.#lastServed.set(backend, who)
  }
}
