import { createRoute, z } from '@hono/zod-openapi'
import { chat, chatInProgress } from '#src/conversations/chat.ts'
import { ChatParams, ChatRequest } from '#src/conversations/chat-shapes.ts'
import { readTurn } from '#src/conversations/follow-turn.ts'
import { NewTurn, Turn } from '#src/conversations/shapes.ts'
import { stopTurn } from '#src/conversations/stop-turn.ts'
import { finishedTurn, streamTurn, type Hearing } from '#src/conversations/hear-turn.ts'
import { continueTurn, regenerateReply, startTurn, type StartedTurn } from '#src/conversations/take-turn.ts'
import { uiMessageStreamHeaders } from '#src/conversations/ui-message-stream.ts'
import { jsonBodyBytes, session } from '#src/http/access.ts'
import { callerOf, type AppContext } from '#src/http/context.ts'
import { idField, IdParams } from '#src/http/fields.ts'
import { IdempotencyHeader } from '#src/http/idempotency.ts'
import { jsonBody } from '#src/http/openapi.ts'
import { newRouter } from '#src/http/router.ts'
import { speechFormats } from '#src/speech/audio-format.ts'

const tag = 'Conversations'
// A client sends the whole chat each time.
const chatBytes = 1_024 * 1_024
const TurnParams = z.strictObject({ id: idField, turn_id: idField })

const ofTheModel = ['turn_stopped', 'quota_exceeded', 'upstream_unavailable', 'upstream_nonsense'] as const

const ResumeHeader = z.object({
  'last-event-id': z.string().max(100).optional().openapi({
    description: 'The id of the last event that was heard: what comes after it is sent, and nothing twice.',
  }),
})

const SpeechQuery = z.strictObject({
  speech: z
    .enum(['auto', ...speechFormats])
    .optional()
    .openapi({
      description:
        'Has the reply spoken as it is made: a `data-speech` part for each sentence, in order, with what `POST /voice/speech` answers (or the `code` of a problem), its `index`, and its place in the text (`from`, `to`). `auto` leaves the format to the vendor. What is heard again after a cut has no such parts.',
    }),
})

const reply = (description: string) => ({
  200: {
    description,
    content: { 'text/event-stream': { schema: z.string() }, 'application/json': { schema: Turn } },
  },
})

const take = createRoute({
  ...session(tag, {
    limiter: 'COSTLY_LIMITER',
    bodyBytes: jsonBodyBytes,
    problems: ['not_found', 'conflict', 'idempotency_key_reused', ...ofTheModel],
  }),
  method: 'post',
  path: '/conversations/{id}/turns',
  summary: 'Say something, and get the reply as it is made',
  request: {
    params: IdParams,
    query: SpeechQuery,
    headers: IdempotencyHeader.extend(ResumeHeader.shape),
    body: jsonBody(NewTurn),
  },
  responses: reply(
    "The reply in the AI SDK's UI message stream protocol; with `Accept: application/json` the finished turn. The same Idempotency-Key again answers the same reply, also while it is being made, and with `Last-Event-ID` what comes after that event.",
  ),
})

const again = createRoute({
  ...session(tag, {
    limiter: 'COSTLY_LIMITER',
    problems: ['not_found', 'conflict', 'idempotency_key_reused', ...ofTheModel],
  }),
  method: 'post',
  path: '/conversations/{id}/messages/{message_id}/regenerate',
  summary: 'Have the companion answer once more',
  request: {
    params: z.strictObject({ id: idField, message_id: idField }),
    query: SpeechQuery,
    headers: IdempotencyHeader.extend(ResumeHeader.shape),
  },
  responses: reply(
    'Another version of this reply, beside it: a child of the same message, and the one that counts from now on.',
  ),
})

const events = createRoute({
  ...session(tag, { problems: ['not_found'] }),
  method: 'get',
  path: '/conversations/{id}/turns/{turn_id}/events',
  summary: 'Hear the rest of a reply',
  request: { params: TurnParams, headers: ResumeHeader },
  responses: {
    200: {
      description:
        'The reply from the character on that `Last-Event-ID` names, or from its beginning, as it is made: sentence by sentence. The id of the last event says how many characters are stored.',
      content: { 'text/event-stream': { schema: z.string() } },
    },
  },
})

const goOn = createRoute({
  ...session(tag, {
    limiter: 'COSTLY_LIMITER',
    problems: ['not_found', 'conflict', 'turn_in_progress', ...ofTheModel],
  }),
  method: 'post',
  path: '/conversations/{id}/turns/{turn_id}/continue',
  summary: 'Go on with a reply that was interrupted, in the same message',
  request: { params: TurnParams, query: SpeechQuery, headers: ResumeHeader },
  responses: reply('What was said before, from the character on that `Last-Event-ID` names, and then what follows.'),
})

