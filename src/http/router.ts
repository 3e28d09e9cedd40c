import { OpenAPIHono } from '@hono/zod-openapi'
import type { AppEnv } from '#src/http/context.ts'
import { Problem, type Fault } from '#src/http/problem.ts'

interface Issue {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** A slice's router: what zod refuses is 422 in a body and 400 in a path, query or header. */
export function newRouter(): OpenAPIHono<AppEnv> {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (result.success) return
      const isBody = result.target === 'json'
      throw new Problem(isBody ? 'invalid_body' : 'invalid_parameter', undefined, {
        errors: faultsOf(result.error.issues),
      })
    },
  })
}

/** What zod found, as JSON Pointers. Its messages name rules and fields, and never repeat a value. */
function faultsOf(issues: readonly Issue[]): Fault[] {
  return issues.slice(0, 20).map((issue) => ({
    pointer: issue.path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''),
    detail: issue.message,
  }))
}
