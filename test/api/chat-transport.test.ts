/// <reference types="@cloudflare/vitest-pool-workers/types" />
import { createExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { DefaultChatTransport, readUIMessageStream, type UIMessage } from 'ai'
import { describe, expect, it } from 'vitest'
import type { ConversationPage, MessagePage } from '#src/conversations/shapes.ts'
import { serviceScope } from '#src/http/service-scope.ts'
import worker from '#src/index.ts'
import { addDataKey } from '#src/privacy/rotate-data-key.ts'
import { call, newUser } from '#test/setup/client.ts'
import { eventually } from '#test/setup/eventually.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { messagesOf, newConversation, sayAndWait } from '#test/setup/talk.ts'
import { chunkOf, endOfReply, fakeModel, replyOf, steerReply } from '#test/setup/upstreams.ts'

/** The AI SDK's own transport, with a session token in its header. */
const transportOf = (token: string) =>
  new DefaultChatTransport({
    api: 'https://neuraform.test/chat',
    headers: { Authorization: `Bearer ${token}` },
    fetch: async (url, init) => {
      const headers = new Headers(init?.headers)
      headers.set('CF-Connecting-IP', crypto.randomUUID())
      const request = new Request(url as string, { ...(init as RequestInit), headers })
      return await worker.fetch(request, env, createExecutionContext())
    },
  })

const says = (text: string, id = crypto.randomUUID()): UIMessage => ({
  id,
  role: 'user',
  parts: [{ type: 'text', text }],
})

async function heard(stream: Parameters<typeof readUIMessageStream>[0]['stream']): Promise<UIMessage | undefined> {
  let message: UIMessage | undefined
  for await (const state of readUIMessageStream({ stream })) message = state
  return message
}

const textOf = (message: UIMessage | undefined) =>
  message?.parts.map((part) => (part.type === 'text' ? part.text : '')).join('')

async function send(
  token: string,
  chatId: string,
  messages: UIMessage[],
  trigger: 'submit-message' | 'regenerate-message' = 'submit-message',
) {
  const options = { chatId, messages, trigger, messageId: undefined, abortSignal: undefined }
  return await heard(await transportOf(token).sendMessages(options))
}

const conversationsOf = async (token: string) =>
  (await call<ConversationPage>('GET', '/conversations', { token })).body.items

describe('useChat of the AI SDK', () => {
  it('begins a chat under a name of its own, and goes on with it', async () => {
    const { token } = await newUser()
    const { bodies } = fakeModel((number) => replyOf(`Answer ${number}.`))
    const first = says('Hello')
    const answer = await send(token, 'a-chat_1', [first])
    expect(textOf(answer)).toBe('Answer 1.')
    await send(token, 'a-chat_1', [first, answer as UIMessage, says('And now?')])
    const [conversation, ...others] = await conversationsOf(token)
    expect(others).toEqual([])
    const stored = await messagesOf(token, conversation?.id ?? '')
    expect(stored.map(({ content }) => content)).toEqual(['Hello', 'Answer 1.', 'And now?', 'Answer 2.'])
    expect(stored[1]?.id).toBe(answer?.id)
    expect(bodies[1]?.messages.slice(1).map(({ content }) => content)).toEqual(['Hello', 'Answer 1.', 'And now?'])
  })

  it('edits a message that it sends again with other words, once', async () => {
    const { token } = await newUser()
    const { bodies } = fakeModel((number) => replyOf(`Answer ${number}.`))
    const first = says('I like tea.')
    await send(token, 'a-chat_1', [first])
    for (const _ of [1, 2]) {
      expect(textOf(await send(token, 'a-chat_1', [says('I like coffee.', first.id)]))).toBe('Answer 2.')
    }
    expect([bodies.length, bodies[1]?.messages.length]).toEqual([2, 2])
    const [conversation] = await conversationsOf(token)
    const { body } = await call<MessagePage>('GET', `/conversations/${conversation?.id}/messages?branch=current`, {
      token,
    })
    expect(body.items.map(({ content }) => content)).toEqual(['Answer 2.', 'I like coffee.'])
    await send(token, 'a-chat_1', [says('I like coffee.', first.id)], 'regenerate-message')
    expect(bodies[2]?.messages.at(-1)?.content).toBe('I like coffee.')
  })

  it('is another chat for somebody else under the same name', async () => {
    const [one, two] = [await newUser(), await newUser()]
    fakeModel(() => replyOf('Yes.'))
    for (const { token } of [one, two]) await send(token, 'main', [says('Mine')])
    const [[first], [second]] = [await conversationsOf(one.token), await conversationsOf(two.token)]
    expect(first?.id === second?.id).toBe(false)
    expect((await messagesOf(two.token, second?.id ?? '')).length).toBe(2)
  })

  it('takes a conversation by its id, and nobody else’s', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    fakeModel(() => replyOf('Here.'))
    expect(textOf(await send(token, id, [says('Hi')]))).toBe('Here.')
    // To somebody else it is a name like any other, and no answer tells that it is an id.
    const stranger = await newUser()
    for (const name of [id, crypto.randomUUID()])
      expect(textOf(await send(stranger.token, name, [says('Hi')]))).toBe('Here.')
    expect((await conversationsOf(stranger.token)).some((one) => one.id === id)).toBe(false)
    expect((await messagesOf(token, id)).length).toBe(2)
  })

  it('says a message once, however often its client sends it', async () => {
    const { token } = await newUser()
    const { bodies } = fakeModel(() => replyOf('Once.'))
    const message = says('Only once')
    const answers = [await send(token, 'c', [message]), await send(token, 'c', [message])]
    expect([textOf(answers[0]), textOf(answers[1]), bodies.length]).toEqual(['Once.', 'Once.', 1])
  })

  it('has the newest reply made once more: another version, which the companion then remembers', async () => {
    const { token } = await newUser()
    const { bodies } = fakeModel((number) => replyOf(`Version ${number}.`))
    const message = says('Tell me')
    const first = await send(token, 'c', [message])
    const second = await send(token, 'c', [message], 'regenerate-message')
    expect([textOf(second), second?.id === first?.id]).toEqual(['Version 2.', false])
    expect(bodies[1]?.messages.slice(1)).toEqual([{ role: 'user', content: 'Tell me' }])
    const [conversation] = await conversationsOf(token)
    const stored = await messagesOf(token, conversation?.id ?? '')
    expect(stored.map(({ content, parent_id }) => [content, parent_id])).toEqual([
      ['Tell me', null],
      ['Version 1.', stored[0]?.id],
      ['Version 2.', stored[0]?.id],
    ])
    await send(token, 'c', [message, second as UIMessage, says('Go on')])
    expect(bodies[2]?.messages.slice(1).map(({ content }) => content)).toEqual(['Tell me', 'Version 2.', 'Go on'])
  })

  it('is said where it failed, when it is asked to be made once more', async () => {
    const { token } = await newUser()
    fakeModel((number) => (number === 1 ? new Response('', { status: 500 }) : replyOf(`Answer ${number}.`)))
    const first = says('Hello')
    await expect(send(token, 'c', [first])).rejects.toThrow('upstream_unavailable')
    expect(textOf(await send(token, 'c', [first], 'regenerate-message'))).toBe('Answer 2.')
    const [conversation] = await conversationsOf(token)
    const stored = await messagesOf(token, conversation?.id ?? '')
    expect(stored.map(({ content }) => content)).toEqual(['Hello', 'Answer 2.'])
    // A page that was loaded anew names messages by our own ids.
    const ours = says('Hello', stored[0]?.id)
    expect(textOf(await send(token, 'c', [ours], 'regenerate-message'))).toBe('Answer 3.')
  })

  it('is the same chat after its person was given another data key', async () => {
    const { token, user } = await newUser()
    fakeModel(() => replyOf('Yes.'))
    await send(token, 'c', [says('One')])
    await addDataKey(serviceScope(env, createExecutionContext()), user.id, 2)
    await call('POST', '/auth/logout?scope=others', { token })
    await send(token, 'c', [says('Two')])
    expect((await conversationsOf(token)).map(({ message_count: count }) => count)).toEqual([4])
  })

  it('resumes the reply that is being made, and hears that there is none', async () => {
    const { token } = await newUser()
    const steered = steerReply()
    fakeModel(() => steered.response)
    steered.write(chunkOf('One. ') + chunkOf('Two'))
    const options = { chatId: 'c', messages: [says('Hi')], trigger: 'submit-message' as const }
    const stream = await transportOf(token).sendMessages({ ...options, messageId: undefined, abortSignal: undefined })
    const again = await transportOf(token).reconnectToStream({ chatId: 'c' })
    steered.write(chunkOf(' and three.') + endOfReply)
    steered.close()
    if (again === null) throw new Error('nothing to resume')
    expect([textOf(await heard(stream)), textOf(await heard(again))]).toEqual([
      'One. Two and three.',
      'One. Two and three.',
    ])
    await eventually(async () => expect(await transportOf(token).reconnectToStream({ chatId: 'c' })).toBeNull())
    expect(await transportOf(token).reconnectToStream({ chatId: 'nothing' })).toBeNull()
  })

  it.each([
    ['nothing', []],
    ['a reply', [{ id: 'x', role: 'assistant', parts: [{ type: 'text', text: 'I speak.' }] }]],
    ['a picture', [{ id: 'x', role: 'user', parts: [{ type: 'file', url: 'data:,' }] }]],
  ])('is refused where the last message is %s', async (_, messages) => {
    const { token, user } = await newUser()
    const refused = await call<{ code: string }>('POST', '/chat', { token, body: { id: 'c', messages } })
    expect([refused.status, refused.body.code]).toEqual([422, 'invalid_body'])
    expect(await asOwner('select id from conversations where user_id = $1', [user.id])).toEqual([])
  })
})

describe('a reply that is made once more', () => {
  it('is of one’s own, of the companion, once for its key', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    const { bodies } = fakeModel((number) => replyOf(`Version ${number}.`))
    const { body: turn } = await sayAndWait(token, id, 'Tell me')
    const again = async (message: string, as = token) =>
      await call<{ code: string; reply: { content: string } }>(
        'POST',
        `/conversations/${id}/messages/${message}/regenerate`,
        {
          token: as,
          headers: { Accept: 'application/json', 'Idempotency-Key': 'again' },
        },
      )
    const replyId = turn.reply?.id ?? ''
    const made = [await again(replyId), await again(replyId)]
    expect(made.map(({ status, body }) => [status, body.reply.content])).toEqual([
      [200, 'Version 2.'],
      [200, 'Version 2.'],
    ])
    expect(bodies.length).toBe(2)
    expect((await again(turn.user_message?.id ?? '')).body.code).toBe('idempotency_key_reused')
    expect((await again(replyId, (await newUser()).token)).status).toBe(404)
    expect((await messagesOf(token, id)).length).toBe(3)
  })
})
