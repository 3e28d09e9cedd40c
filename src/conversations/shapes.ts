import { z } from '@hono/zod-openapi'
import { conversationExample, repliedExample, spokenExample } from '#src/conversations/examples.ts'
import { idField, jsonObjectField, momentField, spokenField, textField } from '#src/http/fields.ts'
import { pageOf, PageQuery } from '#src/http/page.ts'

const titleField = textField({ max: 200 })
const tagsField = z.array(textField({ max: 40 })).max(20)

/** A conversation. A title or summary that cannot be opened any more is null. */
export const Conversation = z
  .strictObject({
    id: idField,
    persona_id: idField.nullable(),
    title: z.string().nullable(),
    summary: z.string().nullable(),
    metadata: jsonObjectField,
    tags: z.array(z.string()),
    is_active: z.boolean(),
    is_pinned: z.boolean(),
    is_temporary: z.boolean(),
    message_count: z.int(),
    last_seq: z.int().openapi({
      description:
        'The `seq` of what was said last. A reply that is continued changes in place, and then `updated_at` does.',
    }),
    leaf_message_id: idField.nullable().openapi({
      description: 'Where the path ends that counts: this message, what it follows, and so on up to the first.',
    }),
    last_message_at: momentField.nullable(),
    created_at: momentField,
    updated_at: momentField,
  })
  .openapi('Conversation', { example: conversationExample })
export type Conversation = z.output<typeof Conversation>

export const ConversationPage = pageOf(Conversation).openapi('ConversationPage', {
  example: { items: [conversationExample], next_cursor: null },
})
export type ConversationPage = z.output<typeof ConversationPage>

const flagField = z.enum(['true', 'false']).transform((text) => text === 'true')

/** In which order a list is read. */
const orderField = z.enum(['newest', 'oldest']).default('newest')

/** Which conversations, and in which order of their activity. */
export const ConversationQuery = PageQuery.extend({
  persona_id: idField.optional(),
  is_active: flagField.optional(),
  is_pinned: flagField.optional(),
  is_temporary: flagField.optional(),
  tag: textField({ max: 40 }).optional(),
  order: orderField,
})
export type ConversationQuery = z.output<typeof ConversationQuery>

/** In which order what was said is read. */
export const MessageQuery = PageQuery.extend({
  order: orderField,
  branch: z.enum(['all', 'current']).default('all').openapi({
    description: 'All versions of what was said, or only those of the path that counts, newest first.',
  }),
  after_seq: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional().openapi({
    description: 'Only what came after the message with this `seq`, oldest first: what a device has missed.',
  }),
}).refine(
  ({ branch, order, after_seq: afterSeq }) => branch === 'all' || (order === 'newest' && afterSeq === undefined),
  { path: ['branch'], message: 'current is read newest first, and not after a seq' },
)
export type MessageQuery = z.output<typeof MessageQuery>

/** Since when, and how many conversations at the most. */
export const SyncQuery = z.strictObject({
  after: z.string().max(2_000).optional().openapi({
    description: 'The `next` of the answer before; without it everything comes. Opaque, good for 80 days.',
  }),
  limit: PageQuery.shape.limit,
})
export type SyncQuery = z.output<typeof SyncQuery>

/** What a device has missed. */
export const Sync = z
  .strictObject({
    conversations: z.array(Conversation).openapi({
      description: 'Those that have changed, as they are now; what was said in one is read with `after_seq`.',
    }),
    deleted_ids: z.array(idField).openapi({ description: 'Conversations that are gone.' }),
    next: z.string().openapi({ description: 'What to ask after the next time.' }),
    has_more: z.boolean().openapi({ description: 'Whether to ask again at once.' }),
  })
  .openapi('Sync', {
    example: { conversations: [conversationExample], deleted_ids: [], next: 'eyJhbGciOiJkaXIi…', has_more: false },
  })
export type Sync = z.output<typeof Sync>

/** What a conversation is called that begins as another one did. */
export const Fork = z.strictObject({ title: titleField.optional() }).openapi('Fork', { example: { title: 'What if' } })
export type Fork = z.output<typeof Fork>

/** With whom to talk. */
export const NewConversation = z
  .strictObject({
    persona_id: idField,
    title: titleField.optional(),
    metadata: jsonObjectField.optional(),
    tags: tagsField.optional(),
    is_temporary: z
      .boolean()
      .optional()
      .openapi({ description: 'Never found by a search, and gone a day after it was started.' }),
  })
  .openapi('NewConversation', {
    example: { persona_id: '0198f000-0000-7000-8000-000000000001', title: 'The evening before the examination' },
  })
export type NewConversation = z.output<typeof NewConversation>

/** What may change of a conversation; `is_active: false` archives it. */
export const ConversationChange = z
  .strictObject({
    title: titleField.nullable(),
    metadata: jsonObjectField,
    tags: tagsField,
    is_active: z.boolean(),
    is_pinned: z.boolean(),
  })
  .partial()
  .refine((change) => Object.keys(change).length > 0, 'must name at least one field')
  .openapi('ConversationChange', { example: { is_pinned: true, tags: ['evening'] } })
