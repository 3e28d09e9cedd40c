import { createRoute, z } from '@hono/zod-openapi'
import {
  createConversation,
  deleteConversation,
  getConversation,
  listConversations,
  updateConversation,
} from '#src/conversations/conversations.ts'
import { appendMessage, giveFeedback, listMessages } from '#src/conversations/messages.ts'
import {
  Conversation,
  ConversationChange,
  ConversationPage,
  ConversationQuery,
  Feedback,
  Fork,
  FoundPage,
  Message,
  MessagePage,
  MessageQuery,
  MessageSearch,
  NewConversation,
  NewMessage,
  SearchQuery,
  Sync,
  SyncQuery,
} from '#src/conversations/shapes.ts'
import { searchMessages } from '#src/conversations/search.ts'
import { syncConversations } from '#src/conversations/sync.ts'
import { chooseVersion, deleteMessage, forkConversation } from '#src/conversations/versions.ts'
import { jsonBodyBytes, session } from '#src/http/access.ts'
import { callerOf } from '#src/http/context.ts'
import { idField, IdParams } from '#src/http/fields.ts'
import { IdempotencyHeader } from '#src/http/idempotency.ts'
import { jsonBody, jsonContent } from '#src/http/openapi.ts'
import { newRouter } from '#src/http/router.ts'

const tag = 'Conversations'

const create = createRoute({
  ...session(tag, { bodyBytes: jsonBodyBytes, problems: ['not_found', 'idempotency_key_reused'] }),
  method: 'post',
  path: '/conversations',
  summary: 'Start a conversation with a persona',
  request: { headers: IdempotencyHeader, body: jsonBody(NewConversation) },
  responses: { 201: jsonContent(Conversation, 'The conversation.') },
})

const list = createRoute({
  ...session(tag, { problems: ['invalid_cursor'] }),
  method: 'get',
  path: '/conversations',
  summary: 'Your conversations',
  request: { query: ConversationQuery },
  responses: { 200: jsonContent(ConversationPage, 'The one with the newest activity first, or last.') },
})

const read = createRoute({
  ...session(tag, { problems: ['not_found'] }),
  method: 'get',
  path: '/conversations/{id}',
  summary: 'One of your conversations',
  request: { params: IdParams },
  responses: { 200: jsonContent(Conversation, 'The conversation.') },
})

const change = createRoute({
  ...session(tag, { bodyBytes: jsonBodyBytes, problems: ['not_found'] }),
  method: 'patch',
  path: '/conversations/{id}',
  summary: 'Rename, archive, pin or tag a conversation',
  request: { params: IdParams, body: jsonBody(ConversationChange) },
  responses: { 200: jsonContent(Conversation, 'The conversation as it is now.') },
})

const remove = createRoute({
  ...session(tag, { problems: ['not_found'] }),
  method: 'delete',
  path: '/conversations/{id}',
  summary: 'Delete a conversation and everything said in it',
  request: { params: IdParams },
  responses: { 204: { description: 'It is gone.' } },
})

const append = createRoute({
  ...session(tag, { bodyBytes: jsonBodyBytes, problems: ['not_found', 'idempotency_key_reused'] }),
  method: 'post',
  path: '/conversations/{id}/messages',
  summary: 'Append a message, for backends that make the reply themselves',
  request: { params: IdParams, headers: IdempotencyHeader, body: jsonBody(NewMessage) },
  responses: { 201: jsonContent(Message, 'The message.') },
})

const history = createRoute({
  ...session(tag, { problems: ['not_found', 'invalid_cursor'] }),
  method: 'get',
  path: '/conversations/{id}/messages',
  summary: 'What was said',
  request: { params: IdParams, query: MessageQuery },
  responses: { 200: jsonContent(MessagePage, 'Newest first, or last.') },
})

const feedback = createRoute({
  ...session(tag, { bodyBytes: jsonBodyBytes, problems: ['not_found'] }),
  method: 'put',
  path: '/conversations/{id}/messages/{message_id}/feedback',
  summary: 'Say what you think of a message',
  request: { params: z.strictObject({ id: idField, message_id: idField }), body: jsonBody(Feedback) },
  responses: { 200: jsonContent(Message, 'The message as it is now.') },
})

const search = createRoute({
  ...session(tag, { bodyBytes: jsonBodyBytes, problems: ['not_found', 'invalid_cursor'] }),
  method: 'post',
  path: '/search',
  summary: 'Find what was said by its words',
  request: { body: jsonBody(MessageSearch) },
  responses: { 200: jsonContent(FoundPage, 'Newest first.') },
})

