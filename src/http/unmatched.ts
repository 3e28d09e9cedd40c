import type { AppContext } from '#src/http/context.ts'
import { Problem, problemResponse } from '#src/http/problem.ts'

interface KnownRoute {
  readonly method: string
  readonly path: string
}

/** Answers what no route took: 405 with `Allow` where the path exists, else 404 (RFC 9110 §15.5.6). No flight. */
export function answerUnmatched(routes: readonly KnownRoute[]): (c: AppContext) => Response {
  const known = routes
    .filter((route) => route.method !== 'ALL')
    .map(({ method, path }) => ({ method, pattern: patternOf(path) }))
  return (c) => {
    const methods = new Set(known.filter(({ pattern }) => pattern.test(c.req.path)).map(({ method }) => method))
    const problem = new Problem(methods.size === 0 ? 'not_found' : 'method_not_allowed')
    c.set('failure', problem)
    const response = problemResponse(problem)
    if (methods.size > 0) response.headers.set('Allow', allowed(methods))
    return response
  }
}

const patternOf = (path: string) => new RegExp(`^${path.replaceAll(/:[^/]+/g, '[^/]+')}$`)

const allowed = (methods: ReadonlySet<string>) =>
  [...methods, ...(methods.has('GET') ? ['HEAD'] : []), 'OPTIONS'].toSorted().join(', ')
