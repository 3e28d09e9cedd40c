import { describe, expect, it } from 'vitest'
import type { Conversation } from '#src/conversations/shapes.ts'
import type { Persona, PersonaPage, PersonaPreferences } from '#src/personas/shapes.ts'
import { tokenAtAge } from '#test/setup/catalogue.ts'
import { call, fuka, newUser } from '#test/setup/client.ts'
import { change, make, namesOf, read, whole } from '#test/setup/own-personas.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { sayWith } from '#test/setup/talk-with.ts'
import { fakeModel, fakeVoice, replyOf } from '#test/setup/upstreams.ts'
import { callWith } from '#test/setup/worker-with.ts'

const kenji = '0198f000-0000-7000-8000-000000000003'

describe('a companion of one’s own', () => {
  it('is what its author made of it, with what makes it speak for them alone', async () => {
    const [{ token }, other] = [await newUser(), await newUser()]
    const { status, body } = await make(token, { ...whole, is_public: true })
    const {
      system_prompt,
      personality,
      scenario,
      example_dialogue,
      post_history_instructions,
      nickname,
      lorebook,
      ...shown
    } = whole
    const definition = {
      system_prompt,
      personality,
      scenario,
      example_dialogue,
      post_history_instructions,
      nickname,
      lorebook,
    }
    const expected = {
      ...shown,
      is_public: true,
      id: body.id,
      slug: null,
      is_built_in: false,
      is_own: true,
      use_count: 0,
      definition,
      created_at: body.created_at,
      updated_at: body.created_at,
    }
    expect([status, body]).toEqual([201, expected])
    expect((await read(token, body.id)).body).toEqual(expected)
    expect((await read(other.token, body.id)).body).toEqual({ ...expected, is_own: false, definition: null })
  })

  it('is changed in what is named, and in nothing else', async () => {
    const { token } = await newUser()
    const made = (await make(token, whole)).body
    const changed = (await change(token, made.id, { personality: 'wild', tags: [] })).body
    expect(changed).toEqual({
      ...made,
      tags: [],
      definition: { ...made.definition, personality: 'wild' },
      updated_at: changed.updated_at,
    })
    const again = (await change(token, made.id, { personality_config: { energy: 1 } })).body
    expect([again.personality_config, again.definition]).toEqual([{ energy: 1 }, changed.definition])
    expect((await change(token, made.id, {})).body).toEqual({ ...again, updated_at: expect.any(String) })
  })

  it('is nobody else’s to change, delete or find while it is private: as if it were not there', async () => {
    const [{ token }, other] = [await newUser(), await newUser()]
    const { id } = (await make(token)).body
    const body = { persona_id: id }
    const statuses = [
      await read(other.token, id),
      await change(other.token, id, { tags: [] }),
      await call('DELETE', `/personas/${id}`, { token: other.token }),
      await call('POST', `/personas/${id}/fork`, { token: other.token }),
      await call('GET', `/personas/${id}/preferences`, { token: other.token }),
      await call('PUT', `/personas/${id}/preferences`, { token: other.token, body: { is_favorite: true } }),
      await call('GET', `/personas/${id}/card.json`, { token: other.token }),
      await call('GET', `/personas/${id}/card.png`, { token: other.token }),
      await call('POST', '/conversations', { token: other.token, body }),
      await call('POST', '/voice/speech', { token: other.token, body: { ...body, text: 'x' } }),
    ].map(({ status }) => status)
    expect(statuses).toEqual(statuses.map(() => 404))
    await change(token, id, { is_public: true })
    for (const method of ['PATCH', 'DELETE'] as const)
      expect(
        (await call(method, `/personas/${id}`, { token: other.token, ...(method === 'PATCH' ? { body: {} } : {}) }))
          .status,
      ).toBe(404)
    expect((await call('DELETE', `/personas/${fuka}`, { token })).status).toBe(404)
  })

  it('made twice under one key is one', async () => {
    const { token } = await newUser()
    const key = { 'Idempotency-Key': 'mira' }
    const [first, second] = [await make(token, whole, key), await make(token, whole, key)]
    expect([second.status, second.body.id]).toEqual([201, first.body.id])
    expect((await make(token, {}, key)).body.code).toBe('idempotency_key_reused')
    expect(await namesOf(token, '?owner=me')).toEqual(['Mira'])
  })

  it.each([
    ['no name', { display_name: '' }, '/display_name'],
    ['a lorebook that is none', { lorebook: { entries: [{ keys: 7 }] } }, '/lorebook/entries/0/keys'],
    ['a model that leads out', { vrm_model_path: '../../etc/passwd' }, '/vrm_model_path'],
    ['a rating that nobody has', { rating: '21' as never }, '/rating'],
    ['what it does not know', { owner_id: 'me' } as never, ''],
  ])('with %s is refused', async (_name, body, pointer) => {
    const { token } = await newUser()
    const { status, body: problem } = await make(token, body)
    expect([status, problem.code, problem.errors?.[0]?.pointer]).toEqual([422, 'invalid_body', pointer])
  })

  it('speaks in no voice that its author could not name', async () => {
    const { token } = await newUser()
    const { id } = (await make(token, { voice_config: { voices: { offline: 'rms' } } })).body
    const { bodies } = fakeVoice()
    const speak = async (variables: Record<string, string>, persona_id: string, text: string) =>
      await callWith(variables, 'POST', '/voice/speech', { token, body: { text, persona_id } })
    await speak({}, id, 'One.')
    await speak({ SPEECH_VOICES: 'awb' }, id, 'Two.')
    await speak({ SPEECH_VOICES: 'awb' }, kenji, 'Three.')
    expect(bodies.map(({ voice }) => voice)).toEqual(['rms', 'slt', 'rms'])
  })

  it('is one of two hundred at the most', async () => {
    const { token, user } = await newUser()
    const { id } = (await make(token)).body
    await asOwner(
      `insert into personas (id, owner_id, display_name, description, system_prompt, greeting)
       select gen_random_uuid(), $1, 'x', '', '', '' from generate_series(1, 199)`,
      [user.id],
    )
    const refused = [
      await make(token),
      await call<Persona & { code: string }>('POST', `/personas/${id}/fork`, { token }),
    ]
    expect(refused.map(({ status, body }) => [status, body.code])).toEqual([
      [409, 'conflict'],
      [409, 'conflict'],
    ])
  })

  it('is for no one older than its author', async () => {
    const [young, grown] = [await tokenAtAge(15), await tokenAtAge(30)]
    const refused = await make(young, { rating: '18' })
    expect([refused.status, refused.body.code]).toEqual([403, 'forbidden'])
    const { id } = (await make(young)).body
    expect((await change(young, id, { rating: '16' })).status).toBe(403)
    const adult = (await make(grown, { rating: '18', is_public: true })).body
    expect([(await read(young, adult.id)).status, (await read(grown, adult.id)).status]).toEqual([404, 200])
  })

  it('is copied, with what makes it speak, where its author shares that', async () => {
    const [{ token }, other] = [await newUser(), await newUser()]
    const { id } = (await make(token, { ...whole, is_public: true })).body
    const fork = async (by: string, of = id) => await call<Persona>('POST', `/personas/${of}/fork`, { token: by })
    expect([(await fork(other.token)).status, (await fork(other.token, fuka)).status]).toEqual([403, 403])
    await change(token, id, { is_forkable: true })
    const { status, body } = await fork(other.token)
    expect([status, body.is_own, body.is_public, body.definition?.system_prompt]).toEqual([
      201,
      true,
      false,
      'You are Mira.',
    ])
    expect((await fork(token)).body.is_own).toBe(true)
  })
})