const lookUp = createRoute({
  ...session(tag, { problems: ['not_found', 'invalid_cursor'] }),
  method: 'get',
  path: '/search',
  summary: 'The same by a URL, which proxies and browsers keep',
  request: { query: SearchQuery },
  responses: { 200: jsonContent(FoundPage, 'Newest first.') },
})

const choose = createRoute({
  ...session(tag, { problems: ['not_found'] }),
  method: 'post',
  path: '/conversations/{id}/messages/{message_id}/choose',
  summary: 'Go on from this version of what was said',
  request: { params: z.strictObject({ id: idField, message_id: idField }) },
  responses: {
    200: jsonContent(
      Conversation,
      'The conversation, whose path leads over this message and the newest that follow it.',
    ),
  },
})

const removeMessage = createRoute({
  ...session(tag, { problems: ['not_found', 'turn_in_progress'] }),
  method: 'delete',
  path: '/conversations/{id}/messages/{message_id}',
  summary: 'Delete a message and what follows it',
  request: { params: z.strictObject({ id: idField, message_id: idField }) },
  responses: {
    200: jsonContent(Conversation, 'The conversation, whose path leads over the newest version of what is left.'),
  },
})

const fork = createRoute({
  ...session(tag, {
    limiter: 'COSTLY_LIMITER',
    bodyBytes: jsonBodyBytes,
    problems: ['not_found', 'conflict', 'idempotency_key_reused'],
  }),
  method: 'post',
  path: '/conversations/{id}/messages/{message_id}/fork',
  summary: 'Begin another conversation as this one began, up to a message',
  request: {
    params: z.strictObject({ id: idField, message_id: idField }),
    headers: IdempotencyHeader,
    body: jsonBody(Fork),
  },
  responses: {
    201: jsonContent(
      Conversation,
      'A conversation of its own, with copies of the newest 1,000 messages up to that one.',
    ),
  },
})

const sync = createRoute({
  ...session(tag, { problems: ['invalid_cursor'] }),
  method: 'get',
  path: '/sync',
  summary: 'What has changed since this device asked last',
  request: { query: SyncQuery },
  responses: { 200: jsonContent(Sync, 'Conversations that changed, oldest change first, and those that are gone.') },
})

export const conversationRoutes = newRouter()
  .openapi(create, async (c) =>
    c.json(await createConversation(callerOf(c), c.req.valid('json'), c.req.valid('header')['idempotency-key']), 201),
  )
  .openapi(list, async (c) => c.json(await listConversations(callerOf(c), c.req.valid('query')), 200))
  .openapi(read, async (c) => c.json(await getConversation(callerOf(c), c.req.valid('param').id), 200))
  .openapi(change, async (c) =>
    c.json(await updateConversation(callerOf(c), c.req.valid('param').id, c.req.valid('json')), 200),
  )
  .openapi(remove, async (c) => {
    await deleteConversation(callerOf(c), c.req.valid('param').id)
    return c.body(null, 204)
  })
  .openapi(append, async (c) => {
    const key = c.req.valid('header')['idempotency-key']
    return c.json(await appendMessage(callerOf(c), c.req.valid('param').id, c.req.valid('json'), key), 201)
  })
  .openapi(history, async (c) =>
    c.json(await listMessages(callerOf(c), c.req.valid('param').id, c.req.valid('query')), 200),
  )
  .openapi(feedback, async (c) => {
    const { id, message_id: messageId } = c.req.valid('param')
    return c.json(await giveFeedback(callerOf(c), id, messageId, c.req.valid('json')), 200)
  })
  .openapi(search, async (c) => c.json(await searchMessages(callerOf(c), c.req.valid('json')), 200))
  .openapi(lookUp, async (c) => {
    const { q: query, ...rest } = c.req.valid('query')
    return c.json(await searchMessages(callerOf(c), { query, ...rest }), 200)
  })
  .openapi(choose, async (c) => {
    const { id, message_id: messageId } = c.req.valid('param')
    return c.json(await chooseVersion(callerOf(c), id, messageId), 200)
  })
  .openapi(removeMessage, async (c) => {
    const { id, message_id: messageId } = c.req.valid('param')
    return c.json(await deleteMessage(callerOf(c), id, messageId), 200)
  })
  .openapi(fork, async (c) => {
    const { id, message_id: messageId } = c.req.valid('param')
    const key = c.req.valid('header')['idempotency-key']
    return c.json(await forkConversation(callerOf(c), id, messageId, c.req.valid('json'), key), 201)
  })
  .openapi(sync, async (c) => c.json(await syncConversations(callerOf(c), c.req.valid('query')), 200))
