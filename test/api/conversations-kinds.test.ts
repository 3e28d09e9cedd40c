import { describe, expect, it } from 'vitest'
import type { Conversation, ConversationPage, Message, MessagePage } from '#src/conversations/shapes.ts'
import { call, fuka, newUser } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { messagesOf, newConversation, sayAndWait } from '#test/setup/talk.ts'
import { fakeModel, replyOf } from '#test/setup/upstreams.ts'
import { runSchedule } from '#test/setup/worker-with.ts'

const other = '0198f000-0000-7000-8000-000000000002'

async function start(token: string, more: Record<string, unknown> = {}): Promise<string> {
  const body = { persona_id: fuka, ...more }
  const made = await call<Conversation>('POST', '/conversations', { token, body })
  expect(made.status).toBe(201)
  return made.body.id
}

const change = async (token: string, id: string, body: Record<string, unknown>) =>
  (await call('PATCH', `/conversations/${id}`, { token, body })).status

const list = async (token: string, query: string) =>
  await call<ConversationPage>('GET', `/conversations?${query}`, { token })
const idsOf = async (token: string, query: string) => (await list(token, query)).body.items.map(({ id }) => id)

describe('the list of conversations', () => {
  it('has those that are asked for: of a companion, archived, pinned, with a tag, temporary', async () => {
    const { token } = await newUser()
    const [plain, tagged] = [await start(token), await start(token, { tags: ['sea', 'night'] })]
    const [pinned, archived] = [await start(token, { tags: ['night'] }), await start(token, { persona_id: other })]
    const temporary = await start(token, { is_temporary: true })
    expect(await change(token, pinned, { is_pinned: true })).toBe(200)
    expect(await change(token, archived, { is_active: false })).toBe(200)
    const all = [archived, pinned, temporary, tagged, plain]
    expect(await idsOf(token, 'limit=50')).toEqual(all)
    expect(await idsOf(token, `persona_id=${other}`)).toEqual([archived])
    expect(await idsOf(token, `persona_id=${fuka}&is_temporary=false`)).toEqual([pinned, tagged, plain])
    expect(await idsOf(token, 'is_active=false')).toEqual([archived])
    expect(await idsOf(token, 'is_active=true')).toEqual(all.slice(1))
    expect(await idsOf(token, 'is_pinned=true')).toEqual([pinned])
    expect(await idsOf(token, 'is_temporary=true')).toEqual([temporary])
    expect(await idsOf(token, 'tag=night')).toEqual([pinned, tagged])
    expect(await idsOf(token, 'tag=night&is_pinned=false&order=oldest')).toEqual([tagged])
    expect(await idsOf(token, 'tag=nigh')).toEqual([])
  })

  it.each(['newest', 'oldest'])('is read page by page, the %s first, without a gap or a repeat', async (order) => {
    const { token } = await newUser()
    const made = []
    for (let count = 0; count < 5; count += 1) made.push(await start(token, { tags: ['x'] }))
    const seen: string[] = []
    for (let query = `order=${order}&tag=x&limit=2`; query !== '';) {
      const { body } = await list(token, query)
      seen.push(...body.items.map(({ id }) => id))
      query = body.next_cursor === null ? '' : `order=${order}&tag=x&limit=2&cursor=${body.next_cursor}`
    }
    expect(seen).toEqual(order === 'newest' ? made.toReversed() : made)
  })

  it('takes no cursor of another list', async () => {
    const { token } = await newUser()
    for (let count = 0; count < 3; count += 1) await start(token, { tags: ['x'] })
    const { body } = await list(token, 'tag=x&limit=1')
    for (const query of ['limit=1', 'tag=y&limit=1', 'tag=x&order=oldest&limit=1']) {
      const refused = await call<{ code: string }>('GET', `/conversations?${query}&cursor=${body.next_cursor}`, {
        token,
      })
      expect([query, refused.status, refused.body.code]).toEqual([query, 400, 'invalid_cursor'])
    }
    for (const query of ['is_active=yes', 'order=up', 'persona_id=1', 'tag=']) {
      expect([query, (await list(token, query)).status]).toEqual([query, 400])
    }
  })
})

