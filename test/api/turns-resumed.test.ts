import { describe, expect, it } from 'vitest'
import type { Turn } from '#src/conversations/shapes.ts'
import { call, newUser, rawCall } from '#test/setup/client.ts'
import { eventually } from '#test/setup/eventually.ts'
import { asOwner, tablesThatHold } from '#test/setup/owner-database.ts'
import { eventsOf, fakeReply, messagesOf, newConversation, sayAloud, sayAndWait, textOf } from '#test/setup/talk.ts'
import { messageOf, sayWith, turnsOf } from '#test/setup/talk-with.ts'
import { chunkOf, endOfReply, fakeModel, replyOf, steerReply } from '#test/setup/upstreams.ts'
import { runSchedule, sweepAlone } from '#test/setup/worker-with.ts'

const said = 'Tell me of the sea.'
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

async function newTalk() {
  const { token, user } = await newUser()
  return { token, user, id: (await newConversation(token)).id }
}

type Talk = Awaited<ReturnType<typeof newTalk>>

const pathOf = ({ id }: Talk, turnId: string, what: string) => `/conversations/${id}/turns/${turnId}/${what}`
const after = (lastEventId: string | undefined) => (lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId })

/** The rest of a turn, by the way of GET. */
const hear = async (talk: Talk, turnId: string, lastEventId?: string) =>
  await rawCall('GET', pathOf(talk, turnId, 'events'), { token: talk.token, headers: after(lastEventId) })

const goOn = async (talk: Talk, turnId: string, headers: Record<string, string> = { Accept: 'application/json' }) =>
  await call<Turn & { code: string }>('POST', pathOf(talk, turnId, 'continue'), { token: talk.token, headers })

const stop = async (talk: Talk, turnId: string) =>
  (await call('POST', pathOf(talk, turnId, 'stop'), { token: talk.token })).status

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

/** A turn whose Worker dies once its first sentence is kept: what it says from then on is heard by nobody. */
async function abandonedTurn() {
  const talk = await newTalk()
  const steered = steerReply()
  const rest = [() => steered.response, () => replyOf(' And out.')]
  const { bodies } = fakeModel(() => rest.shift()?.() ?? replyOf('too much'))
  const asking = sayWith({}, { token: talk.token, id: talk.id, content: said, key: 'key', accept: '*/*' })
  steered.write(chunkOf('The tide comes in. ') + chunkOf('It is'))
  const response = await asking
  const kept = 'select id from turns where user_id = $1 and checkpoint is not null'
  await eventually(async () => expect((await asOwner(kept, [talk.user.id])).length).toBe(1))
  await asOwner(
    `update turns set key_hash = sha256(id::text::bytea), checked_at = now() - interval '3 minutes' where user_id = $1`,
    [talk.user.id],
  )
  steered.write(endOfReply)
  steered.close()
  await response.text()
  const [turn] = await turnsOf(talk.user.id)
  return { talk, turnId: turn?.id ?? '', bodies }
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

  it('says so to who hears it', async () => {
    const { talk, turnId } = await abandonedTurn()
    const events = eventsOf(await (await hear(talk, turnId)).text())
    expect([textOf(events), events.at(-1)]).toMatchObject([
      'The tide comes in. ',
      { id: `${turnId}.19`, part: { finishReason: 'error' } },
    ])
  })
})

describe('a turn that cannot be continued', () => {
  it.each([
    ['is complete', 'complete', 'conflict'],
    ['is being made', 'streaming', 'turn_in_progress'],
    ['said nothing', 'failed', 'conflict'],
  ])('because it %s is refused', async (_, state, code) => {
    const talk = await newTalk()
    fakeModel(() => replyOf('One.'))
    const { body } = await sayAndWait(talk.token, talk.id, said)
    await asOwner('update turns set state = $2, ended_at = case when $2 = $3 then null else now() end where id = $1', [
      body.id,
      state,
      'streaming',
    ])
    const refused = await goOn(talk, body.id)
    expect([refused.status, refused.body.code]).toEqual([409, code])
  })

  it('because the model fails again keeps what there was', async () => {
    const { talk, turnId } = await abandonedTurn()
    fakeModel(() => new Response('', { status: 500 }))
    expect((await goOn(talk, turnId)).status).toBe(503)
    const [turn] = await turnsOf(talk.user.id)
    expect(turn?.state).toBe('interrupted')
  })
})

describe('a turn that is stopped', () => {
  async function speaking() {
    const talk = await newTalk()
    const steered = steerReply()
    const { signals } = fakeModel(() => steered.response)
    steered.write(chunkOf('One. ') + chunkOf('Tw'))
    const response = await sayWith({}, { ...talk, content: said, accept: '*/*' })
    const [turn] = await turnsOf(talk.user.id)
    return { talk, turnId: turn?.id ?? '', signals, response }
  }

  it('ends with what was said, and asks no more of the model', async () => {
    const { talk, turnId, signals, response } = await speaking()
    expect([await stop(talk, turnId), await stop(talk, turnId)]).toEqual([204, 204])
    const events = eventsOf(await response.text())
    expect([textOf(events), signals[0]?.aborted]).toEqual(['One. Tw', true])
    expect((await messagesOf(talk.token, talk.id))[1]).toMatchObject({ content: 'One. Tw', status: 'interrupted' })
    expect(await stop(talk, turnId)).toBe(204)
    expect((await turnsOf(talk.user.id)).map(({ state }) => state)).toEqual(['interrupted'])
  })

  it('before its first word says so, and its key begins it again', async () => {
    const talk = await newTalk()
    fakeModel((number) => (number === 1 ? new Response(new ReadableStream<Uint8Array>()) : replyOf('Now.')))
    const asking = sayWith({}, { ...talk, content: said, key: 'key' })
    await eventually(async () => expect((await messagesOf(talk.token, talk.id)).length).toBe(1))
    const [turn] = await turnsOf(talk.user.id)
    expect(await stop(talk, turn?.id ?? '')).toBe(204)
    const refused = await asking
    expect([refused.status, (await refused.json<{ code: string }>()).code]).toEqual([409, 'turn_stopped'])
    const again = await sayAndWait(talk.token, talk.id, said, 'key')
    expect([again.status, again.body]).toMatchObject([200, { state: 'complete', reply: { content: 'Now.' } }])
  })
})
