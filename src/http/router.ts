import { OpenAPIHono } from '@hono/zod-openapi'
import type { AppEnv } from '#src/http/context.ts'
import { faultsOf } from '#src/http/faults.ts'
import { Problem } from '#src/http/problem.ts'

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
