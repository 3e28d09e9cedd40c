import { Failure, type Ask, type Handler, type Part } from '#scripts/upstream/part.ts'

interface Route {
  readonly part: Part
  readonly method: string
  /** The path's segments; `{name}` takes any one. */
  readonly template: readonly string[]
  readonly handler: Handler
}

interface Found {
  readonly part: Part
  readonly handler: Handler
  readonly parameters: Ask['parameters']
}

/** Finds who answers a request. Of two routes that take a path, the one that was listed first does. */
export interface Router {
  /** Throws Failure 404 for an unknown path and 405 for a known one that does not take the method. */
  find(method: string, path: string): Found
  /** Whose path it is, known or not; undefined below no part's prefix. */
  partOf(path: string): Part | undefined
}

export function createRouter(parts: readonly Part[]): Router {
  const routes = parts.flatMap(routesOf)
  const taking = (path: string) => routes.flatMap((route) => withParameters(route, path))
  return {
    find(method, path) {
      const candidates = taking(path)
      const found = candidates.find(({ route }) => route.method === method)
      if (found !== undefined) return { ...found.route, parameters: found.parameters }
      if (candidates.length > 0) throw new Failure(405, 'method_not_allowed', `${path} does not take ${method}.`)
      throw new Failure(404, 'not_found', `Unknown path: ${method} ${path}`)
    },
    partOf: (path) =>
      taking(path)[0]?.route.part ?? parts.find((part) => part.prefixes.some((prefix) => path.startsWith(prefix))),
  }
}

function routesOf(part: Part): Route[] {
  return Object.entries(part.routes).map(([key, handler]) => {
    const [method = '', path = ''] = key.split(' ')
    return { part, method, template: path.split('/'), handler }
  })
}

/** The route with what the path has in the place of its names; nothing when it does not take the path. */
function withParameters(route: Route, path: string): { route: Route; parameters: Record<string, string> }[] {
  const segments = path.split('/')
  if (segments.length !== route.template.length) return []
  const parameters: Record<string, string> = {}
  for (const [at, wanted] of route.template.entries()) {
    const segment = segments[at] ?? ''
    const name = /^\{(\w+)\}$/.exec(wanted)?.[1]
    if (name === undefined ? segment !== wanted : segment === '') return []
    if (name !== undefined) parameters[name] = segment
  }
  return [{ route, parameters }]
}
