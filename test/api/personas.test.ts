import { describe, expect, it } from 'vitest'
import { builtInPersonas } from '#src/personas/built-in-personas.ts'
import type { Persona, PersonaPage } from '#src/personas/shapes.ts'
import { call, fuka, googleToken, newUser, registration, signIn } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'

describe('the catalogue', () => {
  it('has the built-in companions, and keeps their prompts to itself', async () => {
    const { body } = await call<PersonaPage>('GET', '/personas')
    expect(body.items.filter(({ is_built_in: isBuiltIn }) => isBuiltIn).map(({ slug }) => slug)).toEqual([
      'fuka',
      'gwen',
      'kenji',
      'koan',
      'nika',
    ])
    const text = JSON.stringify(body)
    expect(builtInPersonas.filter((persona) => text.includes(persona.system_prompt))).toEqual([])
  })

  it('is told once to who has it', async () => {
    const path = `/personas?limit=${30 + Math.floor(Math.random() * 60)}`
    const first = await call('GET', path)
    const etag = first.headers.get('ETag') ?? ''
    const again = await call('GET', path, { headers: { 'If-None-Match': etag } })
    expect([again.status, again.body, again.headers.get('ETag')]).toEqual([304, null, etag])
    expect((await call('GET', path, { headers: { 'If-None-Match': '"other"' } })).status).toBe(200)
  })

  it('shows a rating only to who is old enough, and hides it as if it were not there', async () => {
    const id = crypto.randomUUID()
    await asOwner(
      `insert into personas (id, display_name, description, system_prompt, greeting, rating, is_public, owner_id)
       values ($1, 'Older', 'older', 'older', 'older', '16', true, $2)`,
      [id, (await newUser()).user.id],
    )
    const adult = await newUser()
    const login = await signIn(await googleToken())
    const ticket = login.body.status === 'registration_required' ? login.body.registration_ticket : ''
    const birthdate = `${new Date().getUTCFullYear() - 15}-01-01`
    const young = await call<{ session_token: string }>('POST', '/auth/register', {
      body: { ...registration(ticket), birthdate },
    })
    const path = `/personas/${id}`
    expect((await call<Persona>('GET', path, { token: adult.token })).body.rating).toBe('16')
    const hidden = await call('GET', path, { token: young.body.session_token })
    const absent = await call('GET', `/personas/${crypto.randomUUID()}`, { token: young.body.session_token })
    expect([hidden.status, hidden.body]).toEqual([404, absent.body])
    expect((await call('GET', path)).status).toBe(404)
    const shown = await call<PersonaPage>('GET', '/personas?limit=100', { token: young.body.session_token })
    expect(shown.body.items.filter((persona) => persona.id === id)).toEqual([])
  })

  it('refuses a credential that is no good, rather than taking its holder for a visitor', async () => {
    expect((await call('GET', `/personas/${fuka}`, { headers: { Authorization: 'Bearer nf_wrong' } })).status).toBe(401)
  })
})
