import { describe, expect, it } from 'vitest'
import { call, fuka, newUser } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { messagesOf, newConversation } from '#test/setup/talk.ts'
import type { Conversation, ConversationPage, Message, MessagePage } from '#src/conversations/shapes.ts'

const wild = 'e\u0301 · 👩‍👩‍👧‍👦 · שלום · 𝒳 · "quoted" \\ \n end'

describe('a conversation', () => {
  it('keeps its title to the byte, and changes what a change names', async () => {
    const { token } = await newUser()
    const made = await newConversation(token, wild)
    expect(made).toEqual({
      id: made.id,
      persona_id: fuka,
      title: wild,
      summary: null,
      metadata: {},
      tags: [],
      is_active: true,
      is_pinned: false,
      message_count: 0,
      last_message_at: null,
      created_at: expect.stringMatching(/Z$/),
      updated_at: made.created_at,
    })
    const path = `/conversations/${made.id}`
    const change = {
      title: null,
      is_active: false,
      is_pinned: true,
      tags: ['evening'],
      metadata: { mood: { level: 3 } },
    }
    const changed = await call<Conversation>('PATCH', path, { token, body: change })
    expect(changed.body).toEqual({ ...made, ...change, updated_at: changed.body.updated_at })
    expect((await call<Conversation>('GET', path, { token })).body).toEqual(changed.body)
    expect((await call('DELETE', path, { token })).status).toBe(204)
    expect((await call('GET', path, { token })).status).toBe(404)
    expect((await call('DELETE', path, { token })).status).toBe(404)
  })

  it('starts with a persona that its person can see, and with no other', async () => {
    const [one, two] = [await newUser(), await newUser()]
    const id = crypto.randomUUID()
    await asOwner(
      `insert into personas (id, owner_id, display_name, description, system_prompt, greeting)
       values ($1, $2, 'Own', 'own', 'own', 'own')`,
      [id, two.user.id],
    )
    const hidden = await call('POST', '/conversations', { token: one.token, body: { persona_id: id } })
    const absent = await call('POST', '/conversations', { token: one.token, body: { persona_id: crypto.randomUUID() } })
    expect([hidden.status, hidden.body]).toEqual([404, absent.body])
    expect((await call('POST', '/conversations', { token: two.token, body: { persona_id: id } })).status).toBe(201)
  })

  it('outlives its persona', async () => {
    const { token, user } = await newUser()
    const id = crypto.randomUUID()
    await asOwner(
      `insert into personas (id, owner_id, display_name, description, system_prompt, greeting)
       values ($1, $2, 'Own', 'own', 'own', 'own')`,
      [id, user.id],
    )
    const made = await call<Conversation>('POST', '/conversations', { token, body: { persona_id: id } })
    await asOwner('delete from personas where id = $1', [id])
    const path = `/conversations/${made.body.id}`
    expect((await call<Conversation>('GET', path, { token })).body.persona_id).toBe(null)
    const turn = await call('POST', `${path}/turns`, { token, body: { content: 'Are you there?' } })
    expect([turn.status, turn.body]).toEqual([409, expect.objectContaining({ code: 'conflict' })])
  })

  it('is one however often its key is sent, and another body under the key is refused', async () => {
    const { token } = await newUser()
    const headers = { 'Idempotency-Key': 'start' }
    const body = { persona_id: fuka, title: 'Once' }
    const answers = await Promise.all(
      Array.from(
        { length: 20 },
        async () => await call<Conversation>('POST', '/conversations', { token, body, headers }),
      ),
    )
    expect(new Set(answers.map((answer) => JSON.stringify([answer.status, answer.body]))).size).toBe(1)
    expect(answers[0]?.status).toBe(201)
    const other = await call('POST', '/conversations', { token, body: { ...body, title: 'Twice' }, headers })
    expect([other.status, other.body]).toEqual([422, expect.objectContaining({ code: 'idempotency_key_reused' })])
    expect((await call<ConversationPage>('GET', '/conversations', { token })).body.items.length).toBe(1)
    const { token: stranger } = await newUser()
    expect(
      (await call('POST', '/conversations', { token: stranger, body: { persona_id: fuka }, headers })).status,
    ).toBe(201)
  })

  it('lists by pages without gaps or repeats, also where moments are the same', async () => {
    const { token, user } = await newUser()
    for (let number = 0; number < 7; number += 1) await newConversation(token, `Number ${number}`)
    await asOwner("update conversations set updated_at = '2026-01-01' where user_id = $1", [user.id])
    const seen: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`
      const { body }: { body: ConversationPage } = await call<ConversationPage>(
        'GET',
        `/conversations?limit=3${query}`,
        { token },
      )
      seen.push(...body.items.map(({ id }) => id))
      cursor = body.next_cursor
    }
    expect([seen.length, new Set(seen).size]).toEqual([7, 7])
  })
})

describe('a cursor', () => {
  it('works for its person and its list only', async () => {
    const [one, two] = [await newUser(), await newUser()]
    const [first] = [await newConversation(one.token), await newConversation(one.token)]
    await newConversation(two.token)
    const page = await call<ConversationPage>('GET', '/conversations?limit=1', { token: one.token })
    const cursor = page.body.next_cursor ?? ''
    expect((await call('GET', `/conversations?cursor=${cursor}`, { token: one.token })).status).toBe(200)
    const attempts = [
      await call('GET', `/conversations?cursor=${cursor}`, { token: two.token }),
      await call('GET', `/conversations/${first?.id}/messages?cursor=${cursor}`, { token: one.token }),
      await call('GET', `/conversations?cursor=${cursor.slice(0, -2)}AA`, { token: one.token }),
      await call('GET', '/conversations?cursor=1', { token: one.token }),
    ]
    expect(attempts.map(({ status, body }) => [status, body['code']])).toEqual(
      attempts.map(() => [400, 'invalid_cursor']),
    )
  })
})

describe('messages', () => {
  it('keep their words to the byte, in order, newest first', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    const path = `/conversations/${id}/messages`
    for (const content of ['one', wild, 'three']) await call('POST', path, { token, body: { role: 'user', content } })
    const reply = {
      role: 'assistant',
      content: 'from elsewhere',
      model: 'theirs',
      content_type: 'markdown',
      metadata: { a: 1 },
    }
    const external = await call<Message>('POST', path, { token, body: reply })
    expect(external.body).toMatchObject({ ...reply, origin: 'external', seq: 4 })
    const first = await call<MessagePage>('GET', `${path}?limit=3`, { token })
    expect(first.body.items.map(({ content, seq }) => [seq, content])).toEqual([
      [4, 'from elsewhere'],
      [3, 'three'],
      [2, wild],
    ])
    const rest = await call<MessagePage>('GET', `${path}?limit=3&cursor=${first.body.next_cursor}`, { token })
    expect(rest.body).toMatchObject({ items: [{ seq: 1, content: 'one' }], next_cursor: null })
    const conversation = await call<Conversation>('GET', `/conversations/${id}`, { token })
    expect(conversation.body).toMatchObject({ message_count: 4, last_message_at: external.body.created_at })
  })

  it('sent 20 at once are all there, in an order without gaps; with one key there is one', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    const path = `/conversations/${id}/messages`
    const send = async (content: string, key?: string) =>
      await call('POST', path, {
        token,
        body: { role: 'user', content },
        ...(key === undefined ? {} : { headers: { 'Idempotency-Key': key } }),
      })
    const many = await Promise.all(Array.from({ length: 20 }, async (_, number) => await send(`number ${number}`)))
    const same = await Promise.all(Array.from({ length: 20 }, async () => await send('the same', 'one-key')))
    expect([...many, ...same].filter(({ status }) => status !== 201).map(({ status, body }) => [status, body])).toEqual(
      [],
    )
    const stored = await messagesOf(token, id)
    expect(stored.map(({ seq }) => seq)).toEqual(Array.from({ length: 21 }, (_, index) => index + 1))
    expect(new Set(stored.map(({ content }) => content)).size).toBe(21)
  })
})
