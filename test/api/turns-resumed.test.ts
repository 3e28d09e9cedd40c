import { describe, expect, it } from 'vitest'
import { call, rawCall } from '#test/setup/client.ts'
import { abandonedTurn, after, goOn, hear, newTalk, pathOf, said, stop } from '#test/setup/broken-turns.ts'
import { tablesThatHold } from '#test/setup/owner-database.ts'
import { eventsOf, fakeReply, messagesOf, sayAloud, sayAndWait, textOf } from '#test/setup/talk.ts'
import { messageOf, sayWith, turnsOf } from '#test/setup/talk-with.ts'
import { chunkOf, endOfReply, fakeModel, replyOf, steerReply } from '#test/setup/upstreams.ts'
import { runSchedule, sweepAlone } from '#test/setup/worker-with.ts'

const pieces = [
  'The tide ',
  'comes in. ',
  'It is 🌊 cold',
  '! Does it',
  ' end?',
  ' 潮が満ちる。',
  'また引く。',
  ' Nev',
  'er.',
]

/** The first events of a stream that is then left. */
async function firstEvents(response: Response, count: number): Promise<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  while (text.split('\n\n').length <= count) {
    const { done, value } = (await reader?.read()) ?? { done: true }
    if (done || value === undefined) break
    text += value
  }
  await reader?.cancel()
  return `${text.split('\n\n').slice(0, count).join('\n\n')}${count === 0 ? '' : '\n\n'}`
}

describe('a stream that is cut', () => {
  const all = pieces.length + 5

  it.each(Array.from({ length: all }, (_, number) => number))(
    'after event %i is resumed in both ways to the stored text, nothing twice, with one call',
    async (count) => {
      const talk = await newTalk()
      const { bodies } = fakeModel(() => fakeReply(pieces))
      const begun = await firstEvents(await sayAloud(talk.token, talk.id, said, 'key'), count)
      const [turn] = await turnsOf(talk.user.id)
      const heard = eventsOf(`${begun}data: [DONE]\n\n`)
      const lastId = heard.at(-1)?.id
      const rests = [
        await (await hear(talk, turn?.id ?? '', lastId)).text(),
        await (
          await rawCall('POST', `/conversations/${talk.id}/turns`, {
            token: talk.token,
            body: { content: said },
            headers: { 'Idempotency-Key': 'key', ...after(lastId) },
          })
        ).text(),
      ]
      const stored = await messagesOf(talk.token, talk.id)
      expect(stored.map(({ content }) => content)).toEqual([said, pieces.join('')])
      for (const rest of rests) {
        const events = eventsOf(rest)
        expect(textOf(heard) + textOf(events)).toBe(pieces.join(''))
        expect(events.at(-1)).toMatchObject({
          id: `${turn?.id}.${pieces.join('').length}`,
          part: { type: 'finish', finishReason: 'stop' },
        })
      }
      expect(bodies.length).toBe(1)
    },
  )

  it('is heard whole again by a client of the AI SDK', async () => {
    const talk = await newTalk()
    fakeModel(() => fakeReply(pieces))
    await firstEvents(await sayAloud(talk.token, talk.id, said, 'key'), 5)
    const [turn] = await turnsOf(talk.user.id)
    const { message, errors } = await messageOf(await (await hear(talk, turn?.id ?? '')).text())
    const [, reply] = await messagesOf(talk.token, talk.id)
    expect([errors, message?.id, message?.parts]).toEqual([
      [],
      reply?.id,
      [{ type: 'text', text: pieces.join(''), state: 'done' }],
    ])
  })

  it('of another turn, or of nothing, begins at the beginning', async () => {
    const talk = await newTalk()
    fakeModel(() => replyOf('One. '))
    const { body } = await sayAndWait(talk.token, talk.id, said)
    for (const id of [`${crypto.randomUUID()}.3`, 'nonsense', `${body.id}.-1`, `${body.id}.3.4`]) {
      expect(textOf(eventsOf(await (await hear(talk, body.id, id)).text()))).toBe('One. ')
    }
    expect(textOf(eventsOf(await (await hear(talk, body.id, `${body.id}.99`)).text()))).toBe('')
  })
})

