import { createRoute } from '@hono/zod-openapi'
import { open } from '#src/http/access.ts'
import { scopeOf } from '#src/http/context.ts'
import { jsonContent } from '#src/http/openapi.ts'
import { newRouter } from '#src/http/router.ts'
import { checkReadiness } from '#src/operations/health.ts'
import { Health, Version } from '#src/operations/shapes.ts'
import manifest from '../../package.json' with { type: 'json' }

const live = createRoute({
  ...open('Operations'),
  method: 'get',
  path: '/health/live',
  summary: 'Whether the Worker runs',
  responses: { 200: jsonContent(Health, 'It does.') },
})

const ready = createRoute({
  ...open('Operations'),
  method: 'get',
  path: '/health/ready',
  summary: 'Whether requests can be served',
  responses: { 200: jsonContent(Health, 'They can: the database answers and is bound by row-level security.') },
})

const version = createRoute({
  ...open('Operations'),
  method: 'get',
  path: '/version',
  summary: 'What runs here',
  responses: { 200: jsonContent(Version, 'The version.') },
})

export const operationsRoutes = newRouter()
  .openapi(live, (c) => c.json({ status: 'live' as const }, 200))
  .openapi(ready, async (c) => {
    await checkReadiness(scopeOf(c))
    return c.json({ status: 'ready' as const }, 200)
  })
  .openapi(version, (c) => {
    const { ENVIRONMENT: environment, bindings } = c.get('config')
    const deployment = bindings.VERSION?.id ?? null
    return c.json({ name: manifest.name, version: manifest.version, environment, deployment }, 200)
  })
