import { createRoute, z } from '@hono/zod-openapi'
import { exportChat, exportChats, type ExportedFile } from '#src/conversations/export-chats.ts'
import { importChats } from '#src/conversations/import-chats.ts'
import {
  ConversationsFile,
  ExportAllQuery,
  ExportQuery,
  ImportQuery,
  ImportResult,
  OpenAiConversations,
} from '#src/conversations/transcript-shapes.ts'
import { session } from '#src/http/access.ts'
import { attached } from '#src/http/attachment.ts'
import { callerOf } from '#src/http/context.ts'
import { IdParams } from '#src/http/fields.ts'
import { jsonContent } from '#src/http/openapi.ts'
import { newRouter } from '#src/http/router.ts'

const tag = 'Conversations'

const file = { schema: z.string().openapi({ format: 'binary' }) }

const importing = createRoute({
  ...session(tag, {
    limiter: 'COSTLY_LIMITER',
    problems: ['not_found', 'malformed_body', 'payload_too_large', 'invalid_body', 'conflict', 'quota_exceeded'],
  }),
  method: 'post',
  path: '/conversations/import',
  summary: 'Take in conversations from a file of ours, ChatGPT or SillyTavern',
  description:
    'The body is the file itself, at most 64 MiB, whatever its type is called. It is taken in conversation by conversation: after a failure what came before is kept, and what is sent again is not added again.',
  // Nothing that begins with `application/json`: it would be read as a value, and all at once.
  request: {
    query: ImportQuery,
    body: {
      content: { 'application/octet-stream': file, 'application/x-ndjson': file, 'text/plain': file },
      required: true,
    },
  },
  responses: { 200: jsonContent(ImportResult, 'What was added, and what was here already.') },
})

const files = z.union([ConversationsFile, OpenAiConversations])

const exportingAll = createRoute({
  ...session(tag, { limiter: 'COSTLY_LIMITER' }),
  method: 'get',
  path: '/conversations/export',
  summary: 'All your conversations as a file',
  request: { query: ExportAllQuery },
  responses: { 200: jsonContent(files, 'The oldest first, without temporary ones.') },
})

const exportingOne = createRoute({
  ...session(tag, { limiter: 'COSTLY_LIMITER', problems: ['not_found', 'conflict'] }),
  method: 'get',
  path: '/conversations/{id}/export',
  summary: 'A conversation as a file',
  request: { params: IdParams, query: ExportQuery },
  responses: {
    200: {
      content: { 'application/json': { schema: files }, 'application/jsonl': file, 'text/markdown': file },
      description: 'In the format that was asked for.',
    },
  },
})

const saved = ({ body, ...about }: ExportedFile) => attached(body, about)

export const transcriptRoutes = newRouter()
  .openapi(importing, async (c) => c.json(await importChats(callerOf(c), c.req.raw.body, c.req.valid('query')), 200))
  .openapi(exportingAll, async (c) => saved(await exportChats(callerOf(c), c.req.valid('query').format)))
  .openapi(exportingOne, async (c) =>
    saved(await exportChat(callerOf(c), c.req.valid('param').id, c.req.valid('query').format)),
  )
