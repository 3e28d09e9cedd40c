import type { Fault } from '#src/http/problem.ts'

interface Issue {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** The first of what zod found, as JSON Pointers (RFC 6901). Its messages name rules and fields, and never repeat a value. */
export function faultsOf(issues: readonly Issue[]): Fault[] {
  return issues.slice(0, 20).map((issue) => ({
    pointer: issue.path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''),
    detail: issue.message,
  }))
}
