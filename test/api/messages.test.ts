import { describe, expect, it } from 'vitest'
import type { Conversation, Message, MessagePage, NewMessage } from '#src/conversations/shapes.ts'
import { call, newUser, type Answer } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { messagesOf, newConversation } from '#test/setup/talk.ts'

const wild = ' e\u0301 · 👩‍👩‍👧‍👦 · שלום \u202e · 𝒳 · "quoted" \\ \r\n\t $1 %s <b> end \n'

async function append(
  token: string,
  conversationId: string,
  body: Partial<NewMessage> & Record<string, unknown>,
  key?: string,
): Promise<Answer<Message & { code?: string }>> {
  const headers: Record<string, string> = key === undefined ? {} : { 'Idempotency-Key': key }
  return await call('POST', `/conversations/${conversationId}/messages`, {
    token,
    body: { role: 'user', ...body },
    headers,
  })
}

const conversationOf = async (token: string, id: string) =>
  (await call<Conversation>('GET', `/conversations/${id}`, { token })).body

describe('a message', () => {
  it('of a person keeps its words to the byte, and none of them in clear', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    const { status, body } = await append(token, id, { content: wild })
    expect([status, body]).toEqual([
      201,
      {
        id: body.id,
        conversation_id: id,
        parent_id: null,
        turn_id: null,
        seq: 1,
        role: 'user',
        origin: 'person',
        content: wild,
        content_type: 'text',
        metadata: {},
        status: 'complete',
        tokens: null,
        model: null,
        latency_ms: null,
        feedback: null,
        memory_ids: [],
        created_at: body.created_at,
      },
    ])
    expect(await messagesOf(token, id)).toEqual([body])
    const [row] = await asOwner<{ content: Uint8Array }>('select content from messages where id = $1', [body.id])
    expect(new TextDecoder('latin1').decode(row?.content)).not.toContain('quoted')
  })

  it('of another backend’s companion is marked so that nobody takes it for ours', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    const reply = {
      role: 'assistant',
      content: '**from** elsewhere',
      content_type: 'markdown',
      metadata: { trace: { id: 'a' } },
      model: 'theirs-7b',
    } as const
    const { status, body } = await append(token, id, reply)
    expect([status, body]).toEqual([201, { ...body, ...reply, origin: 'external', seq: 1, turn_id: null }])
    expect(await messagesOf(token, id)).toEqual([body])
  })

  it('is counted, and moves its conversation to the top', async () => {
    const { token } = await newUser()
    const [older, newer] = [await newConversation(token), await newConversation(token)]
    for (const role of ['user', 'assistant'] as const) {
      const { body } = await append(token, older.id, { role, content: role })
      expect(await conversationOf(token, older.id)).toEqual({
        ...older,
        message_count: body.seq,
        last_seq: body.seq,
        leaf_message_id: body.id,
        last_message_at: body.created_at,
        updated_at: body.created_at,
      })
    }
    expect(await conversationOf(token, newer.id)).toEqual(newer)
  })

  it.each([
    ['blank content', { content: ' \n\t ' }],
    ['content that is too long', { content: 'x'.repeat(16_001) }],
    ['NUL', { content: 'a\0b' }],
    ['half of a surrogate pair', { content: 'a\ud83d' }],
    ['the role of the system', { role: 'system', content: 'x' }],
    ['a type that is not text', { content_type: 'html', content: 'x' }],
    [
      'metadata that is too deep',
      { content: 'x', metadata: { a: { b: { c: { d: { e: { f: { g: { h: { i: { j: {} } } } } } } } } } } },
    ],
    ['a seq of its own', { content: 'x', seq: 99 }],
    ['an origin of its own', { content: 'x', origin: 'companion' }],
    ['an owner of its own', { content: 'x', user_id: crypto.randomUUID() }],
  ])('with %s is refused, and writes nothing', async (_name, fields) => {
    const { token } = await newUser()
    const made = await newConversation(token)
    const { status, body } = await append(token, made.id, fields as Record<string, unknown>)
    expect([status, body.code]).toEqual([422, 'invalid_body'])
    expect([await messagesOf(token, made.id), await conversationOf(token, made.id)]).toEqual([[], made])
  })

  it('of the greatest length is taken whole', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    const content = '𝒳'.repeat(8_000)
    expect((await append(token, id, { content })).status).toBe(201)
    expect((await messagesOf(token, id))[0]?.content).toBe(content)
  })

  it('whose seal was broken costs only itself', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    const [first, second] = [await append(token, id, { content: 'one' }), await append(token, id, { content: 'two' })]
    await asOwner('update messages set content = (select content from messages where id = $2) where id = $1', [
      first.body.id,
      second.body.id,
    ])
    expect((await messagesOf(token, id)).map(({ content }) => content)).toEqual([null, 'two'])
  })
})

