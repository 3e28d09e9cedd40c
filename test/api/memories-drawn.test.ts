import { describe, expect, it } from 'vitest'
import type { Message, Turn } from '#src/conversations/shapes.ts'
import type { MemoryReason } from '#src/memories/shapes.ts'
import type { Usage } from '#src/usage/shapes.ts'
import { call, fuka, newUser } from '#test/setup/client.ts'
import { eventually } from '#test/setup/eventually.ts'
import {
  asksForMemories,
  byModel,
  drawing,
  memoriesOf,
  rememberedBy,
  sayAndRemember,
  talkWith,
  toldTo,
  wordsIn,
  type Asked,
} from '#test/setup/memories.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { callWith } from '#test/setup/worker-with.ts'

const kenji = '0198f000-0000-7000-8000-000000000003'

describe('what is said', () => {
  it('is remembered without a model by what people say of themselves, each with its source', async () => {
    const { token } = await newUser()
    const id = await talkWith(token)
    await sayAndRemember(token, id, 'The fog is thick. My dog is called Rex! Is my cat called Rex?')
    const said = (await sayAndRemember(token, id, 'Ich wohne in Graz. Nothing else.')).user_message
    const memories = await memoriesOf(token)
    expect(memories.map(({ content, origin, persona_id: persona }) => [content, origin, persona])).toEqual([
      ['Ich wohne in Graz.', 'companion', fuka],
      ['My dog is called Rex!', 'companion', fuka],
    ])
    const why = await call<MemoryReason>('GET', `/memories/${memories[0]?.id}/why`, { token })
    expect(why.body).toEqual({
      memory: memories[0],
      sources: [
        {
          message_id: said?.id,
          conversation_id: id,
          content: 'Ich wohne in Graz. Nothing else.',
          created_at: said?.created_at,
        },
      ],
    })
  })

  it('is remembered by the model, sealed and paid for, and told to the companion in its other conversations', async () => {
    const { token } = await newUser()
    const { model, asked } = drawing(({ said }) =>
      JSON.stringify({ memories: [{ text: 'Has a dog called Rex.', from: [wordsIn(said)] }] }),
    )
    const first = await talkWith(token)
    const turn = await sayAndRemember(token, first, 'Rex barked all night.', byModel)
    expect(asked()).toEqual([{ known: [], said: [{ n: 1, role: 'user', content: 'Rex barked all night.' }] }])
    const [memory] = await memoriesOf(token)
    expect(memory).toMatchObject({
      content: 'Has a dog called Rex.',
      origin: 'companion',
      source_message_ids: [turn.user_message?.id],
    })
    const [stored] = await asOwner<{ content: Uint8Array }>('select content from memories where id = $1', [memory?.id])
    expect(new TextDecoder('latin1').decode(stored?.content)).not.toContain('Rex')
    const usage = (await call<Usage>('GET', '/usage', { token })).body.llm_tokens
    expect([usage.reserved, usage.spent > 0]).toEqual([0, true])
    const second = await sayAndRemember(token, await talkWith(token), 'Good evening.', byModel)
    expect(second.reply?.memory_ids).toEqual([memory?.id])
    const prompt = model.bodies.findLast((body) => !asksForMemories(body))
    const note = prompt?.messages.find(({ content }) => content.includes('Has a dog called Rex.'))
    expect([note?.role, prompt?.messages[0]?.content.includes('Rex')]).toEqual(['user', false])
    const elsewhere = await sayAndRemember(token, await talkWith(token, kenji), 'Good evening.', byModel)
    expect([elsewhere.reply?.memory_ids, toldTo(model)?.includes('Rex')]).toEqual([[], false])
    // What is known is not asked for again.
    expect(asked().map(({ known }) => known.map(({ text }) => text))).toEqual([[], ['Has a dog called Rex.'], []])
    expect((await memoriesOf(token)).map(({ persona_id: persona }) => persona)).toEqual([kenji, fuka])
  })

  it('is told in the stream and kept with the reply', async () => {
    const { token } = await newUser()
    await sayAndRemember(token, await talkWith(token), 'My dog is called Rex.')
    const id = await talkWith(token)
    const [memory] = await memoriesOf(token)
    const stream = await call<string>('POST', `/conversations/${id}/turns`, { token, body: { content: 'Hello.' } })
    expect(stream.body).toContain(`"memory_ids":["${memory?.id}"]`)
    const { body } = await call<{ items: Message[] }>('GET', `/conversations/${id}/messages`, { token })
    expect(body.items.map(({ role, memory_ids: ids }) => [role, ids])).toEqual([
      ['assistant', [memory?.id]],
      ['user', []],
    ])
    const again = await call<Turn>('POST', `/conversations/${id}/messages/${body.items[0]?.id}/regenerate`, {
      token,
      headers: { Accept: 'application/json' },
    })
    expect(again.body.reply?.memory_ids).toEqual([memory?.id])
  })

  it('is looked through once, with the question before it, also where the model made no sense of it', async () => {
    const { token } = await newUser()
    let answer = 'Certainly! Here is what I noted.'
    const { asked } = drawing(() => answer)
    const id = await talkWith(token)
    await sayAndRemember(token, id, 'one', byModel)
    answer =
      '```json\n{"memories": [{"text": "Counts.", "from": [1, 9]}, {"text": "Said by nobody.", "from": [2]}]}\n```'
    const two = await sayAndRemember(token, id, 'two', byModel)
    const again = { token, headers: { Accept: 'application/json' } }
    const version = await callWith<Turn>(
      byModel,
      'POST',
      `/conversations/${id}/messages/${two.reply?.id}/regenerate`,
      again,
    )
    expect(version.status).toBe(200)
    const saidOf = (of: Asked) => of.said.map(({ content }) => content)
    expect(asked().map(saidOf)).toEqual([['one'], ['Yes.', 'two']])
    expect((await memoriesOf(token)).map(({ content, source_message_ids: ids }) => [content, ids])).toEqual([
      ['Counts.', [two.user_message?.id]],
    ])
  })

  it('is looked through with the next words where the model could not be asked', async () => {
    const { token } = await newUser()
    let isDown = true
    const { asked } = drawing(() => (isDown ? new Response('no', { status: 500 }) : '{"memories": []}'))
    const id = await talkWith(token)
    await sayAndRemember(token, id, 'one', byModel)
    isDown = false
    await sayAndRemember(token, id, 'two', byModel)
    expect(asked().at(-1)?.said).toEqual([
      { n: 1, role: 'user', content: 'one' },
      { role: 'assistant', content: 'Yes.' },
      { n: 2, role: 'user', content: 'two' },
    ])
  })

  it('takes the place of what is no longer so', async () => {
    const { token } = await newUser()
    const id = await talkWith(token)
    let round = 0
    drawing(({ known, said }) => {
      round += 1
      const text = `Lives in ${round === 1 ? 'Kyoto' : 'Osaka'}.`
      return JSON.stringify({ memories: [{ text, from: [wordsIn(said)], replaces: known.map(({ n }) => n) }] })
    })
    const one = await sayAndRemember(token, id, 'one', byModel)
    const two = await sayAndRemember(token, id, 'two', byModel)
    const [memory, ...others] = await memoriesOf(token)
    expect([memory?.content, others]).toEqual(['Lives in Osaka.', []])
    expect(new Set(memory?.source_message_ids)).toEqual(new Set([one.user_message?.id, two.user_message?.id]))
  })

  it('takes the place of nothing that others are told, and is merged with none of it', async () => {
    const { token } = await newUser()
    const id = await talkWith(token)
    const share = async (isShared: boolean) =>
      await call('PUT', '/memories/settings', { token, body: { is_shared: isShared } })
    const { asked } = drawing(({ known, said }) => {
      const text = `Lives in ${said[0]?.content}.`
      return JSON.stringify({ memories: [{ text, from: [1], replaces: known.map(({ n }) => n) }] })
    })
    await share(true)
    await sayAndRemember(token, id, 'Kyoto', byModel)
    await share(false)
    await sayAndRemember(token, await talkWith(token), 'Osaka', byModel)
    await share(true)
    await sayAndRemember(token, await talkWith(token), 'Nara', byModel)
    expect(asked().map(({ known }) => known.map(({ text }) => text))).toEqual([[], [], ['Lives in Kyoto.']])
    expect((await memoriesOf(token)).map(({ content, persona_id: persona }) => [content, persona])).toEqual([
      ['Lives in Nara.', null],
      ['Lives in Osaka.', fuka],
    ])
  })

  it('is drawn from each of several turns at once, and once', async () => {
    const { token } = await newUser()
    const id = await talkWith(token)
    await Promise.all(
      ['My dog is called Rex.', 'I live in Graz.', 'I play chess.'].map((said) => sayAndRemember(token, id, said)),
    )
    await sayAndRemember(token, id, 'Hello.')
    expect(new Set(await rememberedBy(token))).toEqual(
      new Set(['My dog is called Rex.', 'I live in Graz.', 'I play chess.']),
    )
    expect((await memoriesOf(token)).length).toBe(3)
  })

  it('goes wrong for nobody: a model that fails is no business of the turn’s, and nothing stays set aside', async () => {
    const { token } = await newUser()
    drawing(() => new Response('no', { status: 500 }))
    const turn = await sayAndRemember(token, await talkWith(token), 'My dog is called Rex.', byModel)
    expect([turn.state, await memoriesOf(token)]).toEqual(['complete', []])
    expect((await call<Usage>('GET', '/usage', { token })).body.llm_tokens.reserved).toBe(0)
  })

  it('is remembered too where a backend makes the replies itself, once there is one', async () => {
    const { token } = await newUser()
    const id = await talkWith(token)
    const append = async (role: string, content: string) =>
      await call('POST', `/conversations/${id}/messages`, { token, body: { role, content } })
    await append('user', 'My dog is called Rex.')
    await append('assistant', 'My dog is called Bello.')
    await eventually(async () => expect(await rememberedBy(token)).toEqual(['My dog is called Rex.']))
    await sayAndRemember(token, id, 'And I live in Graz.')
    expect(await rememberedBy(token)).toEqual(['And I live in Graz.', 'My dog is called Rex.'])
  })
})
