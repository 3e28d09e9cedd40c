import { describe, expect, it } from 'vitest'
import type { Conversation, ConversationPage } from '#src/conversations/shapes.ts'
import { newPersona } from '#test/setup/catalogue.ts'
import { call, fuka, newUser, rawCall } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { newConversation } from '#test/setup/talk.ts'

const titles = [
  'e\u0301 stays two characters, \u00e9 one',
  '👩‍👩‍👧‍👦 · 🏴󠁧󠁢󠁷󠁬󠁳󠁿 · 𝒳',
  'שלום \u202eעולם\u202c · مرحبا\u200f',
  'a\u200db\u200cc\u00a0d\ufeffe',
  '"quoted" \\ \n\t <b>&amp;</b> %00 $1 \'; drop table users --',
  'x'.repeat(200),
]

const countOf = async (userId: string) =>
  (await asOwner<{ count: number }>('select count(*)::int as count from conversations where user_id = $1', [userId]))[0]
    ?.count

describe('a conversation', () => {
  it('keeps its title to the byte, and nothing of it in clear', async () => {
    const { token, user } = await newUser()
    for (const title of titles) {
      const made = await newConversation(token, title)
      expect(made.title).toBe(title)
      expect((await call<Conversation>('GET', `/conversations/${made.id}`, { token })).body.title).toBe(title)
    }
    const rows = await asOwner<{ title: Uint8Array }>('select title from conversations where user_id = $1', [user.id])
    const stored = rows.map(({ title }) => new TextDecoder('latin1').decode(title))
    expect(stored.length).toBe(titles.length)
    expect(stored.filter((text) => text.includes('drop table') || text.includes('xxxx'))).toEqual([])
  })

  it('is made, read, changed in what a change names, and deleted', async () => {
    const { token, user } = await newUser()
    const made = await newConversation(token, ' Around the harbour ')
    expect(made).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      persona_id: fuka,
      title: 'Around the harbour',
      summary: null,
      metadata: {},
      tags: [],
      is_active: true,
      is_pinned: false,
      is_temporary: false,
      message_count: 0,
      last_seq: 0,
      leaf_message_id: null,
      last_message_at: null,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updated_at: made.created_at,
    })
    const path = `/conversations/${made.id}`
    let now = made
    for (const change of [
      { title: 'Renamed' },
      { is_active: false },
      { is_pinned: true, tags: ['evening', 'évening'] },
      { metadata: { mood: { level: 3, 'ключ 🗝': [null, true, 'é'] } } },
      { title: null, is_active: true },
    ]) {
      const { status, body } = await call<Conversation>('PATCH', path, { token, body: change })
      expect([status, body]).toEqual([200, { ...now, ...change, updated_at: body.updated_at }])
      expect(Date.parse(body.updated_at)).toBeGreaterThanOrEqual(Date.parse(now.updated_at))
      expect((await call<Conversation>('GET', path, { token })).body).toEqual(body)
      now = body
    }
    const gone = await call('DELETE', path, { token })
    expect([gone.status, gone.body]).toEqual([204, null])
    const verbs = [['GET'], ['DELETE'], ['PATCH', { title: 'x' }]] as const
    for (const [method, body] of verbs) expect((await call(method, path, { token, body })).status).toBe(404)
    expect(await countOf(user.id)).toBe(0)
  })

  it('can be archived again and again with one persona, and started again beside them', async () => {
    const { token } = await newUser()
    for (let number = 0; number < 5; number += 1) {
      const { id } = await newConversation(token)
      const { body } = await call<Conversation>('PATCH', `/conversations/${id}`, { token, body: { is_active: false } })
      expect(body.is_active).toBe(false)
    }
    const active = [await newConversation(token), await newConversation(token)]
    const { body } = await call<ConversationPage>('GET', '/conversations', { token })
    expect(body.items.map(({ is_active: isActive }) => isActive)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
      false,
    ])
    expect(body.items.slice(0, 2).toReversed()).toEqual(active)
  })

  it('starts with a persona that its person can see, and tells nothing of any other', async () => {
    const [one, two] = [await newUser(), await newUser()]
    const own = await newPersona({ ownerId: two.user.id })
    const hidden = [own, await newPersona({ ownerId: one.user.id, isActive: false }), crypto.randomUUID()]
    const answers = await Promise.all(
      hidden.map(async (id) => await rawCall('POST', '/conversations', { token: one.token, body: { persona_id: id } })),
    )
    const texts = await Promise.all(answers.map(async (answer) => [answer.status, await answer.text()]))
    expect(texts).toEqual(texts.map(() => [404, texts[0]?.[1]]))
    expect(await countOf(one.user.id)).toBe(0)
    const made = await call<Conversation>('POST', '/conversations', { token: two.token, body: { persona_id: own } })
    expect([made.status, made.body.persona_id]).toEqual([201, own])
  })

  it('outlives its persona', async () => {
    const { token, user } = await newUser()
    const personaId = await newPersona({ ownerId: user.id })
    const made = await call<Conversation>('POST', '/conversations', { token, body: { persona_id: personaId } })
    const path = `/conversations/${made.body.id}`
    await call('POST', `${path}/messages`, { token, body: { role: 'user', content: 'Still here.' } })
    await asOwner('delete from personas where id = $1', [personaId])
    const left = await call<Conversation>('GET', path, { token })
    expect([left.body.persona_id, left.body.message_count]).toEqual([null, 1])
    const turn = await call('POST', `${path}/turns`, { token, body: { content: 'Are you there?' } })
    expect([turn.status, turn.body]).toEqual([409, expect.objectContaining({ code: 'conflict' })])
    expect((await call<Conversation>('GET', path, { token })).body.message_count).toBe(1)
  })

  it('of another person is as absent as one that is not there, for every verb', async () => {
    const [one, two] = [await newUser(), await newUser()]
    const theirs = await newConversation(two.token, 'Theirs')
    const attempts = [
      ['GET', ''],
      ['PATCH', '', { title: 'Mine' }],
      ['DELETE', ''],
      ['GET', '/messages'],
      ['POST', '/messages', { role: 'user', content: 'x' }],
      ['POST', '/messages', { role: 'assistant', content: 'x' }],
      ['POST', '/turns', { content: 'x' }],
    ] as const
    for (const [method, rest, body] of attempts) {
      const send = async (id: string) => {
        const answer = await rawCall(method, `/conversations/${id}${rest}`, { token: one.token, body })
        return [answer.status, await answer.text(), answer.headers.get('Server-Timing')]
      }
      const foreign = await send(theirs.id)
      expect([method + rest, foreign[0]]).toEqual([method + rest, 404])
      expect(foreign).toEqual(await send(crypto.randomUUID()))
    }
    expect((await call<Conversation>('GET', `/conversations/${theirs.id}`, { token: two.token })).body).toEqual(theirs)
  })

  it('is one however often its key is sent, and another body under the key is refused', async () => {
    const { token, user } = await newUser()
    const headers = { 'Idempotency-Key': 'start' }
    const body = { persona_id: fuka, title: 'Once' }
    const send = async (more = {}, who = token) =>
      await call<Conversation & { code?: string }>('POST', '/conversations', {
        token: who,
        body: { ...body, ...more },
        headers,
      })
    const answers = await Promise.all(Array.from({ length: 20 }, async () => await send()))
    const later = await send()
    for (const answer of answers) expect([answer.status, answer.body]).toEqual([201, later.body])
    expect(later.status).toBe(201)
    for (const more of [{ title: 'Twice' }, { metadata: {} }, { tags: [] }]) {
      const other = await send(more)
      expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused'])
    }
    expect(await countOf(user.id)).toBe(1)
    const stranger = await newUser()
    const theirs = await send({}, stranger.token)
    expect([theirs.status, theirs.body.id === later.body.id]).toEqual([201, false])
    await Promise.all(Array.from({ length: 20 }, async () => await newConversation(stranger.token)))
    expect(await countOf(stranger.user.id)).toBe(21)
  })

  it.each([
    ['11 levels', 422, Array.from({ length: 10 }).reduce<object>((inner) => ({ a: inner }), {})],
    ['10 levels', 201, Array.from({ length: 9 }).reduce<object>((inner) => ({ a: inner }), {})],
    ['101 names', 422, Object.fromEntries(Array.from({ length: 101 }, (_, number) => [`n${number}`, 1]))],
    ['100 names', 201, Object.fromEntries(Array.from({ length: 100 }, (_, number) => [`n${number}`, 1]))],
    ['16,001 characters', 422, { a: 'x'.repeat(16_001 - 8) }],
    ['16,000 characters', 201, { a: 'x'.repeat(16_000 - 8) }],
    ['NUL in a name', 422, { 'a\0b': 1 }],
    ['NUL deep inside', 422, { a: [{ b: 'c\0' }] }],
    ['half of a surrogate pair in a name', 422, { '\ud800': 1 }],
    ['half of a surrogate pair in a value', 422, { a: ['\udc00'] }],
    ['a list', 422, []],
    ['nothing', 422, null],
  ])('with metadata of %s answers %i', async (_name, status, metadata) => {
    const { token, user } = await newUser()
    const answer = await call<Conversation>('POST', '/conversations', { token, body: { persona_id: fuka, metadata } })
    expect([answer.status, await countOf(user.id)]).toEqual([status, status === 201 ? 1 : 0])
    if (status === 201) expect(answer.body.metadata).toEqual(metadata)
  })

  it.each([
    ['a blank title', { title: '  ' }],
    ['a title of 201 characters', { title: 'x'.repeat(201) }],
    ['a NUL in the title', { title: 'a\0' }],
    ['half of a surrogate pair in the title', { title: '\ud83d' }],
    ['21 tags', { tags: Array.from({ length: 21 }, () => 'a') }],
    ['a long tag', { tags: ['x'.repeat(41)] }],
    ['what it does not know', { user_id: crypto.randomUUID() }],
    ['what is not for a client to set', { message_count: 7 }],
  ])('refuses %s, at its start and later', async (_name, fields) => {
    const { token } = await newUser()
    const made = await newConversation(token, 'Kept')
    const attempts = [
      await call('POST', '/conversations', { token, body: { persona_id: fuka, ...fields } }),
      await call('PATCH', `/conversations/${made.id}`, { token, body: fields }),
      await call('PATCH', `/conversations/${made.id}`, { token, body: {} }),
    ]
    expect(attempts.map(({ status, body }) => [status, body['code']])).toEqual(
      attempts.map(() => [422, 'invalid_body']),
    )
    expect((await call<ConversationPage>('GET', '/conversations', { token })).body.items).toEqual([made])
  })
})