describe('messages', () => {
  it('come newest first by pages, without gaps or repeats, also while more are said', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    for (const content of ['1', '2', '3', '4', '5']) await append(token, id, { content })
    const pages: (string | null)[][] = []
    let cursor: string | null = null
    do {
      const query: string = cursor === null ? '' : `&cursor=${cursor}`
      const path = `/conversations/${id}/messages?limit=2${query}`
      const { body }: { body: MessagePage } = await call('GET', path, { token })
      pages.push(body.items.map(({ content }) => content))
      cursor = body.next_cursor
      await append(token, id, { content: 'said meanwhile' })
    } while (cursor !== null)
    expect(pages).toEqual([['5', '4'], ['3', '2'], ['1']])
  })

  it('sent 20 at once are all there, in an order without gaps', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    const contents = Array.from({ length: 20 }, (_, number) => `number ${number}`)
    const answers = await Promise.all(
      contents.map(
        async (content, number) => await append(token, id, { role: number % 2 === 0 ? 'user' : 'assistant', content }),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201))
    const stored = await messagesOf(token, id)
    expect(stored.map(({ seq }) => seq)).toEqual(contents.map((_, index) => index + 1))
    expect(new Set(stored.map(({ content }) => content))).toEqual(new Set(contents))
    expect(stored.toSorted((a, b) => a.id.localeCompare(b.id))).toEqual(
      answers.map(({ body }) => body).toSorted((a, b) => a.id.localeCompare(b.id)),
    )
    expect((await conversationOf(token, id)).message_count).toBe(20)
  })

  it('sent 20 times at once with one key are one, for either role', async () => {
    for (const role of ['user', 'assistant'] as const) {
      const { token } = await newUser()
      const { id } = await newConversation(token)
      const body = { role, content: 'the same', metadata: { a: 1 } }
      const answers = await Promise.all(
        Array.from({ length: 20 }, async () => await append(token, id, body, 'one-key')),
      )
      const again = await append(token, id, body, 'one-key')
      for (const answer of answers) expect([answer.status, answer.body]).toEqual([201, again.body])
      expect(await messagesOf(token, id)).toEqual([again.body])
      expect((await conversationOf(token, id)).message_count).toBe(1)
    }
  })

  it('under a key that was used for something else are refused', async () => {
    const { token } = await newUser()
    const [here, there] = [await newConversation(token), await newConversation(token)]
    await append(token, here.id, { content: 'once' }, 'key')
    const others = [
      await append(token, here.id, { content: 'twice' }, 'key'),
      await append(token, here.id, { role: 'assistant', content: 'once' }, 'key'),
      await append(token, there.id, { content: 'once' }, 'key'),
    ]
    expect(others.map(({ status, body }) => [status, body.code])).toEqual(
      others.map(() => [422, 'idempotency_key_reused']),
    )
    expect([(await messagesOf(token, here.id)).length, await messagesOf(token, there.id)]).toEqual([1, []])
  })

  it('for another’s conversation leave no row and no claimed key', async () => {
    const [one, two] = [await newUser(), await newUser()]
    const theirs = await newConversation(two.token)
    for (const role of ['user', 'assistant'] as const) {
      expect((await append(one.token, theirs.id, { role, content: 'x' }, `key-${role}`)).status).toBe(404)
    }
    const left = await asOwner(
      `select 'message' from messages where user_id = $1 or conversation_id = $2
       union all select 'key' from idempotency_keys where user_id = $1`,
      [one.user.id, theirs.id],
    )
    expect(left).toEqual([])
    const mine = await newConversation(one.token)
    expect((await append(one.token, mine.id, { content: 'x' }, 'key-user')).status).toBe(201)
  })

  it('go with their conversation', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    await append(token, id, { content: 'x' })
    await call('DELETE', `/conversations/${id}`, { token })
    expect(await asOwner('select 1 from messages where conversation_id = $1', [id])).toEqual([])
  })

  it('are 404 for a key whose message is gone, not a second message', async () => {
    const { token } = await newUser()
    const first = await newConversation(token)
    await append(token, first.id, { content: 'x' }, 'key')
    await call('DELETE', `/conversations/${first.id}`, { token })
    expect((await append(token, first.id, { content: 'x' }, 'key')).status).toBe(404)
  })
})
