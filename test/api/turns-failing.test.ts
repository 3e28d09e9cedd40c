import { describe, expect, it, vi } from 'vitest'
import type { Turn } from '#src/conversations/shapes.ts'
import { newUser } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { messagesOf, newConversation, sayAndWait } from '#test/setup/talk.ts'
import { sayWith, turnsOf } from '#test/setup/talk-with.ts'
import { chunkOf, endOfReply, fakeModel, replyOf } from '#test/setup/upstreams.ts'

const said = 'Are you there?'
const secret = 'upstream-secret-7f3a'

async function newTalk() {
  const { token, user } = await newUser()
  return { token, user, id: (await newConversation(token)).id }
}

const refusal =
  (status: number, headers: Record<string, string> = {}) =>
  () =>
    new Response(`{"error":{"message":"${secret}"}}`, { status, headers })

/** Lines that come one by one, a few milliseconds apart. */
function dripOf(lines: Iterable<string | Uint8Array>): Response {
  const iterator = lines[Symbol.iterator]()
  const body = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      await new Promise((resolve) => setTimeout(resolve, 10))
      const { done, value } = iterator.next()
      if (done === true) controller.close()
      else controller.enqueue(typeof value === 'string' ? new TextEncoder().encode(value) : value)
    },
  })
  return new Response(body)
}

const silence = () => new Response(new ReadableStream<Uint8Array>())

function* forever(piece: string, first = piece) {
  yield first
  while (true) yield piece
}

const problem = (status: number, code: string, retryAfter: string | null) => ({ status, code, retryAfter })
const unavailable = (retryAfter = '5') => problem(503, 'upstream_unavailable', retryAfter)
const nonsense = problem(502, 'upstream_nonsense', null)
const late = problem(504, 'deadline_exceeded', '2')

describe('a turn whose model fails before its first word', () => {
  it.each([
    ['refuses for a while', refusal(429, { 'Retry-After': '7' }), unavailable('7')],
    ['is overloaded for longer than an hour', refusal(503, { 'Retry-After': '90000' }), unavailable()],
    ['names a day to come back', refusal(503, { 'Retry-After': 'Wed, 21 Oct 2026 07:28:00 GMT' }), unavailable()],
    ['breaks', refusal(500), unavailable()],
    ['knows no such key', refusal(401), unavailable()],
    ['points elsewhere', refusal(302, { Location: 'https://elsewhere.test/' }), unavailable()],
    ['cannot be reached', () => Promise.reject(new TypeError(`connect ECONNREFUSED ${secret}`)), unavailable()],
    ['answers with a page', () => new Response(`<html>${secret}</html>`), nonsense],
    ['answers with nothing', () => new Response(''), nonsense],
    ['ends without a word', () => new Response(endOfReply), nonsense],
    ['talks nonsense', () => new Response(`data: {"choices":"${secret}"}\n\n`), nonsense],
    ['talks gibberish', () => new Response(new Uint8Array(1_000).fill(0xff)), nonsense],
    ['writes one line without end', () => dripOf(forever('x'.repeat(300_000), 'data: ')), nonsense],
    ['writes junk without end', () => dripOf(forever('x'.repeat(300_000))), late],
    ['breaks off at once', () => dripOf([new Uint8Array()]), nonsense],
    ['never answers', () => new Promise<Response>(() => undefined), late],
    ['answers, and never speaks', silence, late],
    ['is alive without end, and says nothing', () => dripOf(forever(chunkOf(''))), late],
  ])('because it %s keeps the words, says why, and its key may try again', async (_name, failing, expected) => {
    const { token, user, id } = await newTalk()
    const { bodies, signals } = fakeModel((number) => (number === 1 ? failing() : replyOf('At last.')))
    const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
    const failed = await sayWith({ LLM_FIRST_TOKEN_MS: '500' }, { token, id, content: said, key: 'again' })
    const text = await failed.text()
    const { code } = JSON.parse(text) as { code: string }
    expect({ status: failed.status, code, retryAfter: failed.headers.get('Retry-After') }).toEqual(expected)
    expect(failed.headers.get('Content-Type')).toBe('application/problem+json')
    expect(log.mock.calls.length).toBeGreaterThan(0)
    expect([text, ...log.mock.calls.flat()].filter((line) => String(line).includes(secret))).toEqual([])
    if (expected === late) expect(signals[0]?.aborted).toBe(true)
    const [words] = await messagesOf(token, id)
    expect([words?.content, (await messagesOf(token, id)).length]).toEqual([said, 1])
    const [turn] = await turnsOf(user.id)
    expect(turn?.state).toBe('failed')
    const retried = await sayAndWait(token, id, said, 'again')
    expect([retried.status, retried.body.id, retried.body.user_message]).toEqual([200, turn?.id, words])
    expect(retried.body.reply).toMatchObject({ content: 'At last.', status: 'complete', parent_id: words?.id, seq: 2 })
    expect([(await messagesOf(token, id)).length, bodies.length]).toEqual([2, 2])
    expect(await turnsOf(user.id)).toEqual([{ id: turn?.id, state: 'complete' }])
    expect(bodies[1]?.messages.filter(({ role }) => role === 'user')).toEqual([{ role: 'user', content: said }])
  })

  it('is a problem to who asked for a stream, too', async () => {
    const { token, id } = await newTalk()
    fakeModel(refusal(500))
    const failed = await sayWith({}, { token, id, content: said, accept: 'text/event-stream' })
    expect([failed.status, failed.headers.get('Content-Type')]).toEqual([503, 'application/problem+json'])
  })

  it('is taken up again by one of 20 retries at once', async () => {
    const { token, user, id } = await newTalk()
    const { bodies } = fakeModel(async (number) => {
      if (number === 1) return refusal(500)()
      await new Promise((resolve) => setTimeout(resolve, 100))
      return replyOf('At last.')
    })
    expect((await sayAndWait(token, id, said, 'again')).status).toBe(503)
    const retries = await Promise.all(
      Array.from({ length: 20 }, async () => await sayAndWait(token, id, said, 'again')),
    )
    expect(retries.filter(({ status }) => status !== 200 && status !== 409)).toEqual([])
    expect(retries.some(({ status }) => status === 200)).toBe(true)
    expect(bodies.length).toBe(2)
    expect((await turnsOf(user.id)).map(({ state }) => state)).toEqual(['complete'])
    expect((await messagesOf(token, id)).map(({ content }) => content)).toEqual([said, 'At last.'])
  })

  it('is not taken up with other words', async () => {
    const { token, user, id } = await newTalk()
    fakeModel(refusal(500))
    await sayAndWait(token, id, said, 'again')
    const other = await sayAndWait(token, id, 'Something else.', 'again')
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused'])
    expect((await turnsOf(user.id)).map(({ state }) => state)).toEqual(['failed'])
  })
})

