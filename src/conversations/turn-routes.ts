import { createRoute, z } from '@hono/zod-openapi'
import { NewTurn, Turn } from '#src/conversations/shapes.ts'
import { finishedTurn, startTurn, streamTurn } from '#src/conversations/take-turn.ts'
import { uiMessageStreamHeaders } from '#src/conversations/ui-message-stream.ts'
import { jsonBodyBytes, session } from '#src/http/access.ts'
import { callerOf } from '#src/http/context.ts'
import { IdParams } from '#src/http/fields.ts'
import { IdempotencyHeader } from '#src/http/idempotency.ts'
import { jsonBody } from '#src/http/openapi.ts'
import { newRouter } from '#src/http/router.ts'

const take = createRoute({
  ...session('Conversations', {
    limiter: 'COSTLY_LIMITER',
    bodyBytes: jsonBodyBytes,
    problems: [
      'not_found',
      'conflict',
      'turn_in_progress',
      'idempotency_key_reused',
      'upstream_unavailable',
      'upstream_nonsense',
    ],
  }),
  method: 'post',
  path: '/conversations/{id}/turns',
  summary: 'Say something, and get the reply as it is made',
  request: { params: IdParams, headers: IdempotencyHeader, body: jsonBody(NewTurn) },
  responses: {
    200: {
      description:
        "The reply in the AI SDK's UI message stream protocol; with `Accept: application/json` the finished turn. The same Idempotency-Key again answers the stored reply.",
      content: { 'text/event-stream': { schema: z.string() }, 'application/json': { schema: Turn } },
    },
  },
})

export const turnRoutes = newRouter().openapi(take, async (c) => {
  const caller = callerOf(c)
  const answer = async () => {
    const key = c.req.valid('header')['idempotency-key']
    const started = await startTurn(caller, c.req.valid('param').id, c.req.valid('json'), key)
    return wantsJson(c.req.header('Accept') ?? '')
      ? c.json(await finishedTurn(started), 200)
      : new Response(streamTurn(caller, started), { headers: uiMessageStreamHeaders })
  }
  // A client that leaves before the answer begins ends nothing either: the turn runs on and is stored.
  const answering = answer()
  caller.defer(answering.catch(() => undefined))
  return await answering
})

const wantsJson = (accept: string) => accept.includes('application/json') && !accept.includes('text/event-stream')
