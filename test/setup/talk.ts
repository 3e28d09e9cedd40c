import type { Conversation, Message, MessagePage, Turn } from '#src/conversations/shapes.ts'
import { call, fuka, rawCall, type Answer } from '#test/setup/client.ts'

/** A new conversation with Fuka. */
export async function newConversation(token: string, title?: string): Promise<Conversation> {
  const body = { persona_id: fuka, ...(title === undefined ? {} : { title }) }
  return (await call<Conversation>('POST', '/conversations', { token, body })).body
}

/** Everything said in a conversation, oldest first. */
export async function messagesOf(token: string, conversationId: string): Promise<readonly Message[]> {
  const { body } = await call<MessagePage>('GET', `/conversations/${conversationId}/messages?limit=100`, { token })
  return body.items.toReversed()
}

/** Says something and waits for the finished turn. */
export async function sayAndWait(
  token: string,
  conversationId: string,
  content: string,
  key?: string,
): Promise<Answer<Turn & { code?: string }>> {
  return await call('POST', `/conversations/${conversationId}/turns`, {
    token,
    body: { content },
    headers: { Accept: 'application/json', ...(key === undefined ? {} : { 'Idempotency-Key': key }) },
  })
}

/** One event of a turn's stream. */
export interface StreamEvent {
  readonly id: string | undefined
  readonly part: Record<string, unknown> & { readonly type: string; readonly delta?: string }
}

/** Says something and returns the stream as it is. */
export async function sayAloud(
  token: string,
  conversationId: string,
  content: string,
  key?: string,
): Promise<Response> {
  return await rawCall('POST', `/conversations/${conversationId}/turns`, {
    token,
    body: { content },
    headers: key === undefined ? {} : { 'Idempotency-Key': key },
  })
}

/** The events of a finished stream; its last line, `[DONE]`, is left out. Throws when that line is missing. */
export function eventsOf(text: string): readonly StreamEvent[] {
  const blocks = text.split('\n\n').filter((block) => block !== '')
  if (blocks.at(-1) !== 'data: [DONE]') throw new Error('the stream did not end')
  return blocks.slice(0, -1).map((block) => ({
    id: /^id: ([^\n]*)/m.exec(block)?.[1],
    part: JSON.parse(/^data: ([^\n]*)/m.exec(block)?.[1] ?? '') as StreamEvent['part'],
  }))
}

/** The text that a stream brought. */
export const textOf = (events: readonly StreamEvent[]) => events.map(({ part }) => part.delta ?? '').join('')

/** A model's answer in the chat-completions protocol, written piece by piece; `end` says how it stops. */
export function fakeReply(pieces: readonly string[], end: 'done' | 'cut' | 'hang' | 'unfinished' = 'done'): Response {
  const chunk = (delta: Record<string, unknown>, finish: string | null = null) =>
    `data: ${JSON.stringify({ choices: [{ delta, finish_reason: finish }] })}\n\n`
  const lines = pieces.map((content) => chunk({ content }))
  if (end === 'done') lines.push(chunk({}, 'stop'), 'data: [DONE]\n\n')
  if (end === 'unfinished') lines.push('data: [DONE]\n\n')
  const body = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      const line = lines.shift()
      if (line !== undefined) controller.enqueue(new TextEncoder().encode(line))
      else if (end === 'cut') controller.error(new Error('the connection was cut'))
      else if (end !== 'hang') controller.close()
      else await new Promise((resolve) => setTimeout(resolve, 60_000))
    },
  })
  return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } })
}
