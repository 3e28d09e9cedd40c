import { z } from 'zod'
import type { TranscriptWriter } from '#src/conversations/transcripts/exported-chat.ts'
import { growTree } from '#src/conversations/transcripts/grow-tree.ts'
import {
  keepable,
  momentOf,
  parsedAt,
  requireFew,
  type Said,
  type Transcript,
} from '#src/conversations/transcripts/transcript.ts'
import { idField, jsonObjectField, textField } from '#src/http/fields.ts'

/** What our own file begins with. */
export const neuraformName = 'neuraform.conversations'
export const neuraformVersion = 1

const moment = z.string().nullish().catch(null)
const count = z.int().min(0).max(2_147_483_647).nullish().catch(null)

const Entry = z.object({
  id: idField,
  parent_id: idField.nullish(),
  role: z.enum(['user', 'assistant']),
  content: z.string().nullable(),
  content_type: z.enum(['text', 'markdown']).default('text'),
  metadata: jsonObjectField.catch({}),
  status: z.enum(['complete', 'interrupted']).default('complete'),
  tokens: count,
  model: textField({ max: 100 }).nullish().catch(null),
  latency_ms: count,
  feedback: z.enum(['up', 'down']).nullish().catch(null),
  created_at: moment,
})

const Chat = z.object({
  id: idField,
  persona_id: idField.nullish(),
  title: z.string().nullish(),
  metadata: jsonObjectField.catch({}),
  // What zod finds wrong takes a thousand times what it is found in: many are counted before they are looked at.
  tags: z
    .array(z.unknown())
    .max(20)
    .pipe(z.array(textField({ max: 40 })))
    .catch([]),
  is_active: z.boolean().default(true),
  is_pinned: z.boolean().default(false),
  leaf_message_id: idField.nullish().catch(null),
  created_at: moment,
  messages: z.array(z.unknown()),
})

/** Reads one conversation of our own file. Throws what zod found first where it is none, and `payload_too_large`. */
export function readNeuraformChat(value: unknown): Transcript {
  const chat = Chat.parse(value)
  requireFew(chat.messages.length)
  const nodes = chat.messages.map((message, place) => {
    const entry = parsedAt(Entry, message, ['messages', place])
    return { key: entry.id, parentKey: entry.parent_id ?? null, said: saidIn(entry) }
  })
  const tree = growTree(nodes, chat.leaf_message_id ?? null)
  return {
    ...tree,
    name: chat.id,
    title: chat.title ?? null,
    at: timeOf(chat.created_at),
    personaId: chat.persona_id ?? null,
    isActive: chat.is_active,
    isPinned: chat.is_pinned,
    tags: chat.tags,
    metadata: chat.metadata,
    isChained: false,
    skipped: chat.messages.length - tree.messages.length,
  }
}

/** Undefined for what could not be opened when it was exported. */
function saidIn(entry: z.output<typeof Entry>): Said | undefined {
  const kept = keepable(entry.content ?? '')
  if (kept.text.trim() === '') return undefined
  return {
    name: entry.id,
    role: entry.role,
    content: kept.text,
    contentType: entry.content_type,
    at: timeOf(entry.created_at),
    status: entry.status,
    metadata: entry.metadata,
    model: entry.model ?? null,
    tokens: entry.tokens ?? null,
    latencyMs: entry.latency_ms ?? null,
    feedback: entry.feedback ?? null,
    isAltered: kept.isAltered,
  }
}

const timeOf = (text: string | null | undefined) =>
  text === null || text === undefined ? null : momentOf(Date.parse(text))

/** Our own file: what the API answers of conversations and messages. */
export const neuraformWriter: TranscriptWriter = {
  contentType: 'application/json',
  extension: 'json',
  begin: (now) =>
    `{"format":"${neuraformName}","version":${neuraformVersion},"exported_at":"${now.toISOString()}","conversations":[`,
  between: ',',
  end: ']}',
  write: async function* write({ conversation, persona, places, messages }) {
    yield `${JSON.stringify({ ...conversation, persona }).slice(0, -1)},"messages":[`
    let between = ''
    for await (const message of messages(places.map(({ id }) => id))) {
      yield `${between}${JSON.stringify(message)}`
      between = ','
    }
    yield ']}'
  },
}
