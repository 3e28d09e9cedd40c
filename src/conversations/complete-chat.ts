import { asc, eq, or, sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import { followTurn } from '#src/conversations/follow-turn.ts'
import type { ChatCompletion, ChatCompletionRequest, CompletionUsage, Model } from '#src/conversations/openai-shapes.ts'
import { NewTurn } from '#src/conversations/shapes.ts'
import { buildPrompt } from '#src/conversations/prompt.ts'
import { answerStarted } from '#src/conversations/hear-turn.ts'
import { startTurn, type StartedTurn } from '#src/conversations/take-turn.ts'
import { apart } from '#src/db/apart.ts'
import { found } from '#src/db/rows.ts'
import { asUser, type Caller, type Db } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import { openAiErrorOf, Problem } from '#src/http/problem.ts'
import { eventStream } from '#src/http/sse.ts'
import { ask } from '#src/llm/ask.ts'
import type { Reply, ReplyUsage } from '#src/llm/port.ts'
import { spentTokens, tokensOf } from '#src/llm/tokens.ts'
import { personas, speakerColumns } from '#src/personas/tables.ts'
import { reserveUsage, settleUsage } from '#src/usage/quota.ts'

const mostModels = 100

/** The personas that the caller may talk with, oldest first, as the OpenAI dialect names models. */
export async function listModels(caller: Caller): Promise<readonly Model[]> {
  const [rows] = await asUser(caller, (db) => [
    selectModels(db).orderBy(asc(personas.createdAt), asc(personas.id)).limit(mostModels),
  ])
  return rows.map(modelFrom)
}

/** One of them, by its id or its slug. Throws `not_found`. */
export async function getModel(caller: Caller, name: string): Promise<Model> {
  const [rows] = await asUser(caller, (db) => [selectModels(db).where(isNamed(name)).limit(1)])
  return modelFrom(found(rows))
}

const selectModels = (db: Db) =>
  db
    .select({ id: personas.id, slug: personas.slug, ownerId: personas.ownerId, createdAt: personas.createdAt })
    .from(personas)

const modelFrom = (row: Awaited<ReturnType<typeof selectModels>>[number]): Model => ({
  id: row.slug ?? row.id,
  object: 'model',
  created: Math.floor(row.createdAt.getTime() / 1_000),
  owned_by: row.ownerId === null ? 'neuraform' : 'person',
})

const isNamed = (name: string) => or(eq(personas.slug, name), eq(sql`${personas.id}::text`, name))

/** A completion that has begun: pieces of text to come, and what is known of it once they have. */
export interface BegunCompletion {
  readonly id: string
  readonly created: number
  readonly model: string
  /** Reads the reply to its end, passing each piece on; throws where it breaks off before. */
  readonly read: (onText: (delta: string) => void) => Promise<{ usage: CompletionUsage | undefined; isWhole: boolean }>
  /** Nobody needs the rest. */
  readonly cancel: () => void
}

/**
 * A reply of a persona to messages that the client keeps: nothing is stored. Returns once its first piece is there. Throws
 * `not_found` for a persona that the caller may not see, `invalid_body`, `quota_exceeded`, and what asking the model throws.
 */
export async function completeChat(caller: Caller, request: ChatCompletionRequest): Promise<BegunCompletion> {
  const said = lastWords(request)
  const { LLM_PROMPT_TOKENS: budget, LLM_REPLY_TOKENS: replyTokens } = caller.config
  const usageId = uuidv7()
  const reservation = { id: usageId, kind: 'llm_tokens', amount: budget + tokensOf(said) + replyTokens } as const
  const [, rows] = await asUser(caller, (db) => [
    reserveUsage(db, caller.config, reservation),
    db.select(speakerColumns).from(personas).where(isNamed(request.model)).limit(1),
  ])
  const settle = (tokens: number) => caller.defer(settled(caller, usageId, tokens))
  try {
    const newestFirst = request.messages
      .slice(0, -1)
      .toReversed()
      .map(({ role, content }) => ({ role: role === 'assistant' ? role : ('user' as const), content }))
    const reply = await ask(caller.config, buildPrompt({ speaker: found(rows), newestFirst, content: said, budget }))
    return {
      ...begun(request),
      read: async (onText) => await readPaid(reply, onText, settle),
      cancel: () => reply.cancel(),
    }
  } catch (error) {
    settle(0)
    throw error
  }
}

async function readPaid(reply: Reply, onText: (delta: string) => void, settle: (tokens: number) => void) {
  let text = ''
  try {
    for await (const delta of reply.deltas) {
      text += delta
      onText(delta)
    }
  } finally {
    settle(spentTokens(reply, text))
  }
  return { usage: usageFrom(reply.usage()), isWhole: true }
}

/** Says what a completion took, beside its answer. Where that fails the sweep gives it back. */
async function settled(caller: Caller, usageId: string, tokens: number): Promise<void> {
  await asUser(apart(caller), (db) => [settleUsage(db, usageId, tokens)]).catch((error: unknown) =>
    caller.report({ event: 'usage_not_settled', ...describeFailure(error) }),
  )
}

/**
 * The same as a turn of a conversation, which keeps the last message and the reply; what was said before is what the
 * conversation has. Throws what `startTurn` throws.
 */
export async function completeTurn(
  caller: Caller,
  request: ChatCompletionRequest,
  conversationId: string,
  idempotencyKey: string | undefined,
): Promise<BegunCompletion> {
  const started = await startTurn(caller, conversationId, { content: lastWords(request) }, idempotencyKey)
  return {
    ...begun(request),
    read: async (onText) => await readTurn(caller, started, onText),
    // What is kept is made to its end, whoever listens.
    cancel: () => undefined,
  }
}

async function readTurn(caller: Caller, started: StartedTurn, onText: (delta: string) => void) {
  if (started.isLive) {
    if (started.before !== '') onText(started.before)
    const { state } = await answerStarted(started, onText)
    return { usage: usageFrom(started.reply.usage()), isWhole: state === 'complete' }
  }
  const ended = await followTurn(caller, started.seen, 0, onText)
  return { usage: undefined, isWhole: ended.state === 'complete' }
}

const begun = ({ model }: ChatCompletionRequest) => ({
  id: `chatcmpl-${uuidv7()}`,
  created: Math.floor(Date.now() / 1_000),
  model,
})

function lastWords({ messages }: ChatCompletionRequest): string {
  const last = messages.at(-1)
  const spoken = NewTurn.safeParse({ content: last?.role === 'assistant' ? '' : last?.content })
  if (spoken.success) return spoken.data.content
  throw new Problem('invalid_body', undefined, {
    errors: [{ pointer: `/messages/${messages.length - 1}`, detail: 'must be something that the person says' }],
  })
}

function usageFrom({ promptTokens, completionTokens }: ReplyUsage): CompletionUsage | undefined {
  if (promptTokens === null || completionTokens === null) return undefined
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  }
}

