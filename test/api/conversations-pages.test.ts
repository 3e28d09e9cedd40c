import { describe, expect, it, vi } from 'vitest'
import type { ConversationPage } from '#src/conversations/shapes.ts'
import { call, newUser } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { newConversation } from '#test/setup/talk.ts'

type Page = ConversationPage & { code?: string }

const pageOf = async (token: string, query: string) => await call<Page>('GET', `/conversations?${query}`, { token })

async function walkPages(token: string, limit: number, between: () => Promise<unknown>): Promise<string[]> {
  const seen: string[] = []
  let cursor: string | null = null
  do {
    const { body } = await pageOf(token, cursor === null ? `limit=${limit}` : `limit=${limit}&cursor=${cursor}`)
    seen.push(...body.items.map(({ id }) => id))
    cursor = body.next_cursor
    await between()
  } while (cursor !== null)
  return seen
}

const makeSeven = async (token: string) =>
  (await Promise.all(Array.from({ length: 7 }, async () => await newConversation(token)))).map(({ id }) => id)

describe('the list of conversations', () => {
  it('has the newest activity first', async () => {
    const { token } = await newUser()
    const ids: string[] = []
    for (const title of ['one', 'two', 'three']) ids.push((await newConversation(token, title)).id)
    await call('POST', `/conversations/${ids[0]}/messages`, { token, body: { role: 'user', content: 'Again.' } })
    await call('PATCH', `/conversations/${ids[1]}`, { token, body: { is_pinned: true } })
    const { body } = await pageOf(token, '')
    expect(body).toEqual({
      items: [ids[1], ids[0], ids[2]].map((id) => expect.objectContaining({ id })),
      next_cursor: null,
    })
  })

  it('has no gaps or repeats where moments are the same, nor while others are started', async () => {
    const { token, user } = await newUser()
    const made = await makeSeven(token)
    await asOwner("update conversations set updated_at = '2026-01-01T00:00:00.123Z' where user_id = $1", [user.id])
    const newestIdFirst = made.toSorted().toReversed()
    for (const limit of [1, 3, 7, 8])
      expect(await walkPages(token, limit, async () => undefined)).toEqual(newestIdFirst)
    expect(await walkPages(token, 2, async () => await newConversation(token))).toEqual(newestIdFirst)
  })

  it('has no gaps where one is deleted under the cursor', async () => {
    const { token } = await newUser()
    await makeSeven(token)
    const first = await pageOf(token, 'limit=3')
    const last = first.body.items[2]
    await call('DELETE', `/conversations/${last?.id}`, { token })
    const rest = await pageOf(token, `limit=10&cursor=${first.body.next_cursor}`)
    expect([rest.body.items.length, rest.body.next_cursor]).toEqual([4, null])
  })

  it('of somebody who has none is empty', async () => {
    const { token } = await newUser()
    expect((await pageOf(token, '')).body).toEqual({ items: [], next_cursor: null })
  })

  it.each(['limit=0', 'limit=101', 'limit=2.5', 'limit=a', 'limit=', 'limit=1&page=2', `cursor=${'a'.repeat(2_001)}`])(
    'refuses ?%s',
    async (query) => {
      const { token } = await newUser()
      const { status, body } = await pageOf(token, query)
      expect([status, body.code]).toEqual([400, 'invalid_parameter'])
    },
  )
})

describe('a cursor', () => {
  it('works for its person and its list only, whole, and for a day', async () => {
    const [one, two] = [await newUser(), await newUser()]
    const ids = await makeSeven(one.token)
    await makeSeven(two.token)
    for (const content of ['a', 'b']) {
      await call('POST', `/conversations/${ids[0]}/messages`, { token: one.token, body: { role: 'user', content } })
    }
    const cursor = (await pageOf(one.token, 'limit=1')).body.next_cursor ?? ''
    expect((await pageOf(one.token, `cursor=${cursor}`)).status).toBe(200)
    const messages = `/conversations/${ids[0]}/messages`
    const ofMessages = await call<Page>('GET', `${messages}?limit=1`, { token: one.token })
    const expired = await expiredFrom(one.token)
    const attempts = [
      await pageOf(two.token, `cursor=${cursor}`),
      await call('GET', `${messages}?cursor=${cursor}`, { token: one.token }),
      await call('GET', `/personas?cursor=${cursor}`, { token: one.token }),
      await pageOf(one.token, `cursor=${ofMessages.body.next_cursor}`),
      await call('GET', `/conversations/${ids[1]}/messages?cursor=${ofMessages.body.next_cursor}`, {
        token: one.token,
      }),
      await pageOf(one.token, `cursor=${cursor.slice(0, -4)}`),
      await pageOf(one.token, `cursor=${cursor.startsWith('A') ? 'B' : 'A'}${cursor.slice(1)}`),
      await pageOf(one.token, 'cursor=1'),
      await pageOf(one.token, 'cursor='),
      expired,
    ]
    expect(attempts.map(({ status, body }) => [status, body['code']])).toEqual(
      attempts.map(() => [400, 'invalid_cursor']),
    )
  })
})

/** What a cursor of yesterday's answers today: only the clock of the Worker moves. */
async function expiredFrom(token: string) {
  vi.useFakeTimers({ now: Date.now() - 86_401_000, toFake: ['Date'] })
  const old = (await pageOf(token, 'limit=1')).body.next_cursor
  vi.useRealTimers()
  return await pageOf(token, `limit=1&cursor=${old}`)
}
