import { describe, expect, it } from 'vitest'
import { builtInPersonas } from '#src/personas/built-in-personas.ts'
import type { Persona, PersonaPage } from '#src/personas/shapes.ts'
import { newPersona, tokenAtAge } from '#test/setup/catalogue.ts'
import { call, fuka, newUser, rawCall } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'

let lists = 0

/** A list of everything under a URL that nobody has asked for: what the edge keeps, it keeps by URL. */
const freshPath = () => {
  lists += 1
  return `/personas?limit=${'0'.repeat(lists)}100`
}

const flightsOf = ({ headers }: { headers: Headers }) => headers.get('Server-Timing')
const missed = 'db;desc="1 flight"'
const kept = 'db;desc="0 flights"'

describe('the catalogue', () => {
  it('shows a visitor the built-in companions, each with all that an app needs', async () => {
    const { body } = await call<PersonaPage>('GET', freshPath())
    const builtIn = body.items.filter(({ is_built_in: isBuiltIn }) => isBuiltIn)
    expect(builtIn.map(({ slug }) => slug)).toEqual(['fuka', 'gwen', 'kenji', 'koan', 'nika'])
    for (const persona of builtIn) {
      const defined = builtInPersonas.find(({ slug }) => slug === persona.slug)
      expect(persona).toEqual({
        id: defined?.id,
        slug: defined?.slug,
        display_name: defined?.display_name,
        description: defined?.description,
        greeting: defined?.greeting,
        alternate_greetings: defined?.alternate_greetings,
        personality_config: defined?.personality_config,
        voice_config: defined?.voice_config,
        avatar_url: null,
        vrm_model_path: persona.vrm_model_path,
        expressions: defined?.expressions,
        tags: defined?.tags,
        rating: 'everyone',
        is_public: true,
        is_forkable: false,
        is_built_in: true,
        is_own: false,
        use_count: persona.use_count,
        definition: null,
        created_at: persona.created_at,
        updated_at: persona.updated_at,
      })
      // Others talk with them meanwhile.
      const itself = { ...persona, use_count: expect.any(Number) }
      expect(await call<Persona>('GET', `/personas/${persona.id}`)).toMatchObject({ status: 200, body: itself })
    }
  })

  it('keeps what makes a companion speak to its author, from visitors and people alike', async () => {
    const [{ token }, author] = [await newUser(), await newUser()]
    const secret = `secret ${crypto.randomUUID()}`
    const own = await newPersona({ ownerId: author.user.id, systemPrompt: secret, isPublic: true })
    const prompts = [secret, ...builtInPersonas.map((persona) => persona.system_prompt)]
    for (const path of [freshPath(), `/personas/${fuka}`, `/personas/${own}`]) {
      for (const options of [{}, { token }]) {
        const text = await (await rawCall('GET', path, options)).text()
        expect(text).not.toContain('system_prompt')
        expect(prompts.filter((prompt) => text.includes(JSON.stringify(prompt).slice(1, -1)))).toEqual([])
      }
    }
    const shown = await (await rawCall('GET', `/personas/${own}`, { token: author.token })).text()
    expect([shown.includes(own), shown.includes(secret)]).toEqual([true, true])
  })

  it('is read from the database once, and told once to who has it', async () => {
    for (const path of [freshPath(), `/personas/${await newPersona({ isPublic: true })}`]) {
      const first = await call('GET', path)
      const second = await call('GET', path)
      expect([flightsOf(first), flightsOf(second), second.body]).toEqual([missed, kept, first.body])
      const etag = first.headers.get('ETag') ?? ''
      expect([second.headers.get('ETag'), etag]).toEqual([etag, expect.stringMatching(/^"[0-9a-f]{32}"$/)])
      // Whoever signs in next on this device is not shown what its own cache kept for a visitor.
      for (const { headers } of [first, second]) expect(headers.get('Vary')).toMatch(/(^|, )Authorization(,|$)/)
      for (const header of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const again = await call('GET', path, { headers: { 'If-None-Match': header } })
        expect([header, again.status, again.body, again.headers.get('ETag')]).toEqual([header, 304, null, etag])
        expect([flightsOf(again), again.headers.get('Cache-Control')]).toEqual([kept, 'public, max-age=60'])
      }
      expect((await call('GET', path, { headers: { 'If-None-Match': '"other"' } })).status).toBe(200)
    }
  })

  it('never shares what a session was shown with anybody, at the edge or beyond', async () => {
    const { token, user } = await newUser()
    const own = await newPersona({ ownerId: user.id })
    const path = freshPath()
    const mine = await call<PersonaPage>('GET', path, { token })
    expect(mine.body.items.map(({ id }) => id)).toContain(own)
    expect([mine.headers.get('Cache-Control'), mine.headers.get('ETag')]).toEqual(['no-store', null])
    const visitor = await call<PersonaPage>('GET', path)
    expect(flightsOf(visitor)).toBe(missed)
    expect(visitor.body.items.map(({ id }) => id)).not.toContain(own)
    const again = await call<PersonaPage>('GET', path, { token })
    expect([flightsOf(again), again.body.items.map(({ id }) => id)]).toEqual([missed, expect.arrayContaining([own])])
    expect((await call('GET', `/personas/${own}`, { token })).status).toBe(200)
    expect((await call('GET', `/personas/${own}`)).status).toBe(404)
  })

  it('keeps no answer at the edge that was a refusal', async () => {
    const id = await newPersona({ isActive: false, isPublic: true })
    expect((await call('GET', `/personas/${id}`)).status).toBe(404)
    await asOwner('update personas set is_active = true where id = $1', [id])
    expect((await call('GET', `/personas/${id}`)).status).toBe(200)
  })

  it.each([
    [
      'visitor',
      async (): Promise<string | undefined> => await Promise.resolve(undefined),
      { everyone: 200, '16': 404, '18': 404 },
    ],
    [
      'person of fifteen',
      async (): Promise<string | undefined> => await tokenAtAge(15),
      { everyone: 200, '16': 404, '18': 404 },
    ],
    [
      'person of seventeen',
      async (): Promise<string | undefined> => await tokenAtAge(17),
      { everyone: 200, '16': 200, '18': 404 },
    ],
    [
      'adult',
      async (): Promise<string | undefined> => (await newUser()).token,
      { everyone: 200, '16': 200, '18': 200 },
    ],
  ] as const)(
    'shows a %s only what they are old enough for, and hides the rest byte for byte',
    async (_name, who: () => Promise<string | undefined>, seen) => {
      const token = await who()
      const options = token === undefined ? {} : { token }
      const absent = await rawCall('GET', `/personas/${crypto.randomUUID()}`, options)
      const absentBytes = await absent.text()
      const shown: Record<string, number> = {}
      const listed: Record<string, boolean> = {}
      for (const rating of ['everyone', '16', '18'] as const) {
        const id = await newPersona({ rating, isPublic: true })
        const answer = await rawCall('GET', `/personas/${id}`, options)
        shown[rating] = answer.status
        if (answer.status === 404) expect(await answer.text()).toBe(absentBytes)
        const { body } = await call<PersonaPage>('GET', freshPath(), options)
        listed[rating] = body.items.some((persona) => persona.id === id)
      }
      expect(shown).toEqual(seen)
      expect(listed).toEqual({ everyone: true, '16': seen['16'] === 200, '18': seen['18'] === 200 })
    },
  )

  it('hides what is another’s, what is switched off and what is not there alike', async () => {
    const { token } = await newUser()
    const hidden = [await newPersona(), await newPersona({ isPublic: true, isActive: false }), crypto.randomUUID()]
    for (const options of [{}, { token }]) {
      const answers = await Promise.all(hidden.map(async (id) => await rawCall('GET', `/personas/${id}`, options)))
      const texts = await Promise.all(answers.map(async (answer) => [answer.status, await answer.text()]))
      expect(texts).toEqual(texts.map(() => [404, texts[0]?.[1]]))
    }
  })

  it('is paged without gaps or repeats, also where moments are the same', async () => {
    const { token, user } = await newUser()
    const at = '2020-02-02T02:02:02.002Z'
    const made = await Promise.all(
      Array.from({ length: 7 }, async () => await newPersona({ ownerId: user.id, createdAt: at })),
    )
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const query: string = cursor === null ? '' : `&cursor=${cursor}`
      const { body }: { body: PersonaPage } = await call('GET', `/personas?limit=2${query}`, { token })
      expect(body.items.length).toBeLessThanOrEqual(2)
      seen.push(...body.items.map(({ id }) => id))
      cursor = body.next_cursor
    } while (cursor !== null)
    expect(seen.slice(0, 7)).toEqual(made.toSorted())
    expect(new Set(seen).size).toBe(seen.length)
  })

  it('is paged for visitors too, and a cursor is for who got it', async () => {
    const { token } = await newUser()
    const first = await call<PersonaPage>('GET', '/personas?limit=2')
    const cursor = first.body.next_cursor ?? ''
    const second = await call<PersonaPage>('GET', `/personas?limit=2&cursor=${cursor}`)
    expect(second.body.items.map(({ id }) => id)).not.toContain(first.body.items[1]?.id)
    const others = await call('GET', `/personas?limit=2&cursor=${cursor}`, { token })
    expect([others.status, others.body['code']]).toEqual([400, 'invalid_cursor'])
    const ours = await call<PersonaPage>('GET', '/personas?limit=2', { token })
    const stranger = await call('GET', `/personas?limit=2&cursor=${ours.body.next_cursor}`)
    expect([stranger.status, stranger.body['code']]).toEqual([400, 'invalid_cursor'])
  })

  it.each(['limit=0', 'limit=101', 'limit=1.5', 'limit=x', 'limit=-1', 'cursor=x', 'colour=red'])(
    'refuses ?%s',
    async (query) => {
      expect((await call('GET', `/personas?${query}`)).status).toBe(400)
    },
  )

  it('refuses a credential that is no good, rather than taking its holder for a visitor', async () => {
    for (const path of ['/personas', `/personas/${fuka}`]) {
      expect((await call('GET', path, { headers: { Authorization: 'Bearer nf_wrong' } })).status).toBe(401)
    }
  })
})
