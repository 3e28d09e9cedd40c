import { describe, expect, it } from 'vitest'
import type { FoundPage, Turn } from '#src/conversations/shapes.ts'
import { call, newUser } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { newConversation } from '#test/setup/talk.ts'

interface Search {
  readonly query: string
  readonly conversation_id?: string
  readonly limit?: number
  readonly cursor?: string
}

const search = async (token: string, body: Search) =>
  await call<FoundPage & { code?: string }>('POST', '/search', { token, body })

const found = async (token: string, query: string) =>
  (await search(token, { query })).body.items.map(({ content }) => content)

async function personWhoSaid(...said: readonly string[]) {
  const { token, user } = await newUser()
  const { id } = await newConversation(token)
  for (const content of said) await say(token, id, content)
  return { token, user, id }
}

const say = async (token: string, id: string, content: string, role: 'user' | 'assistant' = 'user') =>
  await call('POST', `/conversations/${id}/messages`, { token, body: { role, content } })

describe('search', () => {
  it('finds what holds every word, newest first, whatever the case and accents', async () => {
    const { token } = await personWhoSaid('A café in Paris', 'Paris in the rain', 'CAFE at home, in Paris')
    expect(await found(token, 'paris Café')).toEqual(['CAFE at home, in Paris', 'A café in Paris'])
    expect(await found(token, 'paris')).toEqual(['CAFE at home, in Paris', 'Paris in the rain', 'A café in Paris'])
    expect(await found(token, 'pari')).toEqual([])
  })

  it.each([
    ['Japanese', '来週、東京に行きます', '東京'],
    ['Thai', 'พรุ่งนี้อากาศดีมาก', 'อากาศ'],
    ['Arabic', 'قرأتُ كتابًا جميلًا', 'كتابا'],
    ['emoji', 'So proud 👩‍🚀🎉', '👩‍🚀'],
    ['Vietnamese', 'Tôi yêu Việt Nam', 'viet nam'],
  ])('serves %s', async (_language, said, query) => {
    const { token } = await personWhoSaid(said, 'something else')
    expect(await found(token, query)).toEqual([said])
  })

  it.each([
    ['A café, another CAFÉ', 'cafe', ['café', 'CAFÉ']],
    ['Paris in the rain; rain in Paris.', 'rain paris', ['Paris', 'rain', 'rain', 'Paris']],
    ['来週、東京に行きます', '東京', ['東京']],
    ['So proud 👩‍🚀🎉', '👩‍🚀', ['👩‍🚀']],
    ['Straße und STRASSE', 'straße', ['Straße', 'STRASSE']],
    ['x '.repeat(60), 'x', Array.from({ length: 50 }, () => 'x')],
  ])('shows where the words stand: %j', async (said, query, expected) => {
    const { token } = await personWhoSaid(said)
    const [hit] = (await search(token, { query })).body.items
    expect(hit?.highlights.map(({ start, end }) => said.slice(start, end))).toEqual(expected)
  })

  it('finds replies too: the companion’s, and those that a backend recorded', async () => {
    const { token, id } = await personWhoSaid()
    const turn = await call<Turn>('POST', `/conversations/${id}/turns`, {
      token,
      headers: { Accept: 'application/json' },
      body: { content: 'I collect zeppelins.' },
    })
    await say(token, id, 'Recorded by a zeppelin', 'assistant')
    const { items } = (await search(token, { query: 'zeppelins' })).body
    const replyHolds = turn.body.reply?.content?.toLowerCase().includes('zeppelins') === true
    expect(items.map(({ role }) => role)).toEqual(replyHolds ? ['assistant', 'user'] : ['user'])
    expect((await search(token, { query: 'zeppelin' })).body.items.map(({ origin }) => origin)).toEqual(['external'])
    const word = turn.body.reply?.content?.split(/\W+/)[0] ?? ''
    expect((await search(token, { query: word })).body.items.map((one) => one.id)).toContain(turn.body.reply?.id)
  })

  it('looks in one conversation where it is told to', async () => {
    const { token, id } = await personWhoSaid('here and there')
    const { id: other } = await newConversation(token)
    await say(token, other, 'not here but there')
    const there = await search(token, { query: 'there', conversation_id: other })
    expect(there.body.items.map(({ conversation_id: where }) => where)).toEqual([other])
    expect((await search(token, { query: 'there' })).body.items.length).toBe(2)
    expect((await search(token, { query: 'there', conversation_id: crypto.randomUUID() })).status).toBe(404)
    expect(id).not.toBe(other)
  })

  it('comes in pages that join without a gap, for this query alone', async () => {
    const { token } = await personWhoSaid(...Array.from({ length: 7 }, (_, index) => `number ${index} again`))
    const seen: (string | null)[] = []
    for (let cursor: string | null | undefined; cursor !== null;) {
      const { body } = await search(token, { query: 'again', limit: 3, ...(cursor === undefined ? {} : { cursor }) })
      seen.push(...body.items.map(({ content }) => content))
      cursor = body.next_cursor
      if (cursor !== null) {
        const misused = await search(token, { query: 'number', cursor })
        expect([misused.status, misused.body.code]).toEqual([400, 'invalid_cursor'])
      }
    }
    expect(seen).toEqual([6, 5, 4, 3, 2, 1, 0].map((number) => `number ${number} again`))
  })

  it('finds nothing for what holds no word', async () => {
    const { token } = await personWhoSaid('?!', 'something')
    expect(await found(token, '?!…')).toEqual([])
  })

  it('finds nothing of anybody else’s, and nobody’s hashes are alike', async () => {
    const one = await personWhoSaid('a shared secret')
    const two = await personWhoSaid('a shared secret')
    expect(await found(two.token, 'secret')).toEqual(['a shared secret'])
    await call('DELETE', `/conversations/${two.id}`, { token: two.token })
    expect(await found(two.token, 'secret')).toEqual([])
    expect(await found(one.token, 'secret')).toEqual(['a shared secret'])
    const third = await personWhoSaid('a shared secret')
    const [common] = await asOwner<{ count: number }>(
      `select count(*)::int as count from (
         select unnest(words) from public.messages where user_id = $1
         intersect select unnest(words) from public.messages where user_id = $2) both_have`,
      [one.user.id, third.user.id],
    )
    expect(common).toEqual({ count: 0 })
  })
})
