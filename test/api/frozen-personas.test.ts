import { describe, expect, it } from 'vitest'
import type { Conversation, Turn } from '#src/conversations/shapes.ts'
import type { PersonaPreferences } from '#src/personas/shapes.ts'
import { call, newUser } from '#test/setup/client.ts'
import { change, make, namesOf, read, whole } from '#test/setup/own-personas.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { sayWith } from '#test/setup/talk-with.ts'
import { fakeModel, replyOf } from '#test/setup/upstreams.ts'
import { runSchedule, sweepAlone } from '#test/setup/worker-with.ts'

describe('a companion that its author takes away', () => {
  async function talkedWith() {
    const [author, other] = [await newUser(), await newUser()]
    const persona = (
      await make(author.token, { ...whole, description: `A keeper ${crypto.randomUUID()}`, is_public: true })
    ).body
    const begin = async (token: string) =>
      (await call<Conversation>('POST', '/conversations', { token, body: { persona_id: persona.id } })).body.id
    return { author, other, persona, own: await begin(author.token), theirs: await begin(other.token) }
  }
  const say = async (token: string, id: string) => {
    const { bodies } = fakeModel(() => replyOf('Still here.'))
    const answer = await (await sayWith({}, { token, id, content: 'The lamp?' })).json<Turn & { code?: string }>()
    return { answer, system: bodies[0]?.messages[0]?.content }
  }

  it.each([
    ['deletes', async (token: string, id: string) => await call('DELETE', `/personas/${id}`, { token })],
    ['makes private', async (token: string, id: string) => await change(token, id, { is_public: false })],
    ['leaves behind with their account', async (token: string) => await call('DELETE', '/auth/account', { token })],
  ])('goes on in the conversations of others as it was: %s', async (_name, take) => {
    const { author, other, persona, theirs } = await talkedWith()
    await call('PUT', `/personas/${persona.id}/preferences`, { token: other.token, body: { is_favorite: true } })
    await take(author.token, persona.id)
    const { answer, system } = await say(other.token, theirs)
    expect(answer.reply?.content).toBe('Still here.')
    expect(system).toContain('You are Mira.')
    expect(system).toContain('The lamp is old.')
    const conversation = (await call<Conversation>('GET', `/conversations/${theirs}`, { token: other.token })).body
    expect(conversation.persona_id).not.toBe(persona.id)
    const copy = (await read(other.token, conversation.persona_id ?? '')).body
    expect([copy.display_name, copy.is_public, copy.is_own, copy.is_built_in, copy.definition]).toEqual([
      'Mira',
      false,
      false,
      false,
      null,
    ])
    expect(
      (await call<PersonaPreferences>('GET', `/personas/${copy.id}/preferences`, { token: other.token })).body,
    ).toMatchObject({ is_favorite: true, interaction_count: 1 })
    const stranger = await newUser()
    expect((await read(stranger.token, copy.id)).status).toBe(404)
    const again = await call('POST', '/conversations', { token: other.token, body: { persona_id: copy.id } })
    expect([again.status, await namesOf(other.token, `?q=${persona.description}`)]).toEqual([404, []])
  })

  it('stays with their own conversations while it is only private, and leaves them once it is deleted', async () => {
    const { author, persona, own } = await talkedWith()
    await change(author.token, persona.id, { is_public: false })
    expect((await say(author.token, own)).answer.reply?.content).toBe('Still here.')
    await call('DELETE', `/personas/${persona.id}`, { token: author.token })
    const kept = (await call<Conversation>('GET', `/conversations/${own}`, { token: author.token })).body
    expect([kept.persona_id, kept.message_count, (await say(author.token, own)).answer.code]).toEqual([
      null,
      2,
      'conflict',
    ])
  })

  it('is gone for good once nobody talks with its copy', async () => {
    await sweepAlone()
    const { author, other, persona, theirs } = await talkedWith()
    await call('DELETE', `/personas/${persona.id}`, { token: author.token })
    const { persona_id: copy } = (await call<Conversation>('GET', `/conversations/${theirs}`, { token: other.token }))
      .body
    await runSchedule()
    expect(await asOwner('select 1 from personas where id = $1', [copy])).toHaveLength(1)
    await call('DELETE', `/conversations/${theirs}`, { token: other.token })
    await runSchedule()
    expect(await asOwner('select 1 from personas where id = $1', [copy])).toEqual([])
  })
})
