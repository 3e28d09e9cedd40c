import { describe, expect, it } from 'vitest'
import { newUser } from '#test/setup/client.ts'
import { eventually } from '#test/setup/eventually.ts'
import { eventsOf, messagesOf, newConversation, sayAloud, sayAndWait, textOf } from '#test/setup/talk.ts'
import { chunksOf, messageOf, sayWith } from '#test/setup/talk-with.ts'
import { chunkOf, endOfReply, fakeModel, replyOf, steerReply } from '#test/setup/upstreams.ts'

const said = 'Tell me of the sea.'
const pieces = ['A wave 🌊\n', 'data: [DONE]\n\n', 'שלום\u2028', ' "end" \\ ']

async function newTalk() {
  const { token, user } = await newUser()
  return { token, user, id: (await newConversation(token)).id }
}

describe('the stream of a turn', () => {
  it('is the AI SDK’s UI message stream, part by part, each under the number of characters so far', async () => {
    const { token, id } = await newTalk()
    fakeModel(() => replyOf(...pieces))
    const response = await sayAloud(token, id, said)
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-vercel-ai-ui-message-stream': 'v1',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    })
    const events = eventsOf(await response.text())
    const [asked, reply] = await messagesOf(token, id)
    const [turn, own] = [asked?.turn_id, reply?.id]
    const about = { turn_id: turn, user_message_id: asked?.id, memory_ids: [] }
    const ended = { ...about, state: 'complete', flights: 3 }
    const [one = '', two = '', three = '', four = ''] = pieces
    expect(events).toEqual([
      { id: `${turn}.0`, part: { type: 'start', messageId: own, messageMetadata: about } },
      { id: `${turn}.0`, part: { type: 'text-start', id: own } },
      { id: `${turn}.10`, part: { type: 'text-delta', id: own, delta: one } },
      { id: `${turn}.24`, part: { type: 'text-delta', id: own, delta: two } },
      { id: `${turn}.29`, part: { type: 'text-delta', id: own, delta: three } },
      { id: `${turn}.38`, part: { type: 'text-delta', id: own, delta: four } },
      { id: `${turn}.38`, part: { type: 'text-end', id: own } },
      { id: `${turn}.38`, part: { type: 'finish', finishReason: 'stop', messageMetadata: ended } },
    ])
    expect(reply).toMatchObject({ status: 'complete', content: pieces.join('') })
  })

  it('gives a client of the AI SDK the stored message, of the local companion too', async () => {
    const { token, id } = await newTalk()
    const { message, errors } = await messageOf(await (await sayAloud(token, id, said)).text())
    const [asked, reply] = await messagesOf(token, id)
    expect(errors).toEqual([])
    expect(reply?.content?.length).toBeGreaterThan(10)
    expect(message).toEqual({
      id: reply?.id,
      role: 'assistant',
      metadata: { turn_id: asked?.turn_id, user_message_id: asked?.id, memory_ids: [], state: 'complete', flights: 3 },
      parts: [{ type: 'text', text: reply?.content, state: 'done' }],
    })
  })

  it('brings what is stored, also where the model wrote what cannot be', async () => {
    const { token, id } = await newTalk()
    fakeModel(() => replyOf('a\0b', '\ud800', '\0', 'c\udfff'))
    const events = eventsOf(await (await sayAloud(token, id, said)).text())
    expect(events.flatMap(({ part }) => part.delta ?? [])).toEqual(['ab', '\ufffd', 'c\ufffd'])
    expect((await messagesOf(token, id))[1]?.content).toBe(textOf(events))
  })

  it('brings each piece as the model says it, and does not wait for the end', async () => {
    const { token, id } = await newTalk()
    const steered = steerReply()
    fakeModel(() => steered.response)
    steered.write(chunkOf('First.'))
    const response = await sayWith({}, { token, id, content: said, accept: '*/*' })
    const parts = chunksOf(response.body ?? new ReadableStream()).getReader()
    const next = async () => (await parts.read()).value
    const heard = [await next(), await next(), await next()]
    expect(heard.map((part) => part?.type)).toEqual(['start', 'text-start', 'text-delta'])
    expect((await messagesOf(token, id)).length).toBe(1)
    steered.write(chunkOf(' Second.'))
    expect(await next()).toMatchObject({ type: 'text-delta', delta: ' Second.' })
    steered.write(endOfReply)
    steered.close()
    expect([(await next())?.type, (await next())?.type, await next()]).toEqual(['text-end', 'finish', undefined])
    expect((await messagesOf(token, id))[1]?.content).toBe('First. Second.')
  })

  it('repeated with its key brings the stored text, and asks no model', async () => {
    const { token, id } = await newTalk()
    const { bodies } = fakeModel(() => replyOf(...pieces))
    const first = eventsOf(await (await sayAloud(token, id, said, 'same')).text())
    const again = eventsOf(await (await sayAloud(token, id, said, 'same')).text())
    expect([textOf(again), bodies.length]).toEqual([textOf(first), 1])
    expect([again[0], again.at(-1)?.id]).toEqual([first[0], first.at(-1)?.id])
    expect(again.at(-1)?.part).toMatchObject({ finishReason: 'stop', messageMetadata: { flights: 1 } })
    const whole = await sayAndWait(token, id, said, 'same')
    expect([whole.body.reply?.content, whole.body.id]).toEqual([textOf(first), first[0]?.id?.split('.')[0]])
  })

  it('asked for while the reply is being made brings it too, as it is kept and at its end', async () => {
    const { token, id } = await newTalk()
    const steered = steerReply()
    const { bodies } = fakeModel(() => steered.response)
    const asking = sayWith({}, { token, id, content: said, key: 'key', accept: '*/*' })
    await eventually(async () => expect((await messagesOf(token, id)).length).toBe(1))
    const again = [sayAloud(token, id, said, 'key'), sayAloud(token, id, said, 'key')]
    const whole = sayAndWait(token, id, said, 'key')
    steered.write(chunkOf('Now. ') + chunkOf('Then.'))
    const early = await Promise.all(again)
    steered.write(endOfReply)
    steered.close()
    for (const response of [await asking, ...early]) expect(textOf(eventsOf(await response.text()))).toBe('Now. Then.')
    expect((await whole).body).toMatchObject({ state: 'complete', reply: { content: 'Now. Then.' } })
    expect(textOf(eventsOf(await (await sayAloud(token, id, said, 'key')).text()))).toBe('Now. Then.')
    expect(bodies.length).toBe(1)
  })
})

