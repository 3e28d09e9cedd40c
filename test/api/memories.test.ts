import { describe, expect, it } from 'vitest'
import type { Forgotten, Memory, MemoryPage, MemoryReason, MemorySettings } from '#src/memories/shapes.ts'
import { call, fuka, newUser } from '#test/setup/client.ts'
import { memoriesOf, remember, rememberedBy } from '#test/setup/memories.ts'
import { make } from '#test/setup/own-personas.ts'
import { asOwner } from '#test/setup/owner-database.ts'

const kenji = '0198f000-0000-7000-8000-000000000003'

describe('something that a person has remembered', () => {
  it('is theirs as they wrote it, sealed, and of all companions unless one is named', async () => {
    const [{ token }, other] = [await newUser(), await newUser()]
    const { status, body } = await remember(token, { content: '  Likes to be called Robin 🌊  ' })
    const expected = {
      id: body.id,
      persona_id: null,
      content: 'Likes to be called Robin 🌊',
      origin: 'person',
      source_message_ids: [],
      created_at: body.created_at,
      edited_at: null,
    }
    expect([status, body]).toEqual([201, expected])
    expect((await call<Memory>('GET', `/memories/${body.id}`, { token })).body).toEqual(expected)
    const why = await call<MemoryReason>('GET', `/memories/${body.id}/why`, { token })
    expect(why.body).toEqual({ memory: expected, sources: [] })
    const [row] = await asOwner<{ content: Uint8Array }>('select content from memories where id = $1', [body.id])
    expect(new TextDecoder('latin1').decode(row?.content)).not.toContain('Robin')
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/why'],
      ['DELETE', ''],
    ] as const) {
      expect((await call(method, `/memories/${body.id}${path}`, { token: other.token })).status).toBe(404)
    }
    const change = { token: other.token, body: { content: 'Theirs' } }
    expect((await call('PATCH', `/memories/${body.id}`, change)).status).toBe(404)
    expect(await rememberedBy(other.token)).toEqual([])
    expect(await rememberedBy(token)).toEqual(['Likes to be called Robin 🌊'])
  })

  it('is made once for a key, and is not made for a companion that is hidden', async () => {
    const [{ token }, author] = [await newUser(), await newUser()]
    const key = { 'Idempotency-Key': crypto.randomUUID() }
    const first = await remember(token, { content: 'Once' }, key)
    expect((await remember(token, { content: 'Once' }, key)).body).toEqual(first.body)
    expect((await remember(token, { content: 'Other' }, key)).body.code).toBe('idempotency_key_reused')
    const hidden = (await make(author.token, { display_name: 'Mira' })).body.id
    expect((await remember(token, { content: 'Of hers', persona_id: hidden })).status).toBe(404)
    const moved = await call('PATCH', `/memories/${first.body.id}`, { token, body: { persona_id: hidden } })
    expect([moved.status, await rememberedBy(token)]).toEqual([404, ['Once']])
  })

  it('is listed newest first, in pages, for one companion with what all remember', async () => {
    const { token } = await newUser()
    for (const persona of [null, fuka, kenji, null, fuka]) {
      await remember(token, { content: `Of ${persona}`, persona_id: persona })
    }
    const all = await memoriesOf(token)
    expect(all.map(({ persona_id: id }) => id)).toEqual([fuka, null, kenji, fuka, null])
    expect((await memoriesOf(token, `?persona_id=${kenji}`)).map(({ persona_id: id }) => id)).toEqual([
      null,
      kenji,
      null,
    ])
    const pages: Memory[] = []
    let cursor = ''
    for (let page = 0; page < 3; page += 1) {
      const { body } = await call<MemoryPage>('GET', `/memories?limit=2${cursor}`, { token })
      pages.push(...body.items)
      cursor = `&cursor=${body.next_cursor}`
    }
    expect([pages, cursor]).toEqual([all, '&cursor=null'])
  })

  it('is corrected, and goes to another companion or all', async () => {
    const { token } = await newUser()
    const { body: made } = await remember(token, { content: 'Lives in Kyoto', persona_id: fuka })
    const change = async (body: object) => await call<Memory>('PATCH', `/memories/${made.id}`, { token, body })
    const corrected = await change({ content: 'Lives in Osaka' })
    expect(corrected.body).toEqual({ ...made, content: 'Lives in Osaka', edited_at: corrected.body.edited_at })
    expect(Date.parse(corrected.body.edited_at ?? '')).toBeGreaterThanOrEqual(Date.parse(made.created_at))
    expect((await change({ persona_id: null })).body).toMatchObject({ content: 'Lives in Osaka', persona_id: null })
    expect([(await change({})).status, (await change({ content: ' ' })).status]).toEqual([422, 422])
  })

  it('is forgotten alone, with a companion, or with everything', async () => {
    const { token } = await newUser()
    const [first] = [await remember(token, { content: 'one' }), await remember(token, { content: 'two' })]
    for (const persona of [fuka, fuka, kenji]) await remember(token, { content: 'of one', persona_id: persona })
    const forget = async (path: string) => await call<Forgotten>('DELETE', `/memories${path}`, { token })
    expect((await forget(`/${first.body.id}`)).status).toBe(204)
    expect((await forget(`/${first.body.id}`)).status).toBe(404)
    expect((await forget(`?persona_id=${fuka}`)).body).toEqual({ forgotten: 2 })
    expect((await memoriesOf(token)).map(({ persona_id: id }) => id)).toEqual([kenji, null])
    expect([(await forget('')).body, await memoriesOf(token)]).toEqual([{ forgotten: 2 }, []])
  })

  it('is refused where 200 things are remembered, and claims nothing', async () => {
    const { token, user } = await newUser()
    const { body } = await remember(token, { content: 'one' })
    await asOwner(
      `insert into memories (id, user_id, content) select gen_random_uuid(), user_id, content from memories, generate_series(1, 198)
       where id = $1`,
      [body.id],
    )
    expect((await remember(token, { content: 'the last' })).status).toBe(201)
    const key = { 'Idempotency-Key': 'key' }
    const refused = await remember(token, { content: 'too many' }, key)
    expect([refused.status, refused.body.code]).toEqual([409, 'conflict'])
    await asOwner('delete from memories where user_id = $1', [user.id])
    const made = await remember(token, { content: 'too many' }, key)
    expect([made.status, await rememberedBy(token)]).toEqual([201, ['too many']])
    await call('DELETE', `/memories/${made.body.id}`, { token })
    expect((await remember(token, { content: 'too many' }, key)).body.code).toBe('not_found')
  })
})

describe('whether somebody is remembered', () => {
  it('is theirs to say: by each companion for itself, unless they decide otherwise', async () => {
    const { token } = await newUser()
    const read = async () => (await call<MemorySettings>('GET', '/memories/settings', { token })).body
    const set = async (body: object) => await call<MemorySettings>('PUT', '/memories/settings', { token, body })
    expect(await read()).toEqual({ is_enabled: true, is_shared: false })
    expect((await set({ is_shared: true })).body).toEqual({ is_enabled: true, is_shared: true })
    expect((await set({ is_enabled: false })).body).toEqual({ is_enabled: false, is_shared: true })
    expect(await read()).toEqual({ is_enabled: false, is_shared: true })
    expect((await set({})).status).toBe(422)
    expect((await call('GET', '/auth/profile', { token })).body).not.toHaveProperty('is_remembered')
  })
})