describe('a model that is odd', () => {
  const line = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`
  const reply = async (lines: (string | Uint8Array)[]) => {
    const { token, id } = await newTalk()
    fakeModel(() => dripOf(lines))
    const answer = await sayWith({}, { token, id, content: said })
    const turn = await answer.json<Turn>()
    expect([answer.status, (await messagesOf(token, id))[1]]).toEqual([200, turn.reply])
    return [turn.state, turn.reply?.content, turn.reply?.tokens]
  }

  it('has cleaned what PostgreSQL cannot store', async () => {
    expect(await reply([chunkOf('a\0b'), chunkOf('\ud800'), chunkOf('c\udfff'), endOfReply])).toEqual([
      'complete',
      'ab\ufffdc\ufffd',
      null,
    ])
  })

  it('may cut a character anywhere between two packets, and may send what is not UTF-8', async () => {
    const bytes = new TextEncoder().encode(chunkOf('🌊 שלום'))
    const packets = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))
    expect(await reply([...packets, endOfReply])).toEqual(['complete', '🌊 שלום', null])
    const [before = '', after = ''] = chunkOf('a|b').split('|')
    expect(await reply([before, new Uint8Array([0xc3, 0x28, 0xff]), after, endOfReply])).toEqual([
      'complete',
      'a\ufffd(\ufffdb',
      null,
    ])
  })

  it('may chatter beside its words', async () => {
    const lines = [
      ': keep-alive\n\n',
      'event: ping\ndata: {}\n\n',
      line({ choices: [{ delta: { role: 'assistant', content: null }, finish_reason: null }], id: 'x', object: 'y' }),
      line({ choices: [{ index: 0, delta: { reasoning: 'hidden' } }] }),
      chunkOf('Words.'),
      chunkOf('', 'length'),
      line({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } }),
      'data: [DONE]\n\n',
      chunkOf('never heard'),
    ]
    expect(await reply(lines)).toEqual(['complete', 'Words.', 2])
  })

  it.each([
    ['unheard-of', { prompt_tokens: 2 ** 40, completion_tokens: 1 }],
    ['negative', { prompt_tokens: 1, completion_tokens: -1 }],
    ['half', { prompt_tokens: 1, completion_tokens: 1.5 }],
    ['absent', {}],
    ['a word', 'many'],
  ])('may send a bill that is %s: the reply is kept', async (_name, usage) => {
    const billed = (content: string) => line({ choices: [{ delta: { content } }], usage })
    const lines = [billed('Wor'), billed('ds.'), chunkOf('', 'stop'), line({ choices: [], usage }), 'data: [DONE]\n\n']
    expect(await reply(lines)).toEqual(['complete', 'Words.', null])
  })

  it('that talks without end is cut off at 32,000 characters, which are kept', async () => {
    const lines = [...Array.from({ length: 32 }, () => chunkOf('x'.repeat(1_000))), chunkOf('y'), endOfReply]
    expect(await reply(lines)).toEqual(['interrupted', 'x'.repeat(32_000), null])
    const { token, user, id } = await newTalk()
    fakeModel(() => replyOf('x'.repeat(32_000)))
    expect((await sayAndWait(token, id, said)).body.reply?.content?.length).toBe(32_000)
    expect((await asOwner('select 1 from turns where user_id = $1 and state = $2', [user.id, 'complete'])).length).toBe(
      1,
    )
  })
})
