import { createExecutionContext } from 'cloudflare:test'
import {
  readUIMessageStream,
  parseJsonEventStream,
  uiMessageChunkSchema,
  type UIMessage,
  type UIMessageChunk,
} from 'ai'
import type { Turn } from '#src/conversations/shapes.ts'
import type { Env } from '#src/config.ts'
import worker from '#src/index.ts'
import { envWith } from '#test/setup/env-with.ts'
import { asOwner } from '#test/setup/owner-database.ts'

interface Saying {
  readonly token: string
  readonly id: string
  readonly content: string
  readonly key?: string
  readonly accept?: string
  /** With its question mark. */
  readonly query?: string
  readonly context?: ExecutionContext
}

/** Says something to a Worker with some bindings or variables replaced; the answer is returned as it is. */
export async function sayWith(replaced: Partial<Env>, saying: Saying): Promise<Response> {
  const { token, id, content, key, accept, query = '', context } = saying
  const request = new Request(`https://neuraform.test/conversations/${id}/turns${query}`, {
    method: 'POST',
    headers: {
      'CF-Connecting-IP': crypto.randomUUID(),
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json',
      Accept: accept ?? 'application/json',
      ...(key === undefined ? {} : { 'Idempotency-Key': key }),
    },
    body: JSON.stringify({ content }),
  })
  return await worker.fetch(request, envWith(replaced), context ?? createExecutionContext())
}

/** What the AI SDK's own parser makes of a turn's stream. Throws for a part that it does not know. */
export function chunksOf(stream: string | ReadableStream<Uint8Array>): ReadableStream<UIMessageChunk> {
  const bytes = typeof stream === 'string' ? new Blob([stream]).stream() : stream
  return parseJsonEventStream({ stream: bytes, schema: uiMessageChunkSchema }).pipeThrough(
    new TransformStream({
      transform: (parsed, controller) => {
        if (!parsed.success) throw parsed.error
        controller.enqueue(parsed.value)
      },
    }),
  )
}

/** The message that a client of the AI SDK ends up with, and the errors that it was told of. */
export async function messageOf(stream: string): Promise<{ message: UIMessage | undefined; errors: unknown[] }> {
  const errors: unknown[] = []
  let message: UIMessage | undefined
  const states = readUIMessageStream({ stream: chunksOf(stream), onError: (error) => errors.push(error) })
  for await (const state of states) message = state
  return { message, errors }
}

/** The turns of a person as the database has them, oldest first. */
export async function turnsOf(userId: string) {
  return await asOwner<{ id: string; state: Turn['state'] | 'failed' | 'streaming' }>(
    'select id, state from turns where user_id = $1 order by started_at',
    [userId],
  )
}
