import { Problem } from '#src/http/problem.ts'

/** The value of `work`, or `deadline_exceeded` after so many milliseconds; `onLate` then gives up what was asked. */
export async function withDeadline<T>(work: Promise<T>, milliseconds: number, onLate: () => void): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    reject(new Problem('deadline_exceeded'))
    onLate()
  }, milliseconds)
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
