import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { startUpstream, type Upstream } from '#scripts/upstream/server.ts'
import { read } from '#test/tools/upstream-client.ts'

let upstream: Upstream

beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(async () => {
  await upstream.close()
})

const woman = 'sLtW0manUsEngl1shA2b'
const text = '🙂 Hello there, friend! I came back at 5 pm; did “you” see it? Привет, мир.  It was naïve… 🙂'

const Alignment = z.strictObject({
  characters: z.array(z.string()),
  character_start_times_seconds: z.array(z.number()),
  character_end_times_seconds: z.array(z.number()),
})

const Chunk = z.strictObject({
  audio_base64: z.base64(),
  alignment: Alignment.nullable(),
  normalized_alignment: Alignment.nullable(),
})

const Refusal = z.strictObject({ detail: z.strictObject({ status: z.string(), message: z.string() }) })

interface Wish {
  readonly voice?: string
  readonly query?: string
  readonly key?: string
  readonly body?: object
}

async function ask({ voice = woman, query = '', key = 'offline', body = { text } }: Wish): Promise<Response> {
  return await fetch(`${upstream.origin}/elevenlabs/v1/text-to-speech/${voice}/stream/with-timestamps${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key === '' ? {} : { 'xi-api-key': key }) },
    body: JSON.stringify(body),
  })
}

async function chunksOf(response: Response) {
  expect(response.status).toBe(200)
  const lines = (await response.text()).split('\n')
  expect(lines.pop()).toBe('')
  return lines.map((line) => Chunk.parse(JSON.parse(line)))
}

function audioOf(chunks: readonly z.output<typeof Chunk>[]): Buffer {
  return Buffer.concat(chunks.map((chunk) => Buffer.from(chunk.audio_base64, 'base64')))
}

describe('the voice in the ElevenLabs dialect', () => {
  it('streams JSON objects whose alignments cover the text, each time once and in order', async () => {
    const response = await ask({})
    expect(response.headers.get('content-type')).toBe('application/json')
    const chunks = await chunksOf(response)
    expect(chunks.filter(({ alignment }) => alignment !== null).length).toBeGreaterThan(1)
    for (const { alignment, normalized_alignment: normalized } of chunks) expect(normalized).toEqual(alignment)
    const alignments = chunks.flatMap(({ alignment }) => alignment ?? [])
    expect(alignments.flatMap(({ characters }) => characters)).toEqual(Array.from(text))
    const edges = alignments.flatMap(({ character_start_times_seconds: starts, character_end_times_seconds: ends }) => {
      expect(starts.length).toBe(ends.length)
      return starts.flatMap((start, at) => [start, ends[at] ?? -1])
    })
    expect(edges.length).toBe(2 * Array.from(text).length)
    expect(edges).toEqual(edges.toSorted((a, b) => a - b))
    expect(edges[0]).toBe(0)
    const seconds = audioOf(chunks).length / 16_000
    expect(Math.abs((edges.at(-1) ?? 0) - seconds)).toBeLessThan(0.2)
  })

  it('gives every letter a time to sound', async () => {
    const alignments = (await chunksOf(await ask({}))).flatMap(({ alignment }) => alignment ?? [])
    const silent = alignments.flatMap(
      ({ characters, character_start_times_seconds: starts, character_end_times_seconds: ends }) =>
        characters.filter((character, at) => /[\p{L}\p{N}]/u.test(character) && starts[at] === ends[at]),
    )
    expect(silent).toEqual([])
  })

  it.each([
    ['', 'fffb90'],
    ['?output_format=mp3_44100_64', 'fffb50'],
    ['?output_format=mp3_22050_32', 'fff340'],
    ['?output_format=mp3_24000_48', 'fff364'],
  ])('makes the MP3 that the query %j wishes, the same bytes each time', async (query, header) => {
    const [audio, again] = await Promise.all(
      [1, 2].map(async () => audioOf(await chunksOf(await ask({ query, body: { text: 'Here. And here again.' } })))),
    )
    expect(audio?.toString('hex', 0, 3)).toBe(header)
    expect(again?.equals(audio ?? Buffer.alloc(0))).toBe(true)
  })

  it('speaks faster when the settings say so', async () => {
    const [slow, fast] = await Promise.all(
      [0.7, 1.2].map(async (speed) =>
        audioOf(await chunksOf(await ask({ body: { text, voice_settings: { speed } } }))),
      ),
    )
    expect(slow?.length).toBeGreaterThan((fast?.length ?? 0) * 1.5)
  })

  it('puts short sentences together', async () => {
    const alignments = (await chunksOf(await ask({ body: { text: 'Go on. '.repeat(50) } }))).flatMap(
      ({ alignment }) => alignment ?? [],
    )
    expect(alignments.map(({ characters }) => characters.length)).toEqual([7, 119, 119, 105])
  })

  it.each<[string, Wish, number, string]>([
    ['no key', { key: '' }, 401, 'invalid_api_key'],
    ['an unknown voice', { voice: 'nobody' }, 404, 'voice_not_found'],
    ['an unknown format', { query: '?output_format=opus_48000_32' }, 400, 'invalid_output_format'],
    ['a text without a sound', { body: { text: '🙂 …' } }, 400, 'nothing_to_say'],
    ['a text that is too long', { body: { text: 'a'.repeat(5001) } }, 400, 'max_character_limit_exceeded'],
    ['no text', { body: {} }, 400, 'invalid_value'],
    ['an impossible speed', { body: { text, voice_settings: { speed: 2 } } }, 400, 'invalid_value'],
  ])('refuses %s in the words of ElevenLabs', async (_what, wish, status, code) => {
    const refused = await ask(wish)
    expect([refused.status, (await read(refused, Refusal)).detail.status]).toEqual([status, code])
  })

  it.each(['v1', 'v2'])('lists its voices (%s), each of which speaks', async (version) => {
    const url = `${upstream.origin}/elevenlabs/${version}/voices`
    const listed = await read(
      await fetch(url, { headers: { 'xi-api-key': 'offline' } }),
      z.object({
        voices: z.array(z.object({ voice_id: z.string().length(20), name: z.string(), preview_url: z.null() })),
        has_more: z.literal(false),
        total_count: z.literal(5),
        next_page_token: z.null(),
      }),
    )
    expect(listed.voices.map(({ name }) => name)).toEqual(['slt', 'rms', 'awb', 'kal16', 'kal'])
    for (const { voice_id: voice } of listed.voices) {
      expect((await chunksOf(await ask({ voice, body: { text: 'Yes.' } }))).length).toBe(2)
    }
    expect((await fetch(url)).status).toBe(401)
  })

  it('is heard by the ear', async () => {
    const form = new FormData()
    form.set('file', new File([Uint8Array.from(audioOf(await chunksOf(await ask({}))))], 'speech.mp3'))
    form.set('model', 'offline-ear')
    const answer = await fetch(`${upstream.origin}/v1/audio/transcriptions`, { method: 'POST', body: form })
    expect(await read(answer, z.unknown())).toEqual({ text })
  })
})
