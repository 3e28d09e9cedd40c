import { describe, expect, it } from 'vitest'
import type { Usage } from '#src/usage/shapes.ts'
import type { Message, MessagePage } from '#src/conversations/shapes.ts'
import { call, fuka, newUser } from '#test/setup/client.ts'
import { loseAnswer } from '#test/setup/other-database.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { messagesOf, sayAndWait } from '#test/setup/talk.ts'
import {
  conversationsOf,
  exportFile,
  importFile,
  inPieces,
  longChat,
  node,
  openAiChat,
  pathOf,
} from '#test/setup/transcripts.ts'

const told = ({ role, origin, content, content_type, model, created_at }: Message) => ({
  role,
  origin,
  content,
  content_type,
  model,
  created_at,
})

/** As ChatGPT exports: rules, a tool, a picture, a reply that was made again, and what is hidden. */
const harbour = openAiChat('5f1c2f3a-0000-4000-8000-00000000aaaa', [
  node('client-created-root', null, ['rules']),
  node('rules', 'client-created-root', ['q1'], { role: 'system', parts: [''], more: { weight: 0 } }),
  node('q1', 'rules', ['hidden'], { role: 'user', parts: ['Where do the ships go?'], at: 1_700_000_001 }),
  node('hidden', 'q1', ['a1', 'call'], {
    role: 'user',
    parts: ['Instructions of mine'],
    more: { metadata: { is_visually_hidden_from_conversation: true } },
  }),
  node('a1', 'hidden', [], { role: 'assistant', parts: ['To the *north*.'], at: 1_700_000_002 }),
  node('call', 'hidden', ['tool'], {
    role: 'assistant',
    at: 1_700_000_003,
    more: { recipient: 'browser', content: { content_type: 'code', language: 'unknown', text: 'search("ships")' } },
  }),
  node('tool', 'call', ['a2'], { role: 'tool', parts: ['a page'], at: 1_700_000_004 }),
  node('a2', 'tool', ['q2'], { role: 'assistant', parts: ['To the south, **mostly**.'], at: 1_700_000_005.5 }),
  node('q2', 'a2', [], {
    role: 'user',
    at: 1_700_000_006,
    more: {
      content: {
        content_type: 'multimodal_text',
        parts: [{ content_type: 'image_asset_pointer', asset_pointer: 'sediment://file_1' }, 'And this one?'],
      },
    },
  }),
])