/** The whole completion, once the reply has ended. */
export async function wholeCompletion({ id, created, model, read }: BegunCompletion): Promise<ChatCompletion> {
  let content = ''
  const { usage, isWhole } = await read((delta) => {
    content += delta
  })
  return {
    id,
    object: 'chat.completion',
    created,
    model,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content, refusal: null },
        logprobs: null,
        finish_reason: isWhole ? 'stop' : 'length',
      },
    ],
    ...(usage === undefined ? {} : { usage }),
  }
}

/** The completion as a stream of `chat.completion.chunk`; one that breaks off ends with an `error`. */
export function streamCompletion(
  caller: Caller,
  completion: BegunCompletion,
  { stream_options: options }: ChatCompletionRequest,
): ReadableStream<Uint8Array> {
  const { id, created, model, read, cancel } = completion
  return eventStream(
    async (send) => {
      const chunk = (part: object) =>
        send({ data: JSON.stringify({ id, object: 'chat.completion.chunk', created, model, ...part }) })
      const choice = (delta: object, finish: string | null = null) =>
        chunk({ choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] })
      choice({ role: 'assistant', content: '' })
      try {
        const { usage, isWhole } = await read((content) => choice({ content }))
        choice({}, isWhole ? 'stop' : 'length')
        if (options?.include_usage === true) chunk({ choices: [], usage: usage ?? null })
        send({ data: '[DONE]' })
      } catch (error) {
        caller.report({ event: 'completion_broke_off', ...describeFailure(error) })
        const problem = error instanceof Problem ? error : new Problem('internal')
        send({ data: JSON.stringify({ error: openAiErrorOf(problem) }) })
      }
    },
    caller.defer,
    cancel,
  )
}
