import type { Work } from '#bench/scale/plan.ts'

/** What one statement of a verb did. */
export interface Measured extends Work {
  /** Verb, flight and statement, such as `listMessages 1.3 select messages`. */
  readonly name: string
  /** Verb and flight: what crosses to the database at once. */
  readonly flight: string
  readonly returned: number
  /** How many rows it may read whatever it returns; 0 for lists and turns. */
  readonly bound: number
  /** The buffers of the same statement as owner, with the filter written out; undefined where that makes no sense. */
  readonly ownerBuffers: number | undefined
  readonly p50Ms: number
  readonly p95Ms: number
}

/** A statement at each size of the data, smallest first. */
export interface Grown {
  readonly name: string
  readonly person: string
  readonly sizes: readonly { readonly percent: number; readonly measured: Measured }[]
}

/** What a statement is judged by, over all sizes. */
export interface StatementVerdict {
  readonly name: string
  readonly person: string
  /** Tables that were read from end to end, though an index would have cost less. */
  readonly scannedTables: readonly string[]
  /** How many rows more than allowed were read at the worst size; not above 0 where all were allowed. */
  readonly rowsOver: number
  /** Buffers under row security over those as owner with the filter written out, at the largest size. */
  readonly rlsCost: number | undefined
  readonly isOk: boolean
}

/** How the buffers of a flight grow; the statement that opens it is judged on its own. */
export interface FlightVerdict {
  readonly name: string
  readonly person: string
  readonly buffers: readonly number[]
  /** Undefined where the flight may read more as the data grow: a search for a word that ever more messages hold. */
  readonly growth: number | undefined
  readonly isOk: boolean
}

export const limits = { rowsFactor: 3, rowsMore: 100, growth: 1.5, rlsCost: 1.15 }

/** Judges what a statement read. */
export function judgeStatement({ name, person, sizes }: Grown): StatementVerdict {
  const all = sizes.map(({ measured }) => measured)
  const scannedTables = [...new Set(all.flatMap((measured) => measured.scannedTables))]
  const rowsOver = Math.max(...all.map((one) => one.rowsRead - one.rowsOfSmallTables - rowsAllowed(one)))
  const last = all.at(-1)
  const rlsCost = last?.ownerBuffers === undefined ? undefined : ratio(last.buffers, last.ownerBuffers)
  const isOk = scannedTables.length === 0 && rowsOver <= 0 && (rlsCost ?? 0) <= limits.rlsCost
  return { name, person, scannedTables, rowsOver, rlsCost, isOk }
}

/** Judges how the flights of these statements grow from the smallest size to the largest. */
export function judgeFlights(statements: readonly Grown[]): readonly FlightVerdict[] {
  const flights = Map.groupBy(statements, ({ person, sizes }) => `${sizes[0]?.measured.flight} (${person})`)
  return [...flights.values()].map((flight) => {
    const [first] = flight
    const sumAt = (at: number) => flight.reduce((sum, { sizes }) => sum + (sizes[at]?.measured.buffers ?? 0), 0)
    const buffers = (first?.sizes ?? []).map((_, at) => sumAt(at))
    const isBound = flight.every(({ sizes }) => sizes[0]?.measured.bound === sizes.at(-1)?.measured.bound)
    const growth = isBound && buffers.length > 1 ? ratio(buffers.at(-1) ?? 0, buffers[0] ?? 0) : undefined
    const isOk = (growth ?? 0) <= limits.growth
    return { name: first?.sizes[0]?.measured.flight ?? '', person: first?.person ?? '', buffers, growth, isOk }
  })
}

const rowsAllowed = ({ returned, bound }: Measured) => limits.rowsFactor * Math.max(returned, bound) + limits.rowsMore

const ratio = (one: number, other: number) => (one === other ? 1 : one / other)
