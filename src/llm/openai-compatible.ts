import { createParser } from 'eventsource-parser'
import { z } from 'zod'
import type { Config } from '#src/config.ts'
import { Problem } from '#src/http/problem.ts'
import { withDeadline } from '#src/http/deadline.ts'
import type { PromptMessage, Reply, ReplyUsage } from '#src/llm/port.ts'
import { promptTokensOf } from '#src/llm/tokens.ts'

const mostReplyCharacters = 32_000
const mostChunkCharacters = 1_000_000

const tokenCount = z.int().min(0).max(2_147_483_647)

const Chunk = z.object({
  choices: z
    .array(
      z.object({
        delta: z.object({ content: z.string().nullish() }).nullish(),
        finish_reason: z.string().nullish(),
      }),
    )
    .default([]),
  // A reply is not lost for a bill that does not read well.
  usage: z.object({ prompt_tokens: tokenCount, completion_tokens: tokenCount }).nullish().catch(null),
})

/**
 * Asks an OpenAI-compatible model (chat completions, streamed). Resolves once it has accepted the prompt. Throws
 * `not_configured`, `upstream_unavailable` (refused or unreachable, with the upstream's Retry-After) or
 * `deadline_exceeded`. Aborting `signal` gives up what was asked, at any time.
 */
export async function askModel(
  config: Config,
  model: string,
  prompt: readonly PromptMessage[],
  signal: AbortSignal,
): Promise<Reply> {
  const { LLM_BASE_URL: baseUrl } = config
  if (baseUrl === undefined) throw new Problem('not_configured', 'No language model is configured.')
  const abort = new AbortController()
  signal.addEventListener('abort', () => abort.abort(), { once: true })
  const firstTokenBy = Date.now() + config.LLM_FIRST_TOKEN_MS
  const request = post(config, `${baseUrl.replace(/\/$/, '')}/chat/completions`, { model, prompt }, abort.signal)
  const response = await withDeadline(request, config.LLM_FIRST_TOKEN_MS, () => abort.abort())
  if (!response.ok || response.body === null) {
    await response.body?.cancel()
    throw refusal(response)
  }
  const usage: { latest: ReplyUsage } = { latest: { promptTokens: null, completionTokens: null } }
  return {
    model,
    estimatedPromptTokens: promptTokensOf(prompt),
    deltas: readDeltas(config, response.body, { usage, abort, firstTokenBy }),
    usage: () => usage.latest,
    cancel: () => abort.abort(),
  }
}

async function post(
  config: Config,
  url: string,
  { model, prompt }: { model: string; prompt: readonly PromptMessage[] },
  signal: AbortSignal,
): Promise<Response> {
  try {
    return await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      signal,
      headers: {
        'Content-Type': 'application/json',
        Accept: 'text/event-stream',
        ...(config.LLM_API_KEY === undefined ? {} : { Authorization: `Bearer ${config.LLM_API_KEY}` }),
      },
      body: JSON.stringify({
        model,
        messages: prompt,
        ...replyLimit(config, url),
        stream: true,
        stream_options: { include_usage: true },
      }),
    })
  } catch (error) {
    throw new Problem('upstream_unavailable', 'The language model cannot be reached.', { cause: error })
  }
}

/** How a model is told how long its reply may be: there are two names for it, and a service that wants one may refuse the other. */
function replyLimit({ LLM_REPLY_LIMIT: asked, LLM_REPLY_TOKENS: tokens }: Config, url: string): Record<string, number> {
  const isNewer = /(^|\.)(openai\.com|openai\.azure\.com|openrouter\.ai)$/.test(new URL(url).hostname)
  const name = asked === 'auto' ? (isNewer ? 'max_completion_tokens' : 'max_tokens') : asked
  return name === 'none' ? {} : { [name]: tokens }
}

function refusal(response: Response): Problem {
  const seconds = Number(response.headers.get('Retry-After'))
  return new Problem('upstream_unavailable', 'The language model refused.', {
    cause: new Error(`the model answered ${response.status}`),
    ...(Number.isInteger(seconds) && seconds > 0 && seconds < 3_600 ? { retryAfterSeconds: seconds } : {}),
  })
}

interface Reading {
  readonly usage: { latest: ReplyUsage }
  readonly abort: AbortController
  /** When the first piece of text must be there, in milliseconds since the epoch. */
  readonly firstTokenBy: number
}

async function* readDeltas(
  config: Config,
  body: ReadableStream<Uint8Array>,
  { usage, abort, firstTokenBy }: Reading,
): AsyncGenerator<string> {
  const endBy = Date.now() + config.LLM_REPLY_MS
  let characters = 0
  let isFinished = false
  const events = readEvents(body, async (read) => {
    // What an upstream sends to keep the connection open is no sign of life: the time runs from event to event.
    return await withDeadline(read, Math.max(0, dueBy - Date.now()), () => abort.abort())
  })
  let dueBy = firstTokenBy
  try {
    for await (const data of events) {
      if (data === '[DONE]') break
      const chunk = parseChunk(data)
      if (chunk.usage !== null && chunk.usage !== undefined) usage.latest = usageOf(chunk.usage)
      const choice = chunk.choices[0]
      const text = (choice?.delta?.content ?? '').toWellFormed().replaceAll('\0', '')
      characters += text.length
      if (characters > mostReplyCharacters) throw nonsense('the reply is too long')
      if (text !== '') yield text
      isFinished ||= typeof choice?.finish_reason === 'string' && choice.finish_reason !== 'error'
      if (characters > 0) dueBy = Math.min(Date.now() + config.LLM_IDLE_MS, endBy)
    }
    if (!isFinished) throw nonsense('the reply broke off')
  } catch (error) {
    // Behind the reason why it ended only the bill was to come.
    if (!isFinished) throw error instanceof Problem ? error : nonsense('the stream broke', error)
  } finally {
    abort.abort()
  }
}

/** The data of each server-sent event, read from the body at once as it comes: a pipe of transforms would hold each word back. */
async function* readEvents(
  body: ReadableStream<Uint8Array>,
  inTime: <T>(read: Promise<T>) => Promise<T>,
): AsyncGenerator<string> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let events: string[] = []
  const parser = createParser({ maxBufferSize: mostChunkCharacters, onEvent: ({ data }) => events.push(data) })
  while (true) {
    const { done, value } = await inTime(reader.read())
    if (done) return
    parser.feed(decoder.decode(value, { stream: true }))
    yield* events
    events = []
  }
}

function parseChunk(data: string): z.output<typeof Chunk> {
  try {
    return Chunk.parse(JSON.parse(data))
  } catch (error) {
    throw nonsense('a chunk is not what the protocol says', error)
  }
}

const usageOf = (usage: { prompt_tokens: number; completion_tokens: number }): ReplyUsage => ({
  promptTokens: usage.prompt_tokens,
  completionTokens: usage.completion_tokens,
})

const nonsense = (reason: string, cause?: unknown) =>
  new Problem('upstream_nonsense', 'The language model broke off.', { cause: new Error(reason, { cause }) })