describe('the catalogue', () => {
  it('asks a visitor to sign in for what only people have', async () => {
    for (const query of ['?owner=me', '?is_favorite=true'])
      expect((await call('GET', `/personas${query}`)).status).toBe(401)
  })

  it('is searched by words, tags, whose they are and favourites, in each order, page by page', async () => {
    const { token } = await newUser()
    const mark = crypto.randomUUID().slice(0, 8)
    for (const [name, tags] of [
      ['Ada', ['x']],
      ['Bo', []],
      ['Cy', ['x', 'y']],
    ] as const)
      await make(token, { display_name: name, description: `Of ${mark}. 100% sure_thing`, tags: [...tags] })
    const id = (await call<PersonaPage>('GET', `/personas?q=${mark}`, { token })).body.items[1]?.id
    await call('PUT', `/personas/${id}/preferences`, { token, body: { is_favorite: true } })
    await asOwner(`update personas set use_count = 32 where id = $1`, [id])
    const find = async (query: string) => await namesOf(token, `?q=${mark.toUpperCase()}${query}`)
    expect(await find('')).toEqual(['Ada', 'Bo', 'Cy'])
    expect(await find('&sort=newest')).toEqual(['Cy', 'Bo', 'Ada'])
    expect((await find('&sort=use'))[0]).toBe('Bo')
    expect([await find('&tag=x'), await find('&tag=z')]).toEqual([['Ada', 'Cy'], []])
    expect([await find('&owner=me'), await find('&owner=others')]).toEqual([['Ada', 'Bo', 'Cy'], []])
    expect([await find('&is_favorite=true'), await find('&is_favorite=false')]).toEqual([['Bo'], ['Ada', 'Cy']])
    expect(await namesOf(token, '?owner=house')).toEqual(['Fuka', 'Gwen', 'Kenji', 'Koan', 'Nika'])
    expect([await namesOf(token, '?owner=me&q=%25'), await namesOf(token, '?owner=me&q=u_e')]).toEqual(
      [
        ['Ada', 'Bo', 'Cy'],
        ['Ada', 'Bo', 'Cy'],
      ].map((all, at) => (at === 0 ? all : [])),
    )
    for (const sort of ['oldest', 'newest', 'use']) {
      const seen: string[] = []
      for (let cursor = ''; ;) {
        const page = (await call<PersonaPage>('GET', `/personas?owner=me&limit=1&sort=${sort}${cursor}`, { token }))
          .body
        seen.push(...page.items.map((one) => one.display_name))
        if (page.next_cursor === null) break
        cursor = `&cursor=${page.next_cursor}`
      }
      expect([sort, seen.toSorted((a, b) => a.localeCompare(b))]).toEqual([sort, ['Ada', 'Bo', 'Cy']])
    }
  })
})

