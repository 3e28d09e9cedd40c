import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import type { SpokenPart } from '#src/conversations/speak-turn.ts'
import type { Speech } from '#src/voice/shapes.ts'
import { fuka, newUser } from '#test/setup/client.ts'
import { audioAt, speak } from '#test/setup/speech.ts'
import { eventsOf, messagesOf, newConversation, textOf, type StreamEvent } from '#test/setup/talk.ts'
import { messageOf, sayWith } from '#test/setup/talk-with.ts'
import { chunkOf, endOfReply, fakeModel, fakeVoice, replyOf, steerReply } from '#test/setup/upstreams.ts'

type Part = SpokenPart & Partial<Speech> & { readonly code?: string }

async function newTalk() {
  const { token, user } = await newUser()
  return { token, user, id: (await newConversation(token)).id }
}

async function sayAloud(talk: { token: string; id: string }, speech: string, variables: Record<string, string> = {}) {
  const context = createExecutionContext()
  const response = await sayWith(variables, {
    ...talk,
    content: 'hm?',
    accept: 'text/event-stream',
    context,
    query: `?speech=${speech}`,
  })
  return { response, end: async () => await waitOnExecutionContext(context) }
}

const trueFetch = globalThis.fetch

const partsOf = (events: readonly StreamEvent[]) =>
  events.flatMap(({ part }) => (part.type === 'data-speech' ? [part['data'] as Part] : []))

const said = ['*smiles* Hello the', 're! I was waiting for you. ', 'The tea is still warm.'] as const
const text = said.join('')