export type ConversationChange = z.output<typeof ConversationChange>

const contentTypes = ['text', 'markdown'] as const

/**
 * Something said. `origin` tells the companion's own reply from one that the caller's backend recorded, or that a file told
 * of. Content that cannot be opened any more is null.
 */
export const Message = z
  .strictObject({
    id: idField,
    conversation_id: idField,
    parent_id: idField.nullable(),
    turn_id: idField.nullable(),
    seq: z.int(),
    role: z.enum(['user', 'assistant']),
    origin: z.enum(['person', 'companion', 'external', 'imported']).openapi({
      description:
        'Whose words these are: `companion` is a reply that was made here, `external` one that your backend made and `imported` what a file says that a companion said.',
    }),
    content: z.string().nullable(),
    content_type: z.enum(contentTypes),
    metadata: jsonObjectField,
    status: z.enum(['complete', 'interrupted']),
    tokens: z.int().nullable(),
    model: z.string().nullable(),
    latency_ms: z.int().nullable(),
    feedback: z.enum(['up', 'down']).nullable(),
    memory_ids: z.array(idField).openapi({
      description: 'What the companion was told that it remembers, as it said this; some may be forgotten since.',
    }),
    created_at: momentField,
  })
  .openapi('Message', { example: repliedExample })
export type Message = z.output<typeof Message>

export const MessagePage = pageOf(Message).openapi('MessagePage', {
  example: { items: [repliedExample], next_cursor: null },
})
export type MessagePage = z.output<typeof MessagePage>

/** A message that was found, and where the words of the query stand in it. */
const FoundMessage = z
  .strictObject({
    // Extended, it would be all of a message and of another closed object, which nothing can be.
    ...Message.shape,
    highlights: z
      .array(z.strictObject({ start: z.int(), end: z.int() }))
      .openapi({ description: 'From and up to which UTF-16 unit of `content`: fifty places at the most.' }),
  })
  .openapi('FoundMessage', { example: { ...spokenExample, highlights: [{ start: 21, end: 30 }] } })

export const FoundPage = pageOf(FoundMessage).openapi('FoundPage', {
  example: { items: [{ ...spokenExample, highlights: [{ start: 21, end: 30 }] }], next_cursor: null },
})
export type FoundPage = z.output<typeof FoundPage>

/** What a person thinks of a message; null takes it back. */
export const Feedback = z
  .strictObject({ feedback: z.enum(['up', 'down']).nullable() })
  .openapi('Feedback', { example: { feedback: 'up' } })
export type Feedback = z.output<typeof Feedback>

/** A message to append; `assistant` is a reply that the caller's own backend made. */
export const NewMessage = z
  .strictObject({
    role: z.enum(['user', 'assistant']),
    content: spokenField(16_000),
    content_type: z.enum(contentTypes).optional(),
    metadata: jsonObjectField.optional(),
    model: textField({ max: 100 }).optional(),
  })
  .openapi('NewMessage', {
    example: { role: 'assistant', content: 'A reply of your own backend.', model: 'theirs-7b' },
  })
export type NewMessage = z.output<typeof NewMessage>

/** What to look for. It is a body, so that no word of it stands in a URL. */
export const MessageSearch = z
  .strictObject({
    query: textField({ max: 200 }).openapi({ description: 'Words; a message must hold all of them.' }),
    conversation_id: idField.optional(),
    limit: z.int().min(1).max(100).default(50),
    cursor: textField({ max: 2_000 }).optional(),
  })
  .openapi('MessageSearch', { example: { query: 'planetarium telescope', limit: 20 } })
export type MessageSearch = z.output<typeof MessageSearch>

/** The same in a URL, for those who may keep it there. */
export const SearchQuery = PageQuery.extend({
  q: textField({ max: 200 }).openapi({ description: 'Words; a message must hold all of them.' }),
  conversation_id: idField.optional(),
})

/** What a person says to the companion. */
export const NewTurn = z
  .strictObject({
    content: spokenField(16_000),
    edit_of: idField.optional().openapi({
      description:
        'Words of yours that these are to stand beside, as another version: what was said after those is on another path.',
    }),
    is_hidden: z
      .boolean()
      .optional()
      .openapi({ description: 'The words reach the companion and are not stored: “introduce yourself”.' }),
  })
  .refine((turn) => turn.edit_of === undefined || turn.is_hidden !== true, {
    path: ['is_hidden'],
    message: 'cannot be another version of what is stored',
  })
  .openapi('NewTurn', { example: { content: 'I am nervous about my astronomy examination tomorrow.' } })
export type NewTurn = z.output<typeof NewTurn>

/** A finished turn. */
export const Turn = z
  .strictObject({
    id: idField,
    conversation_id: idField,
    state: z.enum(['complete', 'interrupted']),
    user_message: z.union([Message, z.null()]),
    reply: z.union([Message, z.null()]),
  })
  .openapi('Turn', {
    example: {
      id: spokenExample.turn_id,
      conversation_id: conversationExample.id,
      state: 'complete',
      user_message: spokenExample,
      reply: repliedExample,
    },
  })
export type Turn = z.output<typeof Turn>
