import type { MiddlewareHandler } from 'hono'
import type { AppContext, AppEnv } from '#src/http/context.ts'
import { Problem, problemResponse } from '#src/http/problem.ts'

interface KnownRoute {
  readonly method: string
  readonly path: string
}

/** Answers what no route took: 405 with `Allow` where the path exists, else 404 (RFC 9110 §15.5.6). No flight. */
export function answerUnmatched(all: readonly KnownRoute[]): (c: AppContext) => Response {
  const known = all
    .filter((route) => route.method !== 'ALL')
    .map(({ method, path }) => ({ method, path, pattern: patternOf(path) }))
  return (c) => {
    const { path } = c.req
    // A path of its own is no other one's parameter.
    const named = known.filter((route) => route.path === path)
    const routes = named.length > 0 ? named : known.filter(({ pattern }) => pattern.test(path))
    const methods = new Set(routes.map(({ method }) => method))
    const problem = new Problem(methods.size === 0 ? 'not_found' : 'method_not_allowed')
    c.set('failure', problem)
    const response = problemResponse(problem)
    if (methods.size > 0) response.headers.set('Allow', allowed(methods))
    return response
  }
}

/** Keeps a path of its own (`/personas/import`) from being taken for a parameter of another one by a method that it does not have. */
export function keepPathsApart(all: () => readonly KnownRoute[]): MiddlewareHandler<AppEnv> {
  let methodsOf: Map<string, Set<string>> | undefined
  return async (c, next) => {
    methodsOf ??= staticPaths(all())
    const methods = methodsOf.get(c.req.path)
    const { method } = c.req
    const isOurs = methods === undefined || method === 'OPTIONS' || methods.has(method === 'HEAD' ? 'GET' : method)
    if (!isOurs) return answerUnmatched(all())(c)
    await next()
    return undefined
  }
}

function staticPaths(routes: readonly KnownRoute[]): Map<string, Set<string>> {
  const own = routes.filter(({ method, path }) => method !== 'ALL' && !/[:*]/.test(path))
  return new Map(
    [...Map.groupBy(own, ({ path }) => path)].map(([path, found]) => [
      path,
      new Set(found.map(({ method }) => method)),
    ]),
  )
}

const patternOf = (path: string) => new RegExp(`^${path.replaceAll(/:[^/]+/g, '[^/]+')}$`)

const allowed = (methods: ReadonlySet<string>) =>
  [...methods, ...(methods.has('GET') ? ['HEAD'] : []), 'OPTIONS'].toSorted().join(', ')
