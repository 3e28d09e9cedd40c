import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import * as z from 'zod'
import { composeNote } from '#scripts/upstream/companion/notes.ts'
import { composeReply } from '#scripts/upstream/companion/reply.ts'
import type { Turn } from '#scripts/upstream/companion/scene.ts'
import { chunksOf, countTokens, withinTokens } from '#scripts/upstream/companion/tokens.ts'
import { openAiFailure } from '#scripts/upstream/openai-failure.ts'
import { json, jsonBody, type Part } from '#scripts/upstream/part.ts'

const model = 'offline-companion'
const tokensPerMessage = 4
const pauseSpread = [0.5, 1.2, 0.8, 1.5, 1]

const TextPart = z.object({ type: z.literal('text'), text: z.string() })
const ChatMessage = z.object({
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content: z.union([z.string(), z.array(TextPart)]),
})
const TokenLimit = z.number().int().min(1).nullish()

const ChatCompletionRequest = z.object({
  model: z.string().min(1),
  messages: z.array(ChatMessage).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().optional() }).nullish(),
  max_tokens: TokenLimit,
  max_completion_tokens: TokenLimit,
})
type ChatCompletionRequest = z.output<typeof ChatCompletionRequest>

interface Completion {
  readonly envelope: { readonly id: string; readonly created: number; readonly model: string }
  readonly chunks: readonly string[]
  readonly finishReason: 'stop' | 'length'
  readonly usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number }
}

/**
 * The offline companion in OpenAI's chat-completions protocol (platform.openai.com/docs/api-reference/chat). It answers
 * to any model name. Streamed text equals the text of the same request unstreamed; a chunk follows another after
 * about `chunkDelayMs`.
 */
export function companionPart({ chunkDelayMs }: { chunkDelayMs: number }): Part {
  return {
    summary: 'Offline companion, in the OpenAI dialect',
    prefixes: ['/v1'],
    routes: {
      'GET /v1/models': () =>
        json({ object: 'list', data: [{ id: model, object: 'model', created: 0, owned_by: 'neuraform' }] }),
      'POST /v1/chat/completions': (ask) => {
        const request = jsonBody(ask, ChatCompletionRequest)
        const completion = complete(request)
        if (request.stream !== true) return json(wholeCompletion(completion))
        const headers = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' }
        return { headers, body: events(completion, request.stream_options?.include_usage === true, chunkDelayMs) }
      },
    },
    describeFailure: openAiFailure,
  }
}

function complete(request: ChatCompletionRequest): Completion {
  const turns = request.messages.map(turnOf)
  const tokensMost = request.max_completion_tokens ?? request.max_tokens ?? Infinity
  const { kept, isWhole } = withinTokens(chunksOf(composeNote(turns) ?? composeReply(turns)), tokensMost)
  const prompt = turns.reduce((sum, { text }) => sum + tokensPerMessage + countTokens(text), 0)
  const completion = countTokens(kept.join(''))
  return {
    envelope: { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model: request.model },
    chunks: kept,
    finishReason: isWhole ? 'stop' : 'length',
    usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
  }
}

function turnOf({ role, content }: z.output<typeof ChatMessage>): Turn {
  const text = typeof content === 'string' ? content : content.map((part) => part.text).join('\n')
  return { role: role === 'developer' ? 'system' : role, text }
}

function wholeCompletion({ envelope, chunks, finishReason, usage }: Completion) {
  const message = { role: 'assistant', content: chunks.join(''), refusal: null }
  const whole = { index: 0, message, logprobs: null, finish_reason: finishReason }
  return { ...envelope, object: 'chat.completion', choices: [whole], usage }
}

async function* events(
  { envelope, chunks, finishReason, usage }: Completion,
  includesUsage: boolean,
  chunkDelayMs: number,
): AsyncGenerator<string> {
  const event = (choices: readonly object[], usageNow: object | null = null) => {
    const chunk = { ...envelope, object: 'chat.completion.chunk', choices, ...(includesUsage && { usage: usageNow }) }
    return `data: ${JSON.stringify(chunk)}\n\n`
  }
  yield event(choiceOf({ role: 'assistant', content: '' }))
  for (const [index, content] of chunks.entries()) {
    await pause(chunkDelayMs * (pauseSpread[index % pauseSpread.length] ?? 1))
    yield event(choiceOf({ content }))
  }
  yield event(choiceOf({}, finishReason))
  if (includesUsage) yield event([], usage)
  yield 'data: [DONE]\n\n'
}

function choiceOf(delta: object, finishReason: string | null = null) {
  return [{ index: 0, delta, logprobs: null, finish_reason: finishReason }]
}