const stop = createRoute({
  ...session(tag, { problems: ['not_found'] }),
  method: 'post',
  path: '/conversations/{id}/turns/{turn_id}/stop',
  summary: 'Stop a reply that is being made',
  request: { params: TurnParams },
  responses: {
    204: { description: 'It ends within about a second, with what was said. One that has ended stays as it is.' },
  },
})

const chatting = createRoute({
  ...session(tag, {
    limiter: 'COSTLY_LIMITER',
    bodyBytes: chatBytes,
    problems: ['not_found', 'conflict', 'idempotency_key_reused', ...ofTheModel],
  }),
  method: 'post',
  path: '/chat',
  summary: 'What `useChat` of the AI SDK asks by its default transport',
  request: { query: SpeechQuery, body: jsonBody(ChatRequest) },
  responses: reply('The reply, as `POST /conversations/{id}/turns` streams it.'),
})

const resumed = createRoute({
  ...session(tag),
  method: 'get',
  path: '/chat/{chat_id}/stream',
  summary: 'The same, to resume the reply that is being made',
  request: { params: ChatParams },
  responses: {
    200: { description: 'That reply.', content: { 'text/event-stream': { schema: z.string() } } },
    204: { description: 'None is being made.' },
  },
})

export const turnRoutes = newRouter()
  .openapi(take, async (c) => {
    const { 'idempotency-key': key, 'last-event-id': heard } = c.req.valid('header')
    const { id } = c.req.valid('param')
    return await answer(c, async () => await startTurn(callerOf(c), id, c.req.valid('json'), key), {
      heard,
      ...c.req.valid('query'),
    })
  })
  .openapi(again, async (c) => {
    const { 'idempotency-key': key, 'last-event-id': heard } = c.req.valid('header')
    const { id, message_id: messageId } = c.req.valid('param')
    return await answer(c, async () => await regenerateReply(callerOf(c), id, messageId, key), {
      heard,
      ...c.req.valid('query'),
    })
  })
  .openapi(goOn, async (c) => {
    const { id, turn_id: turnId } = c.req.valid('param')
    const heard = c.req.valid('header')['last-event-id']
    return await answer(c, async () => await continueTurn(callerOf(c), id, turnId), { heard, ...c.req.valid('query') })
  })
  .openapi(events, async (c) => {
    const { id, turn_id: turnId } = c.req.valid('param')
    const heard = c.req.valid('header')['last-event-id']
    return stream(c, { isLive: false, seen: await readTurn(callerOf(c), id, turnId) }, { heard })
  })
  .openapi(
    chatting,
    async (c) => await answer(c, async () => await chat(callerOf(c), c.req.valid('json')), c.req.valid('query')),
  )
  .openapi(resumed, async (c) => {
    const seen = await chatInProgress(callerOf(c), c.req.valid('param').chat_id)
    return seen === undefined ? c.body(null, 204) : stream(c, { isLive: false, seen }, {})
  })
  .openapi(stop, async (c) => {
    const { id, turn_id: turnId } = c.req.valid('param')
    await stopTurn(callerOf(c), id, turnId)
    return c.body(null, 204)
  })

/** The last event that was heard, and whether the reply is to be spoken. */
interface Wish {
  readonly heard?: string | undefined
  readonly speech?: Hearing['speech']
}

async function answer(c: AppContext, start: () => Promise<StartedTurn>, wish: Wish) {
  const answering = (async () => {
    const started = await start()
    return wantsJson(c.req.header('Accept') ?? '')
      ? c.json(await finishedTurn(callerOf(c), started), 200)
      : stream(c, started, wish)
  })()
  // A client that leaves before the answer begins ends nothing either: the turn runs on and is stored.
  callerOf(c).defer(answering.catch(() => undefined))
  return await answering
}

function stream(c: AppContext, started: StartedTurn, { heard, speech }: Wish): Response {
  const { turnId } = started.isLive ? started.turn : started.seen
  return new Response(streamTurn(callerOf(c), started, { from: charactersOf(turnId, heard), speech }), {
    headers: uiMessageStreamHeaders,
  })
}

const wantsJson = (accept: string) => accept.includes('application/json') && !accept.includes('text/event-stream')

/** How many characters of a turn its client has, by the id of the last event that it heard: none of another turn's. */
function charactersOf(turnId: string, lastEventId: string | undefined): number {
  const [, ofTurn, characters] = /^([\w-]+)\.(\d{1,9})$/.exec(lastEventId ?? '') ?? []
  return ofTurn === turnId ? Number(characters) : 0
}
