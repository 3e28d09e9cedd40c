import { createRoute } from '@hono/zod-openapi'
import { session } from '#src/http/access.ts'
import { callerOf } from '#src/http/context.ts'
import { jsonContent } from '#src/http/openapi.ts'
import { newRouter } from '#src/http/router.ts'
import { Usage, UsageQuery } from '#src/usage/shapes.ts'
import { getUsage } from '#src/usage/usage.ts'

const read = createRoute({
  ...session('Accounts'),
  method: 'get',
  path: '/usage',
  summary: 'What you used of what costs money',
  request: { query: UsageQuery },
  responses: { 200: jsonContent(Usage, 'Today beside the limits, and the days before.') },
})

export const usageRoutes = newRouter().openapi(read, async (c) =>
  c.json(await getUsage(callerOf(c), c.req.valid('query')), 200),
)