describe('a stream whose model breaks off', () => {
  const line = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`

  it.each([
    ['is cut', (model: ReturnType<typeof steerReply>) => model.cut()],
    ['ends without saying that it has ended', (model: ReturnType<typeof steerReply>) => model.close()],
    ['says that it is done, but not why', (model: ReturnType<typeof steerReply>) => model.write('data: [DONE]\n\n')],
    ['falls silent', () => undefined],
    [
      'tells of an error',
      (model: ReturnType<typeof steerReply>) => model.write(`${chunkOf('', 'error')}data: [DONE]\n\n`),
    ],
    ['writes what is not JSON', (model: ReturnType<typeof steerReply>) => model.write('data: {"choices":[\n\n')],
    ['writes what is no chunk', (model: ReturnType<typeof steerReply>) => model.write(line({ choices: 'secret' }))],
    ['talks without end', (model: ReturnType<typeof steerReply>) => model.write(chunkOf('x'.repeat(32_000)))],
  ])('because it %s ends well all the same, with what was said kept as interrupted', async (_name, breakOff) => {
    const { token, id } = await newTalk()
    const steered = steerReply()
    const { signals } = fakeModel(() => steered.response)
    steered.write(chunkOf('Half of ') + chunkOf('a '))
    const response = await sayWith({ LLM_IDLE_MS: '300' }, { token, id, content: said, key: 'key', accept: '*/*' })
    const startedAt = Date.now()
    breakOff(steered)
    const text = await response.text()
    expect(Date.now() - startedAt).toBeLessThan(5_000)
    const events = eventsOf(text)
    const [asked, reply] = await messagesOf(token, id)
    expect(textOf(events)).toBe('Half of a ')
    expect(events.slice(-3).map(({ part }) => part)).toEqual([
      { type: 'text-end', id: reply?.id },
      { type: 'error', errorText: 'The reply was interrupted.' },
      {
        type: 'finish',
        finishReason: 'error',
        messageMetadata: {
          turn_id: asked?.turn_id,
          user_message_id: asked?.id,
          memory_ids: [],
          state: 'interrupted',
          flights: 3,
        },
      },
    ])
    expect(reply).toMatchObject({ content: 'Half of a ', status: 'interrupted', parent_id: asked?.id })
    expect((await messageOf(text)).message?.parts).toEqual([{ type: 'text', text: 'Half of a ', state: 'done' }])
    expect(signals[0]?.aborted).toBe(true)
    const again = await sayAndWait(token, id, said, 'key')
    expect([again.status, again.body.state, again.body.reply]).toEqual([200, 'interrupted', reply])
  })

  it('only after it had said why it ends is complete', async () => {
    for (const breakOff of ['cut', 'close', 'hang'] as const) {
      const { token, id } = await newTalk()
      const steered = steerReply()
      fakeModel(() => steered.response)
      steered.write(chunkOf('All of it.') + chunkOf('', 'stop'))
      const response = await sayWith({ LLM_IDLE_MS: '300' }, { token, id, content: said, accept: '*/*' })
      if (breakOff !== 'hang') steered[breakOff]()
      expect(eventsOf(await response.text()).at(-1)?.part).toMatchObject({ finishReason: 'stop' })
      expect((await messagesOf(token, id))[1]).toMatchObject({ content: 'All of it.', status: 'complete' })
    }
  })
})
