import type { ImportResult } from '#src/conversations/transcript-shapes.ts'
import type { ConversationPage, MessagePage } from '#src/conversations/shapes.ts'
import { call, fuka, rawCall, type Answer } from '#test/setup/client.ts'
import { uploadWith } from '#test/setup/worker-with.ts'
import type { Env } from '#src/config.ts'

export type Imported = ImportResult & { readonly code?: string; readonly detail?: string }

interface Wish {
  readonly format?: string
  readonly personaId?: string | null
  readonly replaced?: Partial<Env>
}

/** Sends a file; held with Fuka unless told otherwise. */
export async function importFile(token: string, body: BodyInit, wish: Wish = {}): Promise<Answer<Imported>> {
  const { format, personaId = fuka, replaced = {} } = wish
  const query = new URLSearchParams({
    ...(format === undefined ? {} : { format }),
    ...(personaId === null ? {} : { persona_id: personaId }),
  })
  return await uploadWith<Imported>(replaced, `/conversations/import?${query.toString()}`, { token, body, headers: {} })
}

/** A conversation as a file, or all of them. */
export async function exportFile(token: string, format: string, id?: string): Promise<string> {
  const path = id === undefined ? '/conversations/export' : `/conversations/${id}/export`
  return await (await rawCall('GET', `${path}?format=${format}`, { token })).text()
}

/** A text in pieces of sizes that end anywhere, in the middle of a character too. */
export function inPieces(text: string, sizes: readonly number[]): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text)
  let [from, turn] = [0, 0]
  return new ReadableStream({
    pull: (controller) => {
      if (from >= bytes.length) {
        controller.close()
        return
      }
      const to = from + (sizes[turn % sizes.length] ?? 1)
      controller.enqueue(bytes.slice(from, to))
      from = to
      turn += 1
    },
  })
}

/** Somebody's conversations, the one with the oldest activity first. */
export const conversationsOf = async (token: string) =>
  (await call<ConversationPage>('GET', '/conversations?order=oldest&limit=100', { token })).body.items

/** The path of a conversation that counts, its last hundred messages. */
export const pathOf = async (token: string, id: string) =>
  (
    await call<MessagePage>('GET', `/conversations/${id}/messages?branch=current&limit=100`, { token })
  ).body.items.toReversed()

interface Node {
  readonly role?: string
  readonly parts?: readonly unknown[]
  readonly at?: number | null
  readonly more?: Record<string, unknown>
}

/** A node of ChatGPT's tree; one without a role holds no message. */
export const node = (id: string, parent: string | null, children: readonly string[], wish: Node = {}) => ({
  id,
  parent,
  children,
  message:
    wish.role === undefined
      ? null
      : {
          id,
          author: { role: wish.role, name: null, metadata: {} },
          create_time: wish.at ?? null,
          update_time: null,
          content: { content_type: 'text', parts: wish.parts ?? [] },
          status: 'finished_successfully',
          end_turn: true,
          weight: 1,
          metadata: { model_slug: wish.role === 'assistant' ? 'gpt-4o' : undefined },
          recipient: 'all',
          channel: null,
          ...wish.more,
        },
})

/** One conversation of ChatGPT's export. */
export const openAiChat = (
  id: string,
  nodes: readonly ReturnType<typeof node>[],
  more: Record<string, unknown> = {},
) => ({
  title: 'Harbour walk',
  create_time: 1_700_000_000.25,
  update_time: 1_700_000_100,
  mapping: Object.fromEntries(nodes.map((one) => [one.id, one])),
  moderation_results: [],
  current_node: nodes.at(-1)?.id,
  plugin_ids: null,
  conversation_id: id,
  gizmo_id: null,
  is_archived: false,
  default_model_slug: 'gpt-4o',
  id,
  ...more,
})

/** A talk of so many messages, one behind the other. */
export const longChat = (id: string, count: number, word = 'word') =>
  openAiChat(
    id,
    Array.from({ length: count }, (_, place) =>
      node(`n${place}`, place === 0 ? null : `n${place - 1}`, [`n${place + 1}`], {
        role: place % 2 === 0 ? 'user' : 'assistant',
        parts: [`${word} ${place} – grüße 💛`],
        at: 1_700_000_000 + place,
      }),
    ),
  )

/** A chat of SillyTavern's, a line for each. */
export const jsonl = (...lines: readonly unknown[]) => lines.map((line) => JSON.stringify(line)).join('\n')

export const sillyHeader = {
  user_name: 'Robin',
  character_name: 'Seraphina',
  create_date: '2023-6-19 @14h 20m 3s 123ms',
  chat_metadata: { note_prompt: '', integrity: '0a0c3f0e-3a41-4c5e-9d0b-9a4a0f5f7a11' },
}

export const sillyLine = (isUser: boolean, mes: string, more: Record<string, unknown> = {}) => ({
  name: isUser ? 'Robin' : 'Seraphina',
  is_user: isUser,
  is_system: false,
  send_date: 'June 19, 2023 2:20pm',
  mes,
  extra: {},
  ...more,
})
