import { describe, expect, it, vi } from 'vitest'
import type { Conversation } from '#src/conversations/shapes.ts'
import { call, fuka, newUser } from '#test/setup/client.ts'
import { eventually } from '#test/setup/eventually.ts'
import {
  asksForMemories,
  byModel,
  drawing,
  memoriesOf,
  remember,
  rememberedBy,
  sayAndRemember,
  talkWith,
  toldTo,
  wordsIn,
} from '#test/setup/memories.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { fakeReply } from '#test/setup/talk.ts'
import { fakeModel, type Prompt } from '#test/setup/upstreams.ts'
import { callWith } from '#test/setup/worker-with.ts'

const kenji = '0198f000-0000-7000-8000-000000000003'

describe('what nobody is to remember', () => {
  it('is a temporary conversation: none is drawn from it, and none is told in it', async () => {
    const { token } = await newUser()
    await sayAndRemember(token, await talkWith(token), 'My dog is called Rex.')
    const turn = await sayAndRemember(token, await talkWith(token, fuka, { is_temporary: true }), 'I live in Graz.')
    expect([turn.reply?.memory_ids, await rememberedBy(token)]).toEqual([[], ['My dog is called Rex.']])
  })

  it('is anything, where that is switched off, for the person or for everybody', async () => {
    const { token } = await newUser()
    const id = await talkWith(token)
    await sayAndRemember(token, id, 'My dog is called Rex.')
    await call('PUT', '/memories/settings', { token, body: { is_enabled: false } })
    const turn = await sayAndRemember(token, id, 'I live in Graz.')
    expect([turn.reply?.memory_ids, await rememberedBy(token)]).toEqual([[], ['My dog is called Rex.']])
    await call('PUT', '/memories/settings', { token, body: { is_enabled: true } })
    await sayAndRemember(token, id, 'I play chess.', { MEMORY_EXTRACTOR: 'off' })
    expect(await rememberedBy(token)).toEqual(['My dog is called Rex.'])
    // What was said meanwhile stays unsaid; what the operator's switch left out does not.
    await sayAndRemember(token, id, 'Hello.')
    expect(await rememberedBy(token)).toEqual(['I play chess.', 'My dog is called Rex.'])
  })

  it('is what was hidden: it is stored nowhere', async () => {
    const { token } = await newUser()
    const id = await talkWith(token)
    const body = { content: 'I live in Graz.', is_hidden: true }
    await call('POST', `/conversations/${id}/turns`, { token, body })
    await sayAndRemember(token, id, 'I play chess.')
    expect(await rememberedBy(token)).toEqual(['I play chess.'])
  })

  it('is what was said to a companion that is gone', async () => {
    const { token } = await newUser()
    const { body: mira } = await call<{ id: string }>('POST', '/personas', { token, body: { display_name: 'Mira' } })
    const id = await talkWith(token, mira.id)
    await call('DELETE', `/personas/${mira.id}`, { token })
    const append = async (role: string, content: string) =>
      await callWith({}, 'POST', `/conversations/${id}/messages`, { token, body: { role, content } })
    await append('user', 'My dog is called Rex.')
    await append('assistant', 'Good dog.')
    expect(await memoriesOf(token)).toEqual([])
  })

  it('is what was being drawn while everything was forgotten', async () => {
    const { token } = await newUser()
    const id = await talkWith(token)
    fakeModel(async (_number, init) => {
      if (!asksForMemories(JSON.parse(String(init?.body)) as Prompt)) return fakeReply(['Yes.'])
      await callWith({}, 'DELETE', '/memories', { token })
      return fakeReply(['{"memories": [{"text": "Has a dog.", "from": [1]}]}'])
    })
    await sayAndRemember(token, id, 'My dog is called Rex.', byModel)
    expect(await memoriesOf(token)).toEqual([])
    vi.unstubAllGlobals()
    await sayAndRemember(token, id, 'I live in Graz.')
    expect(await rememberedBy(token)).toEqual(['I live in Graz.'])
  })

  it('is what was drawn with something in mind that is forgotten meanwhile', async () => {
    const { token } = await newUser()
    const [first, second] = [await talkWith(token), await talkWith(token)]
    await sayAndRemember(token, first, 'I live in Kyoto.')
    fakeModel(async (_number, init) => {
      if (!asksForMemories(JSON.parse(String(init?.body)) as Prompt)) return fakeReply(['Yes.'])
      await callWith({}, 'DELETE', `/conversations/${first}`, { token }).catch(() => undefined)
      return fakeReply(['{"memories": [{"text": "Lives in Osaka, no more in Kyoto.", "from": [1]}]}'])
    })
    await sayAndRemember(token, second, 'Osaka is my home now.', byModel)
    expect(await memoriesOf(token)).toEqual([])
  })

  it('is for all companions where its person wishes it', async () => {
    const { token } = await newUser()
    await call('PUT', '/memories/settings', { token, body: { is_shared: true } })
    await sayAndRemember(token, await talkWith(token), 'My dog is called Rex.')
    const [memory] = await memoriesOf(token)
    const turn = await sayAndRemember(token, await talkWith(token, kenji), 'Hello.')
    expect([memory?.persona_id, turn.reply?.memory_ids]).toEqual([null, [memory?.id]])
  })
})

