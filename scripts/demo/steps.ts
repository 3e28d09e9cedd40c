import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** One step as it went. */
export interface StepResult {
  readonly name: string
  readonly status: number
  readonly flights: number
  readonly milliseconds: number
}

/** What a step's request brought back. */
export interface Answer {
  readonly status: number
  readonly flights: number
}

/** A step that did not do what it should; its message is for the person who watches. */
export class StepFailure extends Error {
  override readonly name = 'StepFailure'
}

/** Runs steps one after the other, says how each went, and compares its flights with those that ARCHITECTURE.md states. */
export class Steps {
  readonly results: StepResult[] = []
  readonly #stated: ReadonlyMap<string, number>

  private constructor(stated: ReadonlyMap<string, number>) {
    this.#stated = stated
  }

  static async open(): Promise<Steps> {
    return new Steps(await statedFlights())
  }

  /** Runs one step. Throws StepFailure for another status or other flights than were expected. */
  async run<T extends Answer>(
    name: string,
    status: number,
    work: () => Promise<T>,
    tell: (answer: T) => string,
  ): Promise<T> {
    const startedAt = performance.now()
    const answer = await work()
    const result = { name, status: answer.status, flights: answer.flights, milliseconds: performance.now() - startedAt }
    this.results.push(result)
    const isRight = answer.status === status && answer.flights === this.#stated.get(name)
    console.log(`${isRight ? '✓' : '✗'} ${columns(result)}  ${isRight ? tell(answer) : ''}`)
    if (answer.status !== status) throw new StepFailure(`"${name}" answered ${answer.status} instead of ${status}.`)
    if (!isRight) {
      throw new StepFailure(`"${name}" took ${answer.flights} flights; ARCHITECTURE.md says ${this.#stated.get(name)}.`)
    }
    return answer
  }

  /** The steps that the architecture states and the walk has not taken. */
  missing(): string[] {
    return [...this.#stated.keys()].filter((name) => !this.results.some((result) => result.name === name))
  }

  /** Every step in a line, and the sum. */
  summary(): string {
    const total = this.results.reduce((sum, result) => sum + result.milliseconds, 0)
    const flights = this.results.reduce((sum, result) => sum + result.flights, 0)
    const lines = this.results.map((result) => `  ${columns(result)}`)
    return [
      '',
      `  ${'step'.padEnd(30)} status  flights      time`,
      ...lines,
      `  ${`${this.results.length} steps`.padEnd(30)}        ${String(flights).padStart(9)} ${total.toFixed(0).padStart(6)} ms`,
    ].join('\n')
  }
}

const columns = ({ name, status, flights, milliseconds }: StepResult) =>
  `${name.padEnd(30)} ${String(status).padStart(6)} ${String(flights).padStart(8)} ${milliseconds.toFixed(0).padStart(6)} ms`

/** The table `| step | flights | why |` of ARCHITECTURE.md. */
async function statedFlights(): Promise<ReadonlyMap<string, number>> {
  const page = await readFile(join(import.meta.dirname, '../../ARCHITECTURE.md'), 'utf8')
  const rows = page.matchAll(/^\| `([^`|]+)` \| (\d+) \|/gm)
  const stated = new Map([...rows].map(([, name = '', flights = '']) => [name, Number(flights)]))
  if (stated.size === 0) throw new StepFailure('ARCHITECTURE.md states no flights.')
  return stated
}