describe('a reply that is spoken', () => {
  it('has a part for each sentence, in order, with its audio, track and place in the text', async () => {
    const talk = await newTalk()
    fakeModel(() => replyOf(...said))
    const { response, end } = await sayAloud(talk, 'auto')
    const stream = await response.text()
    await end()
    const events = eventsOf(stream)
    const parts = partsOf(events)
    expect(parts.map(({ index, from, to }) => [index, text.slice(from, to)])).toEqual([
      [0, '*smiles* Hello there! '],
      [1, 'I was waiting for you. '],
      [2, 'The tea is still warm.'],
    ])
    expect(parts.map((part) => part.text)).toEqual(['Hello there!', 'I was waiting for you.', 'The tea is still warm.'])
    expect(parts[0]?.emotions).toEqual([{ t: 0, expression: 'happy', weight: 1 }])
    for (const part of parts) expect((await audioAt(part.audio_url ?? '')).length).toBe(part.audio_bytes)
    expect(textOf(events)).toBe(text)
    expect((await messagesOf(talk.token, talk.id)).at(-1)?.content).toBe(text)
    // What was heard is a hit from then on.
    expect((await speak(talk.token, 'The tea is still warm.', { persona_id: fuka })).body.cache).toBe('hit')
    const { message, errors } = await messageOf(stream)
    expect([errors, message?.parts.filter(({ type }) => type === 'data-speech').length]).toEqual([[], 3])
  })

  it('is heard sentence by sentence while the model goes on', async () => {
    const talk = await newTalk()
    const reply = steerReply()
    fakeModel(() => reply.response)
    reply.write(chunkOf('The first one. '))
    const { response, end } = await sayAloud(talk, 'wav')
    const reader = (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader()
    reply.write(chunkOf('And the second'))
    let heard = ''
    while (!heard.includes('data-speech')) heard += (await reader.read()).value ?? ''
    expect(heard).not.toContain('finish')
    reply.write(`${chunkOf(' one.')}${endOfReply}`)
    reply.close()
    for (let part = await reader.read(); !part.done; part = await reader.read()) heard += part.value
    await end()
    expect(partsOf(eventsOf(heard)).map((part) => part.text)).toEqual(['The first one.', 'And the second one.'])
  })

  it.each([
    [
      'a stage direction of two sentences',
      ['*She leans in close. Her eyes ', 'are shining.* I missed you. ', 'So much.'],
      ['I missed you.', 'So much.'],
    ],
    [
      'an emphasis of two sentences',
      ['**Important. Real', 'ly.** Go now. Run.'],
      ['Important. Really. Go now.', 'Run.'],
    ],
    ['what is said in brackets', ['[sighs. Looks away.] No. ', 'Not yet.'], ['No.', 'Not yet.']],
    ['a mark that is never closed', ['It costs 5* a night. ', 'It is dear.'], ['It costs 5 a night. It is dear.']],
  ])('is never half of %s', async (_name, pieces, spoken) => {
    const talk = await newTalk()
    fakeModel(() => replyOf(...pieces))
    const { response, end } = await sayAloud(talk, 'auto')
    const parts = partsOf(eventsOf(await response.text()))
    await end()
    expect(parts.map((part) => part.text)).toEqual(spoken)
    expect(parts.map(({ from, to }) => pieces.join('').slice(from, to)).join('')).toBe(pieces.join(''))
  })

  it('is text all the same where the voice fails, says why it is not heard, and then asks no more', async () => {
    const talk = await newTalk()
    fakeModel(() => replyOf(...said, ' And a fourth. ', 'And a fifth. ', 'And a sixth.'))
    const voice = fakeVoice(() => new Response('', { status: 500 }))
    const { response, end } = await sayAloud(talk, 'auto')
    const events = eventsOf(await response.text())
    await end()
    expect(partsOf(events).map(({ index, code }) => [index, code])).toEqual([
      [0, 'upstream_unavailable'],
      [1, 'upstream_unavailable'],
    ])
    // Two were being made when the second failure was told.
    expect(voice.bodies.length).toBeLessThanOrEqual(4)
    expect([textOf(events).startsWith(text), events.at(-1)?.part['finishReason']]).toEqual([true, 'stop'])
  })

  it('goes on where one sentence failed', async () => {
    const talk = await newTalk()
    fakeModel(() => replyOf(...said))
    fakeVoice(async (_number, init) =>
      String(init?.body).includes('waiting')
        ? new Response('', { status: 500 })
        : await trueFetch(`${String(env['SPEECH_BASE_URL'])}/offline/speech`, init),
    )
    const { response, end } = await sayAloud(talk, 'auto')
    const parts = partsOf(eventsOf(await response.text()))
    await end()
    expect(parts.map(({ code }) => code)).toEqual([undefined, 'upstream_unavailable', undefined])
  })

  it('says so where the day’s characters are spent', async () => {
    const talk = await newTalk()
    fakeModel(() => replyOf(...said))
    const voice = fakeVoice()
    const { response, end } = await sayAloud(talk, 'auto', { DAILY_SPEECH_CHARACTERS: '15' })
    const parts = partsOf(eventsOf(await response.text()))
    await end()
    expect([parts.map(({ code }) => code), voice.bodies.length]).toEqual([
      [undefined, 'quota_exceeded', 'quota_exceeded'],
      1,
    ])
  })

  it('is not spoken where nobody listens any more, and is stored', async () => {
    const talk = await newTalk()
    const reply = steerReply()
    fakeModel(() => reply.response)
    const voice = fakeVoice()
    reply.write(chunkOf('The first one. '))
    const { response, end } = await sayAloud(talk, 'auto')
    await response.body?.cancel()
    reply.write(`${chunkOf('The second one. The third one.')}${endOfReply}`)
    reply.close()
    await end()
    expect(voice.bodies.length).toBeLessThanOrEqual(2)
    expect((await messagesOf(talk.token, talk.id)).at(-1)?.content).toBe(
      'The first one. The second one. The third one.',
    )
  })

  it('is silent unless that is wished, and refuses what is no format', async () => {
    const talk = await newTalk()
    fakeModel(() => replyOf(...said))
    const quiet = await sayWith({}, { ...talk, content: 'hm?', accept: 'text/event-stream' })
    expect(partsOf(eventsOf(await quiet.text()))).toEqual([])
    const { response } = await sayAloud(talk, 'flac')
    expect(response.status).toBe(400)
  })
})