describe('a memory', () => {
  it('goes with the conversation that it was drawn from', async () => {
    const { token } = await newUser()
    const id = await talkWith(token)
    await sayAndRemember(token, id, 'My dog is called Rex.')
    expect((await memoriesOf(token)).length).toBe(1)
    await call('DELETE', `/conversations/${id}`, { token })
    expect(await memoriesOf(token)).toEqual([])
  })

  it('goes with the words that are edited, and is drawn from what they are now', async () => {
    const { token } = await newUser()
    const id = await talkWith(token)
    const { user_message: said } = await sayAndRemember(token, id, 'My dog is called Rex.')
    await sayAndRemember(token, id, 'I live in Graz.')
    const body = { content: 'My dog is called Bello.', edit_of: said?.id }
    await call('POST', `/conversations/${id}/turns`, { token, body })
    await eventually(async () =>
      expect(await rememberedBy(token)).toEqual(['My dog is called Bello.', 'I live in Graz.']),
    )
  })

  it('of several sources goes with the first of them, and the others are looked through again', async () => {
    const { token } = await newUser()
    const [first, second] = [await talkWith(token), await talkWith(token)]
    const asked: string[][] = []
    drawing(({ known, said }) => {
      asked.push(said.map(({ content }) => content))
      const replaces = known.map(({ n }) => n)
      return JSON.stringify({ memories: [{ text: `Likes tea (${asked.length}).`, from: [wordsIn(said)], replaces }] })
    })
    await sayAndRemember(token, first, 'one', byModel)
    await sayAndRemember(token, second, 'two', byModel)
    const [memory] = await memoriesOf(token)
    expect([memory?.content, memory?.source_message_ids.length]).toEqual(['Likes tea (2).', 2])
    await call('DELETE', `/conversations/${first}`, { token })
    expect(await memoriesOf(token)).toEqual([])
    await sayAndRemember(token, second, 'three', byModel)
    expect([asked.at(-1), await rememberedBy(token)]).toEqual([['two', 'Yes.', 'three'], ['Likes tea (3).']])
  })

  it('that is forgotten is not drawn from the same words once more', async () => {
    const { token } = await newUser()
    const id = await talkWith(token)
    await sayAndRemember(token, id, 'My dog is called Rex.')
    const [memory] = await memoriesOf(token)
    await call('DELETE', `/memories/${memory?.id}`, { token })
    // As after a source of several went: everything is looked through again.
    await asOwner('update messages set is_drawn = false where conversation_id = $1', [id])
    await sayAndRemember(token, id, 'I live in Graz.')
    expect(await rememberedBy(token)).toEqual(['I live in Graz.'])
    const fork = await call<Conversation>(
      'POST',
      `/conversations/${id}/messages/${memory?.source_message_ids[0]}/fork`,
      {
        token,
        body: {},
      },
    )
    await sayAndRemember(token, fork.body.id, 'I play chess.')
    expect(await rememberedBy(token)).toEqual(['I play chess.', 'I live in Graz.'])
  })

  it('that is corrected is not drawn from the same words once more', async () => {
    const { token } = await newUser()
    const id = await talkWith(token)
    await sayAndRemember(token, id, 'My dog is called Rex.')
    const [memory] = await memoriesOf(token)
    await call('PATCH', `/memories/${memory?.id}`, { token, body: { content: 'Has a dog called Bello.' } })
    await asOwner('update messages set is_drawn = false where conversation_id = $1', [id])
    await sayAndRemember(token, id, 'I live in Graz.')
    expect(await rememberedBy(token)).toEqual(['I live in Graz.', 'Has a dog called Bello.'])
  })

  it('that a companion has stays with the copy of one that its author deletes', async () => {
    const [{ token }, author] = [await newUser(), await newUser()]
    const made = await call<{ id: string }>('POST', '/personas', {
      token: author.token,
      body: { display_name: 'Mira', is_public: true },
    })
    const id = await talkWith(token, made.body.id)
    await sayAndRemember(token, id, 'My dog is called Rex.')
    const { body: written } = await remember(token, { content: 'Likes the sea.', persona_id: made.body.id })
    await call('DELETE', `/personas/${made.body.id}`, { token: author.token })
    const turn = await sayAndRemember(token, id, 'Hello.')
    expect(turn.reply?.memory_ids).toEqual([written.id])
    const { persona_id: copy } = (await call<Conversation>('GET', `/conversations/${id}`, { token })).body
    expect(copy).not.toBe(made.body.id)
    expect((await memoriesOf(token)).map(({ content, persona_id: persona }) => [content, persona])).toEqual([
      ['Likes the sea.', copy],
      ['My dog is called Rex.', copy],
    ])
  })

  it('is in no prompt that has no room for it: those that share words with what is said come first', async () => {
    const { token } = await newUser()
    const { model } = drawing(() => '{"memories": []}')
    for (let n = 0; n < 30; n += 1) {
      const content = n === 3 ? 'Has a boat in the harbour.' : `Knows the number ${n}: ${'x'.repeat(120)}`
      await call('POST', '/memories', { token, body: { content } })
    }
    const small = { LLM_PROMPT_TOKENS: '2000' }
    const turn = await sayAndRemember(token, await talkWith(token), 'How is the harbour today?', small)
    const told = toldTo(model)
    const count = told?.match(/Knows the number/g)?.length ?? 0
    expect([told?.includes('Has a boat'), told?.includes('number 29'), told?.includes('number 0:')]).toEqual([
      true,
      true,
      false,
    ])
    expect(turn.reply?.memory_ids.length).toBe(count + 1)
    const whole = await sayAndRemember(token, await talkWith(token), 'How is the harbour today?', {
      LLM_PROMPT_TOKENS: '20000',
    })
    expect(whole.reply?.memory_ids.length).toBe(30)
  })
})