describe('a reply that another request makes', () => {
  it('is heard sentence by sentence, and kept so, sealed', async () => {
    const talk = await newTalk()
    const steered = steerReply()
    fakeModel(() => steered.response)
    steered.write(chunkOf('A whisper grows. ') + chunkOf('Then it'))
    const response = await sayWith({}, { ...talk, content: said, accept: '*/*' })
    const [turn] = await turnsOf(talk.user.id)
    const listening = await hear(talk, turn?.id ?? '')
    const reader = listening.body?.pipeThrough(new TextDecoderStream()).getReader()
    let heard = ''
    while (!heard.includes('text-delta')) heard += (await reader?.read())?.value ?? ''
    expect(textOf(eventsOf(`${heard}data: [DONE]\n\n`))).toBe('A whisper grows. ')
    expect(await tablesThatHold('whisper')).toEqual([])
    steered.write(chunkOf(' fades.') + endOfReply)
    steered.close()
    for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) heard += next.value
    expect(textOf(eventsOf(heard))).toBe('A whisper grows. Then it fades.')
    expect(textOf(eventsOf(await response.text()))).toBe('A whisper grows. Then it fades.')
  })

  it('is nobody else’s to hear, to stop or to continue', async () => {
    const talk = await newTalk()
    fakeModel(() => replyOf('Mine.'))
    const { body } = await sayAndWait(talk.token, talk.id, said)
    const other = await newTalk()
    for (const stranger of [
      { ...talk, token: other.token },
      { ...other, token: talk.token },
    ]) {
      expect((await hear(stranger, body.id)).status).toBe(404)
      expect(await stop(stranger, body.id)).toBe(404)
      expect((await goOn(stranger, body.id)).status).toBe(404)
    }
  })
})

describe('a turn whose Worker died', () => {
  it('is gone on with by its key: the same message, what was kept and the rest', async () => {
    const { talk, turnId, bodies } = await abandonedTurn()
    const again = await sayAndWait(talk.token, talk.id, said, 'key')
    expect([again.status, again.body.id, again.body.state]).toEqual([200, turnId, 'complete'])
    expect((await messagesOf(talk.token, talk.id)).map(({ content, status }) => [content, status])).toEqual([
      [said, 'complete'],
      ['The tide comes in.  And out.', 'complete'],
    ])
    expect(bodies[1]?.messages.slice(-3).map(({ role, content }) => [role, content])).toEqual([
      ['user', said],
      ['assistant', 'The tide comes in. '],
      ['system', expect.stringContaining('Go on exactly where it ends')],
    ])
  })

  it('is ended by the sweep with what was kept, which is found, and may then be continued', async () => {
    await sweepAlone()
    const { talk, turnId, bodies } = await abandonedTurn()
    await runSchedule()
    expect((await turnsOf(talk.user.id)).map(({ state }) => state)).toEqual(['interrupted'])
    const [, kept] = await messagesOf(talk.token, talk.id)
    expect(kept).toMatchObject({ content: 'The tide comes in. ', status: 'interrupted', role: 'assistant', seq: 2 })
    const find = async (query: string) =>
      (await call<{ items: { id: string }[] }>('POST', '/search', { token: talk.token, body: { query } })).body.items
    expect((await find('tide')).map(({ id }) => id)).toEqual([kept?.id])
    const continued = await goOn(talk, turnId)
    expect([continued.status, continued.body.state, continued.body.reply]).toMatchObject([
      200,
      'complete',
      { id: kept?.id, content: 'The tide comes in.  And out.', status: 'complete', seq: 2 },
    ])
    expect([(await find('out')).length, (await find('tide')).length, bodies.length]).toEqual([1, 1, 2])
    expect((await messagesOf(talk.token, talk.id)).length).toBe(2)
  })

  it('is continued aloud from the character that was heard last', async () => {
    const { talk, turnId } = await abandonedTurn()
    const response = await rawCall('POST', pathOf(talk, turnId, 'continue'), {
      token: talk.token,
      headers: after(`${turnId}.4`),
    })
    const events = eventsOf(await response.text())
    expect([textOf(events), events.at(-1)?.id]).toEqual(['tide comes in.  And out.', `${turnId}.28`])
  })

  it('is said anew from where it was kept to who heard more of it', async () => {
    const { talk, turnId } = await abandonedTurn()
    const events = eventsOf(await (await hear(talk, turnId, `${turnId}.24`)).text())
    expect([textOf(events), events[0]?.id, events.at(-1)?.id]).toEqual(['', `${turnId}.19`, `${turnId}.19`])
    const response = await rawCall('POST', pathOf(talk, turnId, 'continue'), {
      token: talk.token,
      headers: after(`${turnId}.24`),
    })
    const rest = eventsOf(await response.text())
    expect([rest[0]?.id, textOf(rest), rest.at(-1)?.id]).toEqual([`${turnId}.19`, ' And out.', `${turnId}.28`])
    const [, reply] = await messagesOf(talk.token, talk.id)
    expect(reply?.content).toBe('The tide comes in. ' + textOf(rest))
  })

  it('says so to who hears it', async () => {
    const { talk, turnId } = await abandonedTurn()
    const events = eventsOf(await (await hear(talk, turnId)).text())
    expect([textOf(events), events.at(-1)]).toMatchObject([
      'The tide comes in. ',
      { id: `${turnId}.19`, part: { finishReason: 'error' } },
    ])
  })
})
