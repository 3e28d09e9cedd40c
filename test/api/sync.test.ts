import { describe, expect, it } from 'vitest'
import type { Conversation, Sync } from '#src/conversations/shapes.ts'
import { call, fuka, newUser } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { newConversation, sayAndWait } from '#test/setup/talk.ts'

type Answer = Sync & { code?: string }

async function newDevice() {
  const { token, user } = await newUser()
  const ask = async (after?: string, limit = 50) =>
    await call<Answer>('GET', `/sync?limit=${limit}${after === undefined ? '' : `&after=${after}`}`, { token })
  /** Asks until there is no more; what came, and where to go on. */
  const catchUp = async (after?: string, limit?: number) => {
    const seen: Conversation[] = []
    const gone: string[] = []
    for (let next = after; ;) {
      const { body } = await ask(next, limit)
      seen.push(...body.conversations)
      gone.push(...body.deleted_ids)
      next = body.next
      if (!body.has_more) return { ids: seen.map(({ id }) => id), seen, gone, next }
    }
  }
  /** Everything so far happened an hour ago. */
  const settle = async () => {
    await asOwner(`update conversations set updated_at = updated_at - interval '1 hour' where user_id = $1`, [user.id])
    await asOwner(`update conversation_deletions set deleted_at = deleted_at - interval '1 hour' where user_id = $1`, [
      user.id,
    ])
  }
  return { token, user, ask, catchUp, settle }
}

describe('a device', () => {
  it('that asks for the first time gets everything, and then what changes', async () => {
    const { token, catchUp, settle } = await newDevice()
    const made = [await newConversation(token), await newConversation(token), await newConversation(token)]
    const ids = made.map(({ id }) => id)
    await settle()
    const first = await catchUp()
    expect(first.ids).toEqual(ids)
    const second = await catchUp(first.next)
    expect([second.ids, second.gone]).toEqual([[], []])
    await sayAndWait(token, ids[1] ?? '', 'Hello?')
    await call('PATCH', `/conversations/${ids[0]}`, { token, body: { title: 'Renamed' } })
    const third = await catchUp(second.next)
    expect(third.seen.map(({ id, title, last_seq: seq }) => [id, title, seq])).toEqual([
      [ids[1], null, 2],
      [ids[0], 'Renamed', 0],
    ])
    // What is as new as this may have come beside something that nobody sees yet: it is told once more.
    expect((await catchUp(third.next)).ids).toEqual(third.ids)
  })

  it('gets each once in pages, however many there are', async () => {
    const { token, user, catchUp, settle } = await newDevice()
    await newConversation(token)
    await asOwner(
      `insert into conversations (id, user_id, persona_id) select gen_random_uuid(), $1, $2 from generate_series(1, 24)`,
      [user.id, fuka],
    )
    await settle()
    const { ids, next } = await catchUp(undefined, 7)
    expect([ids.length, new Set(ids).size]).toEqual([25, 25])
    expect((await catchUp(next, 7)).ids).toEqual([])
  })

  it('misses nothing that began before it asked and ended after', async () => {
    const { token, user, catchUp, settle } = await newDevice()
    await newConversation(token)
    await settle()
    const { next } = await catchUp()
    await asOwner(
      `insert into conversations (id, user_id, persona_id, updated_at) values (gen_random_uuid(), $1, $2, now() - interval '20 seconds')`,
      [user.id, fuka],
    )
    expect((await catchUp(next)).ids.length).toBe(1)
  })

  it('hears which conversations are gone, and of none that came back', async () => {
    const { token, user, catchUp, settle } = await newDevice()
    const [kept, gone] = [await newConversation(token), await newConversation(token)]
    await settle()
    const { next } = await catchUp()
    await call('DELETE', `/conversations/${gone.id}`, { token })
    const second = await catchUp(next)
    expect([second.ids, second.gone]).toEqual([[], [gone.id]])
    await settle()
    expect((await catchUp(second.next)).gone).toEqual([])
    await asOwner('insert into conversations (id, user_id, persona_id) values ($1, $2, $3)', [gone.id, user.id, fuka])
    expect((await catchUp(next)).gone).toEqual([])
    expect((await catchUp()).ids).toEqual([kept.id, gone.id])
  })

  it('begins anew where what it brings is not its own', async () => {
    const [one, two] = [await newDevice(), await newDevice()]
    const { next } = await one.catchUp()
    for (const after of [next, 'x', `${next.slice(0, -2)}AA`]) {
      const { status, body } = await two.ask(after)
      expect([status, body.code]).toEqual([400, 'invalid_cursor'])
    }
  })
})

it('nothing is kept of the conversations of an account that goes', async () => {
  const { token, user } = await newDevice()
  await newConversation(token)
  await call('DELETE', '/auth/account', { token })
  await expect
    .poll(async () => await asOwner('select from users where id = $1', [user.id]), { timeout: 15_000 })
    .toEqual([])
  expect(await asOwner('select from conversation_deletions where user_id = $1', [user.id])).toEqual([])
})
