import { createRoute, z } from '@hono/zod-openapi'
import { openOrSession, session } from '#src/http/access.ts'
import { attached } from '#src/http/attachment.ts'
import { askerOf, callerOf } from '#src/http/context.ts'
import { cachedAtEdge } from '#src/http/edge-cache.ts'
import { IdParams } from '#src/http/fields.ts'
import { IdempotencyHeader } from '#src/http/idempotency.ts'
import { jsonBody, jsonContent } from '#src/http/openapi.ts'
import { newRouter } from '#src/http/router.ts'
import { exportJson, exportPng, importCard } from '#src/personas/cards.ts'
import { createPersona, deletePersona, forkPersona, updatePersona } from '#src/personas/own-personas.ts'
import { getPersona, listPersonas } from '#src/personas/personas.ts'
import { getActivePersona, getPreferences, setPreferences } from '#src/personas/preferences.ts'
import {
  CardQuery,
  CharacterCard,
  NewPersona,
  Persona,
  PersonaChange,
  PersonaPage,
  PersonaPreferences,
  PersonaQuery,
  PreferencesChange,
} from '#src/personas/shapes.ts'

const tag = 'Personas'
const edgeSeconds = 60
const personaBytes = 512 * 1_024

const list = createRoute({
  ...openOrSession(tag, { problems: ['invalid_cursor'] }),
  method: 'get',
  path: '/personas',
  summary: 'The companions to choose from',
  request: { query: PersonaQuery },
  responses: {
    200: jsonContent(
      PersonaPage,
      'Oldest first, unless told otherwise. Without a session: the public ones, up to a minute old.',
    ),
    304: { description: 'They are as your If-None-Match has them.' },
  },
})

const active = createRoute({
  ...session(tag, { problems: ['not_found'] }),
  method: 'get',
  path: '/personas/active',
  summary: 'The companion with whom your app opens',
  responses: { 200: jsonContent(Persona, 'The companion; 404 where none is active.') },
})

const read = createRoute({
  ...openOrSession(tag, { problems: ['not_found'] }),
  method: 'get',
  path: '/personas/{id}',
  summary: 'One companion',
  request: { params: IdParams },
  responses: {
    200: jsonContent(Persona, 'The companion. Without a session: a public one, up to a minute old.'),
    304: { description: 'It is as your If-None-Match has it.' },
  },
})

const create = createRoute({
  ...session(tag, { bodyBytes: personaBytes, problems: ['conflict', 'idempotency_key_reused'] }),
  method: 'post',
  path: '/personas',
  summary: 'Make a companion of your own',
  request: { headers: IdempotencyHeader, body: jsonBody(NewPersona) },
  responses: { 201: jsonContent(Persona, 'The companion.') },
})

// No `application/json`: it would be read as a value, and not as the bytes that it is.
const cardContent = {
  'application/octet-stream': { schema: z.string().openapi({ format: 'binary' }) },
  'image/png': { schema: z.string().openapi({ format: 'binary' }) },
  'application/zip': { schema: z.string().openapi({ format: 'binary' }) },
}

const importing = createRoute({
  ...session(tag, {
    limiter: 'COSTLY_LIMITER',
    problems: ['malformed_body', 'payload_too_large', 'invalid_body', 'conflict', 'idempotency_key_reused'],
  }),
  method: 'post',
  path: '/personas/import',
  summary: 'Make a companion out of a character card',
  description: 'The body is the card itself, V1, V2 or V3: JSON, PNG or CHARX, known by its first bytes.',
  request: { headers: IdempotencyHeader, body: { content: cardContent, required: true } },
  responses: { 201: jsonContent(Persona, 'The companion, private.') },
})

const change = createRoute({
  ...session(tag, { bodyBytes: personaBytes, problems: ['not_found'] }),
  method: 'patch',
  path: '/personas/{id}',
  summary: 'Change a companion of your own',
  request: { params: IdParams, body: jsonBody(PersonaChange) },
  responses: { 200: jsonContent(Persona, 'The companion as it is now.') },
})

const remove = createRoute({
  ...session(tag, { problems: ['not_found'] }),
  method: 'delete',
  path: '/personas/{id}',
  summary: 'Delete a companion of your own',
  request: { params: IdParams },
  responses: { 204: { description: 'It is gone. Conversations of others go on with a copy.' } },
})

