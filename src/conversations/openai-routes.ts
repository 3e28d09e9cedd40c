import { createRoute, z } from '@hono/zod-openapi'
import {
  completeChat,
  completeTurn,
  getModel,
  listModels,
  streamCompletion,
  wholeCompletion,
} from '#src/conversations/complete-chat.ts'
import {
  ChatCompletion,
  ChatCompletionRequest,
  Model,
  modelField,
  ModelList,
} from '#src/conversations/openai-shapes.ts'
import { session } from '#src/http/access.ts'
import { callerOf } from '#src/http/context.ts'
import { idField } from '#src/http/fields.ts'
import { IdempotencyHeader } from '#src/http/idempotency.ts'
import { jsonBody, jsonContent } from '#src/http/openapi.ts'
import { newRouter } from '#src/http/router.ts'

const tag = 'OpenAI dialect'
const chatBytes = 512 * 1_024

const models = createRoute({
  ...session(tag, { isOpenAiDialect: true }),
  method: 'get',
  path: '/v1/models',
  summary: 'The personas, as models',
  responses: { 200: jsonContent(ModelList, 'Oldest first, a hundred at the most.') },
})

const model = createRoute({
  ...session(tag, { isOpenAiDialect: true, problems: ['not_found'] }),
  method: 'get',
  path: '/v1/models/{model}',
  summary: 'One persona, as a model',
  request: { params: z.strictObject({ model: modelField }) },
  responses: { 200: jsonContent(Model, 'The persona.') },
})

const complete = createRoute({
  ...session(tag, {
    isOpenAiDialect: true,
    limiter: 'COSTLY_LIMITER',
    bodyBytes: chatBytes,
    problems: [
      'quota_exceeded',
      'not_found',
      'conflict',
      'idempotency_key_reused',
      'turn_stopped',
      'upstream_unavailable',
      'upstream_nonsense',
    ],
  }),
  method: 'post',
  path: '/v1/chat/completions',
  summary: 'A reply of a persona, for clients of the OpenAI API',
  request: {
    headers: IdempotencyHeader.extend({
      'x-conversation-id': idField.optional().openapi({
        description: 'A conversation of yours that keeps the last message and the reply. Without it nothing is kept.',
      }),
    }),
    body: jsonBody(ChatCompletionRequest),
  },
  responses: {
    200: {
      description: 'The completion; with `stream: true` its chunks as server-sent events.',
      content: { 'application/json': { schema: ChatCompletion }, 'text/event-stream': { schema: z.string() } },
    },
  },
})

export const openAiRoutes = newRouter()
  .openapi(models, async (c) => c.json({ object: 'list' as const, data: [...(await listModels(callerOf(c)))] }, 200))
  .openapi(model, async (c) => c.json(await getModel(callerOf(c), c.req.valid('param').model), 200))
  .openapi(complete, async (c) => {
    const [caller, request] = [callerOf(c), c.req.valid('json')]
    const { 'x-conversation-id': conversationId, 'idempotency-key': key } = c.req.valid('header')
    const answering = (async () => {
      const completion =
        conversationId === undefined
          ? await completeChat(caller, request)
          : await completeTurn(caller, request, conversationId, key)
      if (request.stream !== true) return c.json(await wholeCompletion(completion), 200)
      return new Response(streamCompletion(caller, completion, request), {
        headers: { 'Content-Type': 'text/event-stream; charset=utf-8', 'Cache-Control': 'no-store' },
      })
    })()
    // A turn that is kept runs on, whoever listens.
    caller.defer(answering.catch(() => undefined))
    return await answering
  })
