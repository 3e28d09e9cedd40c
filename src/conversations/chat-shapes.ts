import { z } from '@hono/zod-openapi'
import { idField } from '#src/http/fields.ts'

const chatIdField = z.string().regex(/^[\w:.-]{1,100}$/, 'must be 1 to 100 letters, digits, or any of _ : . -')

/** A message as the AI SDK's `UIMessage` has it; of its parts the text counts. */
const ChatUiMessage = z
  .object({
    id: z.string().regex(/^[\x21-\x7e]{1,100}$/, 'must be 1 to 100 visible ASCII characters'),
    role: z.enum(['system', 'user', 'assistant']),
    parts: z
      .array(z.object({ type: z.string().max(100), text: z.string().max(16_000).optional() }).openapi('ChatUiPart'))
      .max(200),
  })
  .openapi('ChatUiMessage')

/** What the AI SDK's default transport sends. Whatever else it is told to send is taken and left alone. */
export const ChatRequest = z
  .object({
    id: chatIdField,
    messages: z.array(ChatUiMessage).max(1_000),
    trigger: z.enum(['submit-message', 'regenerate-message']).default('submit-message'),
    persona_id: idField
      .optional()
      .openapi({ description: 'With whom a new chat begins; the first companion if left out.' }),
  })
  .openapi('ChatRequest', {
    example: {
      id: 'kQ3vZ8x',
      trigger: 'submit-message',
      messages: [{ id: 'm1', role: 'user', parts: [{ type: 'text', text: 'Hello!' }] }],
    },
  })
export type ChatRequest = z.output<typeof ChatRequest>

export const ChatParams = z.strictObject({ chat_id: chatIdField })