describe('a file of ChatGPT’s', () => {
  it('becomes conversations: its tree, its path and its times, without what neither said to the other', async () => {
    const { token } = await newUser()
    const { status, body } = await importFile(token, JSON.stringify([harbour]))
    expect([status, body]).toEqual([
      200,
      {
        format: 'openai',
        conversations: { added: 1, found: 0, skipped: 0, refused: 0 },
        messages: { added: 4, found: 0, skipped: 4, altered: 1 },
        refused: [],
      },
    ])
    const [made] = await conversationsOf(token)
    expect(made).toMatchObject({
      persona_id: fuka,
      title: 'Harbour walk',
      metadata: { imported_from: 'openai' },
      is_active: true,
      is_temporary: false,
      message_count: 4,
      last_seq: 4,
      created_at: '2023-11-14T22:13:20.250Z',
      last_message_at: '2023-11-14T22:13:26.000Z',
    })
    const all = await messagesOf(token, made?.id ?? '')
    const [first, north, south, second] = all
    expect(all.map(told)).toEqual([
      {
        role: 'user',
        origin: 'person',
        content: 'Where do the ships go?',
        content_type: 'text',
        model: null,
        created_at: '2023-11-14T22:13:21.000Z',
      },
      {
        role: 'assistant',
        origin: 'imported',
        content: 'To the *north*.',
        content_type: 'markdown',
        model: 'gpt-4o',
        created_at: '2023-11-14T22:13:22.000Z',
      },
      {
        role: 'assistant',
        origin: 'imported',
        content: 'To the south, **mostly**.',
        content_type: 'markdown',
        model: 'gpt-4o',
        created_at: '2023-11-14T22:13:25.500Z',
      },
      {
        role: 'user',
        origin: 'person',
        content: 'And this one?',
        content_type: 'text',
        model: null,
        created_at: '2023-11-14T22:13:26.000Z',
      },
    ])
    expect(all.map(({ parent_id: parent }) => parent)).toEqual([null, first?.id, first?.id, south?.id])
    expect(made?.leaf_message_id).toBe(second?.id)
    expect(north?.id).toMatch(/^018bcfe5-[0-9a-f]{4}-8/)
  })

  it('is found by its words, and goes on as any other conversation', async () => {
    const { token } = await newUser()
    await importFile(token, JSON.stringify([harbour]))
    const [made] = await conversationsOf(token)
    const id = made?.id ?? ''
    const { body } = await call<MessagePage>('POST', '/search', { token, body: { query: 'south mostly' } })
    expect(body.items.map(({ content }) => content)).toEqual(['To the south, **mostly**.'])
    const said = await sayAndWait(token, id, 'And then?')
    expect([said.status, said.body.state]).toEqual([200, 'complete'])
    expect((await pathOf(token, id)).map(({ origin }) => origin)).toEqual([
      'person',
      'imported',
      'person',
      'person',
      'companion',
    ])
    // Sent again it leaves alone where its person is now.
    expect((await importFile(token, JSON.stringify([harbour]))).body.messages.added).toBe(0)
    expect((await pathOf(token, id)).length).toBe(5)
  })

  it('has its replies made once more beside what the file has', async () => {
    const { token } = await newUser()
    await importFile(token, JSON.stringify([harbour]))
    const id = (await conversationsOf(token))[0]?.id ?? ''
    const before = await messagesOf(token, id)
    const south = before.find(({ content }) => content?.includes('south'))
    const again = await call('POST', `/conversations/${id}/messages/${south?.id}/regenerate`, {
      token,
      headers: { Accept: 'application/json' },
    })
    expect(again.status).toBe(200)
    const after = await messagesOf(token, id)
    expect(after.slice(0, 4)).toEqual(before)
    expect([after.length, after[4]?.parent_id, after[4]?.origin]).toEqual([5, before[0]?.id, 'companion'])
  })

  it('adds nothing when it is sent again, and only what is new when it has grown', async () => {
    const { token, user } = await newUser()
    const grown = (count: number) => JSON.stringify([longChat('c', count), harbour])
    await importFile(token, grown(6))
    const before = await conversationsOf(token)
    expect((await importFile(token, grown(6))).body).toEqual({
      format: 'openai',
      conversations: { added: 0, found: 2, skipped: 0, refused: 0 },
      messages: { added: 0, found: 10, skipped: 4, altered: 1 },
      refused: [],
    })
    expect(await conversationsOf(token)).toEqual(before)
    expect((await importFile(token, grown(9))).body.messages).toMatchObject({ added: 3, found: 10 })
    const changed = (await conversationsOf(token)).find(({ message_count: count }) => count === 9)
    expect((await pathOf(token, changed?.id ?? '')).map(({ content }) => content)).toEqual(
      Array.from({ length: 9 }, (_, place) => `word ${place} – grüße 💛`),
    )
    // Somebody else's are of other ids.
    const other = await newUser()
    await importFile(other.token, grown(9))
    const ids = (await conversationsOf(other.token)).map(({ id }) => id)
    expect(ids.filter((id) => before.some((one) => one.id === id))).toEqual([])
    expect(user.id).not.toBe(other.user.id)
  })

  it('that is cut keeps what came before, and is completed when it is sent whole', async () => {
    const { token } = await newUser()
    const whole = JSON.stringify([longChat('one', 4), longChat('two', 4), longChat('three', 4)])
    const cut = whole.slice(0, whole.indexOf('"conversation_id":"two"') + 10)
    const { status, body } = await importFile(token, cut)
    expect([status, body.code]).toEqual([400, 'malformed_body'])
    expect(body.detail).toBe(
      'Conversation 2 of the file: The file ends in the middle of it. 1 of its conversations were taken in; sent again, the file adds nothing twice.',
    )
    expect((await conversationsOf(token)).map(({ message_count: count }) => count)).toEqual([4])
    expect((await importFile(token, whole)).body).toMatchObject({
      conversations: { added: 2, found: 1 },
      messages: { added: 8, found: 4 },
    })
  })

  it('is read piece by piece: five thousand messages in pieces that end anywhere', async () => {
    const { token } = await newUser()
    const file = JSON.stringify([longChat('long', 5_000)])
    const { status, body } = await importFile(token, inPieces(file, [1, 7, 4_099, 3, 65_537, 2]))
    expect([status, body.messages]).toEqual([200, { added: 5_000, found: 0, skipped: 0, altered: 0 }])
    const [made] = await conversationsOf(token)
    expect([made?.message_count, made?.last_seq]).toEqual([5_000, 5_000])
    const end = await pathOf(token, made?.id ?? '')
    expect([end.length, end.at(-1)?.content]).toEqual([100, 'word 4999 – grüße 💛'])
    expect(JSON.parse(await exportFile(token, 'neuraform', made?.id))).toMatchObject({
      conversations: [{ messages: { length: 5_000 } }],
    })
    expect((await importFile(token, file)).body.messages).toMatchObject({ added: 0, found: 5_000 })
  }, 120_000)

  it('follows the path of the file that has grown, unless its person has gone on here', async () => {
    const { token } = await newUser()
    const other = node('a3', 'tool', [], { role: 'assistant', parts: ['To the east.'], at: 1_700_000_900 })
    const mapping = { ...harbour.mapping, a3: other }
    await importFile(token, JSON.stringify([harbour]))
    const id = (await conversationsOf(token))[0]?.id ?? ''
    const endOf = async () => (await pathOf(token, id)).at(-1)?.content
    await importFile(token, JSON.stringify([{ ...harbour, mapping, current_node: 'a3' }]))
    expect(await endOf()).toBe('To the east.')
    await call('POST', `/conversations/${id}/messages`, { token, body: { role: 'user', content: 'Mine.' } })
    const more = { ...mapping, q3: node('q3', 'q2', [], { role: 'user', parts: ['Later.'], at: 1_700_000_950 }) }
    const grown = await importFile(token, JSON.stringify([{ ...harbour, mapping: more, current_node: 'q3' }]))
    expect([grown.body.messages.added, await endOf()]).toEqual([1, 'Mine.'])
    expect((await messagesOf(token, id)).length).toBe(7)
  })

  it.each([
    ['that looked for what is here', 2],
    ['that stored', 3],
  ])('whose flight %s was heard, and its answer lost, is there once', async (_name, nth) => {
    const { token, user } = await newUser()
    const commits = loseAnswer(nth)
    const { status, body } = await importFile(token, JSON.stringify([longChat('a', 3)]))
    expect([status, body.messages.added, commits()]).toEqual([200, 3, 4])
    const [made, ...rest] = await conversationsOf(token)
    expect([rest, made?.message_count, (await pathOf(token, made?.id ?? '')).length]).toEqual([[], 3, 3])
    expect(
      await asOwner('select 1 from usage_ledger where user_id = $1 and spent is not null', [user.id]),
    ).toHaveLength(1)
  })

  it('sent twice at once is there once', async () => {
    const { token, user } = await newUser()
    const file = JSON.stringify([longChat('a', 450), longChat('b', 30), harbour])
    const both = await Promise.all([importFile(token, file), importFile(token, file)])
    expect(both.map(({ status }) => status)).toEqual([200, 200])
    const counted = both.map(({ body }) => body.messages)
    expect(counted.map(({ added, found }) => added + found)).toEqual([484, 484])
    expect(counted.reduce((sum, { added }) => sum + added, 0)).toBe(484)
    const spent = async (of: string) => (await call<Usage>('GET', '/usage', { token: of })).body.stored_bytes
    const alone = await newUser()
    await importFile(alone.token, file)
    // Two may make a conversation and its first words, whose row one of them would have counted.
    const [twice, once] = [await spent(token), await spent(alone.token)]
    expect([twice.reserved, Math.abs(twice.spent - once.spent) < 500]).toEqual([0, true])
    const made = await conversationsOf(token)
    expect(made.map(({ message_count: count }) => count).toSorted((a, b) => a - b)).toEqual([4, 30, 450])
    const [there] = await asOwner<{ count: number }>('select count(*)::int as count from messages where user_id = $1', [
      user.id,
    ])
    expect(there?.count).toBe(484)
    for (const { id, message_count: count } of made)
      expect((await pathOf(token, id)).length).toBe(Math.min(100, count === 4 ? 3 : count))
  })
})