describe('what a person made of a companion', () => {
  const preferences = async (token: string, id: string) =>
    (await call<PersonaPreferences>('GET', `/personas/${id}/preferences`, { token })).body
  const set = async (token: string, id: string, body: unknown) =>
    (await call<PersonaPreferences>('PUT', `/personas/${id}/preferences`, { token, body })).body

  it('is theirs, and each part changes alone', async () => {
    const [{ token }, other] = [await newUser(), await newUser()]
    const nothing = {
      is_favorite: false,
      is_active: false,
      custom_settings: {},
      interaction_count: 0,
      last_interaction_at: null,
    }
    expect(await preferences(token, fuka)).toEqual(nothing)
    await set(token, fuka, { is_favorite: true })
    expect(await set(token, fuka, { custom_settings: { room: 1 } })).toEqual({
      ...nothing,
      is_favorite: true,
      custom_settings: { room: 1 },
    })
    expect(await preferences(other.token, fuka)).toEqual(nothing)
  })

  it('has one active companion at the most', async () => {
    const { token } = await newUser()
    const active = async () => await call<Persona>('GET', '/personas/active', { token })
    expect((await active()).status).toBe(404)
    const { id } = (await make(token)).body
    await set(token, fuka, { is_active: true })
    await set(token, id, { is_active: true })
    expect([(await active()).body.id, (await preferences(token, fuka)).is_active]).toEqual([id, false])
    await call('DELETE', `/personas/${id}`, { token })
    expect((await active()).status).toBe(404)
  })

  it('counts the replies that they had, in the turn’s own flight', async () => {
    const { token } = await newUser()
    const { id } = (await call<Conversation>('POST', '/conversations', { token, body: { persona_id: fuka } })).body
    fakeModel((number) => (number === 3 ? new Response('', { status: 500 }) : replyOf('Yes.')))
    for (const _ of [1, 2, 3]) await (await sayWith({}, { token, id, content: 'hm?' })).text()
    const counted = await preferences(token, fuka)
    expect([counted.interaction_count, Date.now() - Date.parse(counted.last_interaction_at ?? '') < 60_000]).toEqual([
      2,
      true,
    ])
  })
})