const fork = createRoute({
  ...session(tag, { problems: ['not_found', 'conflict', 'idempotency_key_reused'] }),
  method: 'post',
  path: '/personas/{id}/fork',
  summary: 'Copy a companion into one of your own',
  request: { params: IdParams, headers: IdempotencyHeader },
  responses: { 201: jsonContent(Persona, 'The copy, private.') },
})

const cardJson = createRoute({
  ...session(tag, { problems: ['not_found'] }),
  method: 'get',
  path: '/personas/{id}/card.json',
  summary: 'A companion as a character card',
  request: { params: IdParams, query: CardQuery },
  responses: {
    200: jsonContent(CharacterCard, 'The card.'),
  },
})

const cardPng = createRoute({
  ...session(tag, { problems: ['not_found'] }),
  method: 'get',
  path: '/personas/{id}/card.png',
  summary: 'The same in a picture, V2 and V3 at once',
  request: { params: IdParams },
  responses: {
    200: {
      content: { 'image/png': { schema: z.string().openapi({ format: 'binary' }) } },
      description: 'The picture.',
    },
  },
})

const readPreferences = createRoute({
  ...session(tag, { problems: ['not_found'] }),
  method: 'get',
  path: '/personas/{id}/preferences',
  summary: 'What you made of a companion',
  request: { params: IdParams },
  responses: { 200: jsonContent(PersonaPreferences, 'Favourite, active, settings, and how often you talked.') },
})

const changePreferences = createRoute({
  ...session(tag, { bodyBytes: 64 * 1_024, problems: ['not_found'] }),
  method: 'put',
  path: '/personas/{id}/preferences',
  summary: 'Change what it names of that',
  request: { params: IdParams, body: jsonBody(PreferencesChange) },
  responses: { 200: jsonContent(PersonaPreferences, 'As it is now.') },
})

export const personaRoutes = newRouter()
  .openapi(list, async (c) => {
    const { asker, isVisitor } = askerOf(c)
    const make = async () => await listPersonas(asker, c.req.valid('query'))
    return isVisitor ? await cachedAtEdge(c, edgeSeconds, make) : c.json(await make(), 200)
  })
  .openapi(active, async (c) => c.json(await getActivePersona(callerOf(c)), 200))
  .openapi(read, async (c) => {
    const { asker, isVisitor } = askerOf(c)
    const make = async () => await getPersona(asker, c.req.valid('param').id)
    return isVisitor ? await cachedAtEdge(c, edgeSeconds, make) : c.json(await make(), 200)
  })
  .openapi(create, async (c) =>
    c.json(await createPersona(callerOf(c), c.req.valid('json'), c.req.valid('header')['idempotency-key']), 201),
  )
  .openapi(importing, async (c) =>
    c.json(await importCard(callerOf(c), c.req.raw.body, c.req.valid('header')['idempotency-key']), 201),
  )
  .openapi(change, async (c) =>
    c.json(await updatePersona(callerOf(c), c.req.valid('param').id, c.req.valid('json')), 200),
  )
  .openapi(remove, async (c) => {
    await deletePersona(callerOf(c), c.req.valid('param').id)
    return c.body(null, 204)
  })
  .openapi(fork, async (c) =>
    c.json(await forkPersona(callerOf(c), c.req.valid('param').id, c.req.valid('header')['idempotency-key']), 201),
  )
  .openapi(cardJson, async (c) => {
    const text = await exportJson(callerOf(c), c.req.valid('param').id, c.req.valid('query').spec === '2' ? 2 : 3)
    return attached(text, { name: 'card.json', contentType: 'application/json' })
  })
  .openapi(cardPng, async (c) => {
    const bytes = await exportPng(callerOf(c), c.req.valid('param').id)
    return attached(bytes, { name: 'card.png', contentType: 'image/png' })
  })
  .openapi(readPreferences, async (c) => c.json(await getPreferences(callerOf(c), c.req.valid('param').id), 200))
  .openapi(changePreferences, async (c) =>
    c.json(await setPreferences(callerOf(c), c.req.valid('param').id, c.req.valid('json')), 200),
  )
