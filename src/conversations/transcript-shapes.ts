import { z } from '@hono/zod-openapi'
import { conversationExample, spokenExample } from '#src/conversations/examples.ts'
import { Conversation, Message } from '#src/conversations/shapes.ts'
import { transcriptFormats } from '#src/conversations/transcripts/transcript.ts'
import { idField, momentField } from '#src/http/fields.ts'

/** Which program wrote a file, and with whom its conversations were held. */
export const ImportQuery = z.strictObject({
  format: z
    .enum(['auto', ...transcriptFormats])
    .default('auto')
    .openapi({ description: 'Which program wrote the file; `auto` looks at its beginning.' }),
  persona_id: idField.optional().openapi({
    description:
      'With whom the conversations were held. Needed where the format does not say so; for our own, used where the file names nobody whom you may see.',
  }),
})
export type ImportQuery = z.output<typeof ImportQuery>

/** What became of a file. */
export const ImportResult = z
  .strictObject({
    format: z.enum(transcriptFormats),
    conversations: z.strictObject({
      added: z.int(),
      found: z.int().openapi({ description: 'That were here already; what was new in them was added.' }),
      skipped: z.int().openapi({ description: 'In which neither of the two said anything.' }),
      refused: z.int().openapi({ description: 'That could not be taken in.' }),
    }),
    messages: z.strictObject({
      added: z.int(),
      found: z.int().openapi({ description: 'That were here already.' }),
      skipped: z.int().openapi({ description: 'That neither of the two said to the other, or that were empty.' }),
      altered: z.int().openapi({
        description:
          'Of those that were added or found, how many are not all that the file has: cut at 100,000 characters, without their pictures and files, or without characters that no text may hold.',
      }),
    }),
    refused: z
      .array(z.strictObject({ conversation: z.int(), detail: z.string() }))
      .max(10)
      .openapi({ description: 'The first ten that were refused: which of the file’s, counted from one, and why.' }),
  })
  .openapi('ImportResult', {
    example: {
      format: 'openai',
      conversations: { added: 12, found: 0, skipped: 1, refused: 0 },
      messages: { added: 431, found: 0, skipped: 57, altered: 3 },
      refused: [],
    },
  })
export type ImportResult = z.output<typeof ImportResult>

/** As what one conversation is written. */
export const ExportQuery = z.strictObject({
  format: z.enum([...transcriptFormats, 'markdown']).default('neuraform'),
})

/** As what all of them are written. */
export const ExportAllQuery = z.strictObject({ format: z.enum(['neuraform', 'openai']).default('neuraform') })

/** Our own file. */
export const ConversationsFile = z
  .strictObject({
    format: z.literal('neuraform.conversations'),
    version: z.literal(1),
    exported_at: momentField,
    conversations: z.array(
      z.strictObject({
        ...Conversation.shape,
        persona: z.strictObject({ id: idField, display_name: z.string() }).nullable(),
        messages: z.array(Message),
      }),
    ),
  })
  .openapi('ConversationsFile', {
    example: {
      format: 'neuraform.conversations',
      version: 1,
      exported_at: '2026-11-26T20:15:00.000Z',
      conversations: [
        {
          ...conversationExample,
          persona: { id: '0198f000-0000-7000-8000-000000000001', display_name: 'Fuka' },
          messages: [spokenExample],
        },
      ],
    },
  })

const OpenAiMessage = z.strictObject({
  id: idField,
  author: z.strictObject({ role: z.enum(['user', 'assistant']), name: z.null(), metadata: z.strictObject({}) }),
  create_time: z.number(),
  update_time: z.null(),
  content: z.strictObject({ content_type: z.literal('text'), parts: z.array(z.string()) }),
  status: z.enum(['finished_successfully', 'in_progress']),
  end_turn: z.boolean().nullable(),
  weight: z.int(),
  metadata: z.strictObject({ model_slug: z.string().optional() }),
  recipient: z.literal('all'),
})

/** What ChatGPT's `conversations.json` is, as far as there is something to say. */
export const OpenAiConversations = z
  .array(
    z.strictObject({
      title: z.string().nullable(),
      create_time: z.number(),
      update_time: z.number(),
      mapping: z.record(
        z.string(),
        z.strictObject({
          id: z.string(),
          message: z.union([OpenAiMessage, z.null()]),
          parent: z.string().nullable(),
          children: z.array(z.string()),
        }),
      ),
      moderation_results: z.array(z.string()),
      current_node: z.string(),
      conversation_id: idField,
      is_archived: z.boolean(),
      is_starred: z.boolean(),
      id: idField,
    }),
  )
  .openapi('OpenAiConversations')