describe('the messages of a conversation', () => {
  it('are read in either order, page by page', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    for (const content of ['one', 'two', 'three'])
      await call('POST', `/conversations/${id}/messages`, { token, body: { role: 'user', content } })
    for (const [order, expected] of [
      ['oldest', ['one', 'two', 'three']],
      ['newest', ['three', 'two', 'one']],
    ] as const) {
      const path = `/conversations/${id}/messages?limit=2&order=${order}`
      const { body: first } = await call<MessagePage>('GET', path, { token })
      const { body: second } = await call<MessagePage>('GET', `${path}&cursor=${first.next_cursor}`, { token })
      expect([...first.items, ...second.items].map(({ content }) => content)).toEqual(expected)
      expect([first.items.length, second.next_cursor]).toEqual([2, null])
    }
  })

  it('are read from where a device left off', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    for (const content of ['one', 'two', 'three', 'four'])
      await call('POST', `/conversations/${id}/messages`, { token, body: { role: 'user', content } })
    const missed = async (query: string) =>
      (await call<MessagePage>('GET', `/conversations/${id}/messages?${query}`, { token })).body
    const first = await missed('after_seq=1&limit=2')
    expect(first.items.map(({ content, seq }) => [content, seq])).toEqual([
      ['two', 2],
      ['three', 3],
    ])
    const rest = await missed(`after_seq=1&limit=2&cursor=${first.next_cursor}`)
    expect([rest.items.map(({ content }) => content), rest.next_cursor]).toEqual([['four'], null])
    expect((await missed('after_seq=4')).items).toEqual([])
    const refused = await call<{ code: string }>('GET', `/conversations/${id}/messages?after_seq=-1`, { token })
    expect([refused.status, refused.body.code]).toEqual([400, 'invalid_parameter'])
  })

  it('take what their person thinks of them, and take it back', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    fakeModel(() => replyOf('Hello.'))
    const { body: turn } = await sayAndWait(token, id, 'Hi')
    const give = async (feedback: unknown, as = token, at = turn.reply?.id ?? '') =>
      await call<Message & { code: string }>('PUT', `/conversations/${id}/messages/${at}/feedback`, {
        token: as,
        body: { feedback },
      })
    for (const feedback of ['up', 'down', null]) {
      const given = await give(feedback)
      expect([given.status, given.body]).toEqual([200, { ...turn.reply, feedback }])
      expect((await messagesOf(token, id))[1]?.feedback).toBe(feedback)
    }
    expect((await give('sideways')).body.code).toBe('invalid_body')
    expect((await give('up', (await newUser()).token)).status).toBe(404)
    expect((await give('up', token, crypto.randomUUID())).status).toBe(404)
  })
})

describe('a temporary conversation', () => {
  it('is never found, and gone after a day with all that was said', async () => {
    const { token, user } = await newUser()
    const [id, lasting] = [await start(token, { is_temporary: true }), await start(token)]
    fakeModel(() => replyOf('A lighthouse whispers.'))
    for (const one of [id, lasting]) {
      await sayAndWait(token, one, 'Tell me of the lighthouse.')
      const body = { role: 'user', content: 'lighthouse again' }
      await call('POST', `/conversations/${one}/messages`, { token, body })
      const reply = { role: 'assistant', content: 'lighthouse for ever' }
      await call('POST', `/conversations/${one}/messages`, { token, body: reply })
    }
    const search = { query: 'lighthouse' }
    const { body: found } = await call<MessagePage>('POST', '/search', { token, body: search })
    expect(found.items.map(({ conversation_id }) => conversation_id)).toEqual([lasting, lasting, lasting, lasting])
    expect((await messagesOf(token, id)).length).toBe(4)
    // However its words come to be written: when its person is given another data key, say.
    await asOwner(`update messages set words = '{1}' where conversation_id = $1`, [id])
    expect(await asOwner(`select id from messages where conversation_id = $1 and words <> '{}'`, [id])).toEqual([])
    const age = async (hours: number) =>
      await asOwner('update conversations set created_at = now() - make_interval(hours => $2) where user_id = $1', [
        user.id,
        hours,
      ])
    await age(23)
    await runSchedule()
    expect(await idsOf(token, 'limit=50')).toEqual([lasting, id])
    await age(25)
    await runSchedule()
    expect(await idsOf(token, 'limit=50')).toEqual([lasting])
    expect(await asOwner('select id from messages where conversation_id = $1', [id])).toEqual([])
  })
})
