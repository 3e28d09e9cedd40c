import { createRoute } from '@hono/zod-openapi'
import { jsonBodyBytes, session } from '#src/http/access.ts'
import { callerOf } from '#src/http/context.ts'
import { IdParams } from '#src/http/fields.ts'
import { IdempotencyHeader } from '#src/http/idempotency.ts'
import { jsonBody, jsonContent } from '#src/http/openapi.ts'
import { newRouter } from '#src/http/router.ts'
import {
  createMemory,
  forgetMemories,
  forgetMemory,
  getMemory,
  getMemoryReason,
  listMemories,
  updateMemory,
} from '#src/memories/memories.ts'
import { getMemorySettings, setMemorySettings } from '#src/memories/settings.ts'
import {
  ForgetQuery,
  Forgotten,
  Memory,
  MemoryChange,
  MemoryPage,
  MemoryQuery,
  MemoryReason,
  MemorySettings,
  MemorySettingsChange,
  NewMemory,
} from '#src/memories/shapes.ts'

const tag = 'Memories'

const list = createRoute({
  ...session(tag, { problems: ['invalid_cursor'] }),
  method: 'get',
  path: '/memories',
  summary: 'What is remembered about you',
  request: { query: MemoryQuery },
  responses: { 200: jsonContent(MemoryPage, 'Newest first.') },
})

const create = createRoute({
  ...session(tag, { bodyBytes: jsonBodyBytes, problems: ['not_found', 'conflict', 'idempotency_key_reused'] }),
  method: 'post',
  path: '/memories',
  summary: 'Have something remembered',
  request: { headers: IdempotencyHeader, body: jsonBody(NewMemory) },
  responses: { 201: jsonContent(Memory, 'The memory.') },
})

const forgetAll = createRoute({
  ...session(tag),
  method: 'delete',
  path: '/memories',
  summary: 'Have everything forgotten, or what one companion alone remembers',
  request: { query: ForgetQuery },
  responses: { 200: jsonContent(Forgotten, 'How many; none of it is drawn from the same words once more.') },
})

const readSettings = createRoute({
  ...session(tag),
  method: 'get',
  path: '/memories/settings',
  summary: 'Whether you are remembered, and by whom',
  responses: {
    200: jsonContent(MemorySettings, 'Remembered by each companion for itself, unless you decided otherwise.'),
  },
})

const changeSettings = createRoute({
  ...session(tag, { bodyBytes: jsonBodyBytes }),
  method: 'put',
  path: '/memories/settings',
  summary: 'Change what it names of that',
  request: { body: jsonBody(MemorySettingsChange) },
  responses: { 200: jsonContent(MemorySettings, 'As it is now.') },
})

const read = createRoute({
  ...session(tag, { problems: ['not_found'] }),
  method: 'get',
  path: '/memories/{id}',
  summary: 'One memory',
  request: { params: IdParams },
  responses: { 200: jsonContent(Memory, 'The memory.') },
})

const why = createRoute({
  ...session(tag, { problems: ['not_found'] }),
  method: 'get',
  path: '/memories/{id}/why',
  summary: 'Why it is remembered',
  request: { params: IdParams },
  responses: { 200: jsonContent(MemoryReason, 'The words that it was drawn from; none where you wrote it.') },
})

const change = createRoute({
  ...session(tag, { bodyBytes: jsonBodyBytes, problems: ['not_found'] }),
  method: 'patch',
  path: '/memories/{id}',
  summary: 'Correct a memory, or say who has it',
  request: { params: IdParams, body: jsonBody(MemoryChange) },
  responses: { 200: jsonContent(Memory, 'The memory as it is now.') },
})

const forget = createRoute({
  ...session(tag, { problems: ['not_found'] }),
  method: 'delete',
  path: '/memories/{id}',
  summary: 'Have a memory forgotten',
  request: { params: IdParams },
  responses: { 204: { description: 'It is gone, and is not drawn from the same words once more.' } },
})

export const memoryRoutes = newRouter()
  .openapi(list, async (c) => c.json(await listMemories(callerOf(c), c.req.valid('query')), 200))
  .openapi(create, async (c) =>
    c.json(await createMemory(callerOf(c), c.req.valid('json'), c.req.valid('header')['idempotency-key']), 201),
  )
  .openapi(forgetAll, async (c) => c.json(await forgetMemories(callerOf(c), c.req.valid('query').persona_id), 200))
  .openapi(readSettings, async (c) => c.json(await getMemorySettings(callerOf(c)), 200))
  .openapi(changeSettings, async (c) => c.json(await setMemorySettings(callerOf(c), c.req.valid('json')), 200))
  .openapi(read, async (c) => c.json(await getMemory(callerOf(c), c.req.valid('param').id), 200))
  .openapi(why, async (c) => c.json(await getMemoryReason(callerOf(c), c.req.valid('param').id), 200))
  .openapi(change, async (c) =>
    c.json(await updateMemory(callerOf(c), c.req.valid('param').id, c.req.valid('json')), 200),
  )
  .openapi(forget, async (c) => {
    await forgetMemory(callerOf(c), c.req.valid('param').id)
    return c.body(null, 204)
  })
