import { z } from 'zod'
import type { Message } from '#src/conversations/shapes.ts'
import type { TranscriptWriter } from '#src/conversations/transcripts/exported-chat.ts'
import { growTree } from '#src/conversations/transcripts/grow-tree.ts'
import {
  keepable,
  momentOf,
  parsedAt,
  requireFew,
  unsaid,
  type Said,
  type Transcript,
} from '#src/conversations/transcripts/transcript.ts'

// What is beside the point may be of any shape: nobody has written down what these files hold.
const text = z.string().nullish().catch(null)
const seconds = z.number().nullish().catch(null)

const Spoken = z.object({
  author: z.object({ role: z.string() }),
  create_time: seconds,
  content: z.object({ content_type: text, parts: z.array(z.unknown()).catch([]) }).nullish(),
  recipient: text,
  status: text,
  metadata: z
    .object({
      model_slug: text,
      is_visually_hidden_from_conversation: z.unknown().optional(),
      attachments: z.array(z.unknown()).catch([]),
    })
    .nullish()
    .catch(null),
})

const Node = z.object({ parent: text, message: Spoken.nullish() })

const Chat = z
  .object({
    id: text,
    conversation_id: text,
    title: text,
    create_time: seconds,
    current_node: text,
    is_archived: z.boolean().nullish().catch(null),
    is_starred: z.boolean().nullish().catch(null),
    mapping: z.custom<Record<string, unknown>>(
      (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    ),
  })
  .refine(({ id, conversation_id: own }) => (own ?? id ?? '') !== '', { path: ['id'], message: 'must name it' })

/** Reads one conversation of ChatGPT's `conversations.json`. Throws what zod found first where it is none, and `payload_too_large`. */
export function readOpenAiChat(value: unknown): Transcript {
  const chat = Chat.parse(value)
  // One of them is the root, which holds no message.
  requireFew(Object.keys(chat.mapping).length - 1)
  const nodes = Object.entries(chat.mapping).map(([key, entry]) => {
    const { parent, message } = parsedAt(Node, entry, ['mapping', key])
    const isSpoken = message !== null && message !== undefined
    return { key, parentKey: parent ?? null, isSpoken, said: isSpoken ? saidBy(key, message) : undefined }
  })
  const spoken = nodes.filter(({ isSpoken }) => isSpoken)
  requireFew(spoken.length)
  const tree = growTree(nodes, chat.current_node ?? null)
  return {
    ...tree,
    name: chat.conversation_id ?? chat.id ?? '',
    title: chat.title ?? null,
    at: timeOf(chat.create_time),
    personaId: null,
    isActive: chat.is_archived !== true,
    isPinned: chat.is_starred === true,
    tags: [],
    metadata: {},
    isChained: false,
    skipped: spoken.length - tree.messages.length,
  }
}

const finished = 'finished_successfully'

// What ChatGPT shows as a link to its source stands in the text between two characters of the private use area.
const citations = /\ue200(?:file)?cite[^\ue200\ue201]*\ue201/g

/** Undefined for what neither of the two said to the other: rules, tools and what is said to them, what is hidden. */
function saidBy(name: string, message: z.output<typeof Spoken>): Said | undefined {
  const { author, content, recipient, metadata, status } = message
  const type = content?.content_type
  const isShown = metadata?.is_visually_hidden_from_conversation !== true && (recipient ?? 'all') === 'all'
  if (!isShown || (type !== 'text' && type !== 'multimodal_text')) return undefined
  if (author.role !== 'user' && author.role !== 'assistant') return undefined
  const isReply = author.role === 'assistant'
  const parts = (content?.parts ?? []).map(textOf)
  const whole = parts.filter((part) => part !== undefined && part !== '').join('\n\n')
  const kept = keepable(isReply ? whole.replaceAll(citations, '') : whole)
  if (kept.text.trim() === '') return undefined
  return {
    ...unsaid,
    name,
    role: author.role,
    content: kept.text,
    contentType: isReply ? 'markdown' : 'text',
    status: isReply && (status ?? finished) !== finished ? 'interrupted' : 'complete',
    at: timeOf(message.create_time),
    model: modelOf(metadata?.model_slug),
    isAltered: kept.isAltered || parts.includes(undefined) || (metadata?.attachments ?? []).length > 0,
  }
}

const Transcribed = z.object({ content_type: z.literal('audio_transcription'), text: z.string() })

// What was spoken is written beside the recording of it; pictures and files are elsewhere.
function textOf(part: unknown): string | undefined {
  if (typeof part === 'string') return part
  const transcribed = Transcribed.safeParse(part)
  return transcribed.success ? transcribed.data.text : undefined
}

const timeOf = (time: number | null | undefined) =>
  time === null || time === undefined ? null : momentOf(time * 1_000)

const modelOf = (slug: string | null | undefined) =>
  slug === null || slug === undefined || slug === '' ? null : keepable(slug, 100).text

const root = 'client-created-root'

/** ChatGPT's `conversations.json`, so that what reads that reads ours. */
export const openAiWriter: TranscriptWriter = {
  contentType: 'application/json',
  extension: 'json',
  begin: () => '[',
  between: ',',
  end: ']',
  write: async function* write({ conversation, places, messages }) {
    const children = Map.groupBy(places, ({ parentId }) => parentId ?? root)
    const childrenOf = (id: string) => (children.get(id) ?? []).map((place) => place.id)
    const { id, title, created_at: created, updated_at: updated } = conversation
    const head = { title, create_time: secondsOf(created), update_time: secondsOf(updated) }
    yield `${JSON.stringify(head).slice(0, -1)},"mapping":{`
    yield `${JSON.stringify(root)}:${JSON.stringify({ id: root, message: null, parent: null, children: childrenOf(root) })}`
    for await (const message of messages(places.map((place) => place.id))) {
      const node = {
        id: message.id,
        message: message.content === null ? null : openAiMessage(message, message.content),
        parent: message.parent_id ?? root,
        children: childrenOf(message.id),
      }
      yield `,${JSON.stringify(message.id)}:${JSON.stringify(node)}`
    }
    const tail = {
      moderation_results: [],
      current_node: conversation.leaf_message_id ?? root,
      conversation_id: id,
      is_archived: !conversation.is_active,
      is_starred: conversation.is_pinned,
      id,
    }
    yield `},${JSON.stringify(tail).slice(1)}`
  },
}

const openAiMessage = ({ id, role, created_at: created, model, status }: Message, content: string) => ({
  id,
  author: { role, name: null, metadata: {} },
  create_time: secondsOf(created),
  update_time: null,
  content: { content_type: 'text', parts: [content] },
  status: status === 'complete' ? finished : 'in_progress',
  end_turn: role === 'assistant' && status === 'complete' ? true : null,
  weight: 1,
  metadata: model === null ? {} : { model_slug: model },
  recipient: 'all',
})

const secondsOf = (moment: string) => Date.parse(moment) / 1_000
