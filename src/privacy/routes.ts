import { createRoute, z } from '@hono/zod-openapi'
import { open, session, wantsPage } from '#src/http/access.ts'
import { callerOf, scopeOf } from '#src/http/context.ts'
import { IdParams } from '#src/http/fields.ts'
import { jsonContent } from '#src/http/openapi.ts'
import { newRouter } from '#src/http/router.ts'
import { erasurePage } from '#src/privacy/erasure-page.ts'
import { eraseAccount, getErasure } from '#src/privacy/erasure.ts'
import { Erasure, ErasureReceipt } from '#src/privacy/shapes.ts'

const erase = createRoute({
  ...session('Privacy'),
  method: 'delete',
  path: '/auth/account',
  summary: 'Erase your account and everything in it',
  responses: {
    202: jsonContent(ErasureReceipt, 'Every session has ended; the status URL says when the rest is gone.'),
  },
})

const read = createRoute({
  ...open('Privacy', { problems: ['not_found'], isForPeople: true }),
  method: 'get',
  path: '/erasures/{id}',
  summary: 'How far an erasure has come',
  request: { params: IdParams },
  responses: {
    200: {
      content: { 'application/json': { schema: Erasure }, 'text/html': { schema: z.string() } },
      description: 'Its state, for whoever holds the id; in a browser a page that people can read.',
    },
  },
})

export const privacyRoutes = newRouter()
  .openapi(erase, async (c) => c.json(await eraseAccount(callerOf(c)), 202))
  .openapi(read, async (c) => {
    const erasure = await getErasure(scopeOf(c), c.req.valid('param').id)
    return wantsPage(c) ? await erasurePage(erasure) : c.json(erasure, 200)
  })
