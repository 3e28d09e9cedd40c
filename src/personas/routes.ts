import { createRoute } from '@hono/zod-openapi'
import { openOrSession } from '#src/http/access.ts'
import { askerOf } from '#src/http/context.ts'
import { cachedAtEdge } from '#src/http/edge-cache.ts'
import { IdParams } from '#src/http/fields.ts'
import { jsonContent } from '#src/http/openapi.ts'
import { PageQuery } from '#src/http/page.ts'
import { newRouter } from '#src/http/router.ts'
import { getPersona, listPersonas } from '#src/personas/personas.ts'
import { Persona, PersonaPage } from '#src/personas/shapes.ts'

const edgeSeconds = 60

const list = createRoute({
  ...openOrSession('Personas', { problems: ['invalid_cursor'] }),
  method: 'get',
  path: '/personas',
  summary: 'The companions to choose from',
  request: { query: PageQuery },
  responses: {
    200: jsonContent(PersonaPage, 'Oldest first. Without a session: the public ones, up to a minute old.'),
    304: { description: 'They are as your If-None-Match has them.' },
  },
})

const read = createRoute({
  ...openOrSession('Personas', { problems: ['not_found'] }),
  method: 'get',
  path: '/personas/{id}',
  summary: 'One companion',
  request: { params: IdParams },
  responses: {
    200: jsonContent(Persona, 'The companion. Without a session: a public one, up to a minute old.'),
    304: { description: 'It is as your If-None-Match has it.' },
  },
})

export const personaRoutes = newRouter()
  .openapi(list, async (c) => {
    const { asker, isVisitor } = askerOf(c)
    const make = async () => await listPersonas(asker, c.req.valid('query'))
    return isVisitor ? await cachedAtEdge(c, edgeSeconds, make) : c.json(await make(), 200)
  })
  .openapi(read, async (c) => {
    const { asker, isVisitor } = askerOf(c)
    const make = async () => await getPersona(asker, c.req.valid('param').id)
    return isVisitor ? await cachedAtEdge(c, edgeSeconds, make) : c.json(await make(), 200)
  })
