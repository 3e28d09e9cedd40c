import { describe, expect, it } from 'vitest'
import type { Turn } from '#src/conversations/shapes.ts'
import { newUser } from '#test/setup/client.ts'
import { fakeReply, messagesOf, newConversation } from '#test/setup/talk.ts'
import { sayWith } from '#test/setup/talk-with.ts'
import { fakeModel } from '#test/setup/upstreams.ts'

const models = { LLM_MODEL: 'first', LLM_FALLBACKS: 'second, third', LLM_FIRST_TOKEN_MS: '300' }
type Ends = Parameters<typeof fakeReply>[1]

async function say(answers: readonly (() => Response | Promise<Response>)[]) {
  const { token } = await newUser()
  const { id } = await newConversation(token)
  const model = fakeModel(async (number) => await (answers[number - 1] ?? (() => fakeReply(['Too many.'])))())
  const response = await sayWith(models, { token, id, content: 'hm?' })
  const turn = await response.json<Turn & { code?: string }>()
  return {
    status: response.status,
    turn,
    asked: model.bodies.map((body) => body.model),
    said: await messagesOf(token, id),
  }
}

const refusing = (status: number) => () => new Response('no', { status })
const ending = (pieces: readonly string[], end: Ends) => () => fakeReply(pieces, end)

describe('another model', () => {
  it.each([
    ['refuses', refusing(500)],
    ['is too busy', refusing(429)],
    ['does not take the key', refusing(401)],
    ['says nothing in time', ending([], 'hang')],
    ['breaks off before its first word', ending([], 'cut')],
    ['ends without a word', ending([], 'done')],
    ['speaks no sense', () => new Response('data: {\n\n', { headers: { 'Content-Type': 'text/event-stream' } })],
  ])('is asked where the first %s', async (_name, answer) => {
    const { status, turn, asked, said } = await say([answer, () => fakeReply(['Here I am.'])])
    expect([status, asked, turn.reply?.content, turn.reply?.model]).toEqual([
      200,
      ['first', 'second'],
      'Here I am.',
      'second',
    ])
    expect(said.map(({ content }) => content)).toEqual(['hm?', 'Here I am.'])
  })

  it('is asked in order, and what the last one said of it is the answer', async () => {
    const { status, turn, asked, said } = await say([refusing(500), refusing(500), ending([], 'hang')])
    expect([status, turn.code, asked]).toEqual([504, 'deadline_exceeded', ['first', 'second', 'third']])
    expect(said.map(({ role }) => role)).toEqual(['user'])
  })

  it('is not asked once the first has begun: what it said is kept', async () => {
    const { status, turn, asked } = await say([ending(['I was about '], 'cut')])
    expect([status, turn.state, turn.reply?.content, asked]).toEqual([200, 'interrupted', 'I was about ', ['first']])
  })
})

describe('how long a reply may be', () => {
  it.each([
    ['http://127.0.0.1:9/v1', 'auto', { max_tokens: 77 }],
    ['https://api.openai.com/v1', 'auto', { max_completion_tokens: 77 }],
    ['https://openrouter.ai/api/v1/', 'auto', { max_completion_tokens: 77 }],
    ['https://api.openai.com.example.test/v1', 'auto', { max_tokens: 77 }],
    ['https://api.openai.com/v1', 'max_tokens', { max_tokens: 77 }],
    ['http://127.0.0.1:9/v1', 'max_completion_tokens', { max_completion_tokens: 77 }],
    ['https://api.openai.com/v1', 'none', {}],
  ] as const)('is told %s by the name that it knows (%s)', async (baseUrl, limit, told) => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    const { bodies } = fakeModel(() => fakeReply(['Yes.']))
    const variables = { LLM_BASE_URL: baseUrl, LLM_REPLY_LIMIT: limit, LLM_REPLY_TOKENS: '77' }
    expect((await sayWith(variables, { token, id, content: 'hm?' })).status).toBe(200)
    const limits = Object.entries(bodies[0] ?? {}).filter(([name]) => name.startsWith('max_'))
    expect(Object.fromEntries(limits)).toEqual(told)
  })
})
