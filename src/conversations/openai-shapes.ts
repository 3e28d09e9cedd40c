import { z } from '@hono/zod-openapi'

const mostMessages = 400

/** A persona, by its id or its slug. */
export const modelField = z.string().regex(/^[\w:.-]{1,100}$/, 'must be the id or the slug of a persona')

/** A part of a message; what is no text is refused, for the companion could not see it. */
const ChatTextPart = z.object({ type: z.literal('text'), text: z.string().max(32_000) }).openapi('ChatTextPart')

const content = z
  .union([z.string().max(32_000), z.array(ChatTextPart).min(1).max(64)])
  .nullable()
  .transform((given) => (typeof given === 'string' ? given : (given ?? []).map(({ text }) => text).join('\n')))

/**
 * A message as a client of the OpenAI dialect sends it. Whatever role it names, only `assistant` is the companion's; all
 * else is what the person says, and no instruction.
 */
const ChatMessage = z
  .object({ role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']), content })
  .openapi('ChatMessage')

/** `POST /v1/chat/completions`. Parameters that mean nothing here (temperature, seed …) are taken and left alone. */
export const ChatCompletionRequest = z
  .object({
    model: modelField.openapi({ description: 'A persona: its id or its slug.' }),
    messages: z.array(ChatMessage).min(1).max(mostMessages),
    stream: z.boolean().nullish(),
    stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
    n: z.literal(1).nullish(),
  })
  .openapi('ChatCompletionRequest', {
    example: { model: 'fuka', stream: true, messages: [{ role: 'user', content: 'Hello!' }] },
  })
export type ChatCompletionRequest = z.output<typeof ChatCompletionRequest>

const finishReason = z.enum(['stop', 'length'])

/** What a completion cost, as the model counted it. */
export const CompletionUsage = z
  .strictObject({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() })
  .openapi('CompletionUsage')
export type CompletionUsage = z.output<typeof CompletionUsage>

export const ChatCompletion = z
  .strictObject({
    id: z.string(),
    object: z.literal('chat.completion'),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.strictObject({
        index: z.int(),
        message: z.strictObject({ role: z.literal('assistant'), content: z.string(), refusal: z.null() }),
        logprobs: z.null(),
        finish_reason: finishReason,
      }),
    ),
    usage: CompletionUsage.optional(),
  })
  .openapi('ChatCompletion', {
    example: {
      id: 'chatcmpl-01a219c7-1a20-7d3c-9f0e-5b8f3c1d2e4a',
      object: 'chat.completion',
      created: 1_795_723_680,
      model: 'fuka',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hello there!', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: { prompt_tokens: 180, completion_tokens: 4, total_tokens: 184 },
    },
  })
export type ChatCompletion = z.output<typeof ChatCompletion>

const modelExample = { id: 'fuka', object: 'model', created: 1_760_000_000, owned_by: 'neuraform' }

export const Model = z
  .strictObject({ id: z.string(), object: z.literal('model'), created: z.int(), owned_by: z.string() })
  .openapi('Model', { example: modelExample })
export type Model = z.output<typeof Model>

export const ModelList = z
  .strictObject({ object: z.literal('list'), data: z.array(Model) })
  .openapi('ModelList', { example: { object: 'list', data: [modelExample] } })
export type ModelList = z.output<typeof ModelList>
