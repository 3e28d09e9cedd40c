import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { startUpstream, type Upstream } from '#scripts/upstream/server.ts'
import { OpenAiError, post, read } from '#test/tools/upstream-client.ts'

let upstream: Upstream

beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(async () => {
  await upstream.close()
})

const twoSentences = 'The first of them is here. The second comes a little later, as it was said.'

async function speak(request: object): Promise<Response> {
  return await post(`${upstream.origin}/v1/audio/speech`, {
    model: 'flite',
    voice: 'rms',
    input: twoSentences,
    ...request,
  })
}

async function chunksOf(response: Response): Promise<Uint8Array[]> {
  expect(response.status).toBe(200)
  return response.body === null ? [] : await Array.fromAsync(response.body)
}

/** Walks an MP3 of MPEG-2 layer III at 24 kHz and 64 kbit/s (ISO/IEC 13818-3) frame by frame: how many there are. */
function framesOf(mp3: Buffer): number {
  const frameBytes = (72 * 64_000) / 24_000
  for (let at = 0; at < mp3.length; at += frameBytes) expect(mp3.readUInt32BE(at) >>> 8).toBe(0xfff384)
  expect(mp3.length % frameBytes).toBe(0)
  return mp3.length / frameBytes
}

async function transcribe(audio: Uint8Array | string, fields: Record<string, string> = {}): Promise<Response> {
  const form = new FormData()
  form.set('file', new File([Buffer.from(audio)], 'recording.bin'))
  for (const [name, value] of Object.entries({ model: 'offline-ear', ...fields })) form.set(name, value)
  return await fetch(`${upstream.origin}/v1/audio/transcriptions`, { method: 'POST', body: form })
}

async function heard(audio: Uint8Array | string): Promise<string> {
  return (await read(await transcribe(audio), z.strictObject({ text: z.string() }))).text
}

describe('the voice in the OpenAI dialect', () => {
  it('sends MP3 when no format is named, as long as the WAV, the same bytes each time', async () => {
    const answers = await Promise.all([speak({}), speak({ response_format: 'mp3' }), speak({ response_format: 'wav' })])
    expect(answers.map((answer) => answer.headers.get('content-type'))).toEqual([
      'audio/mpeg',
      'audio/mpeg',
      'audio/wav',
    ])
    const [usual, mp3, wav] = (await Promise.all(answers.map(chunksOf))).map((chunks) => Buffer.concat(chunks))
    expect(mp3?.equals(usual ?? Buffer.alloc(0))).toBe(true)
    const mp3Seconds = (framesOf(mp3 ?? Buffer.alloc(0)) * 576) / 24_000
    const wavSeconds = ((wav?.length ?? 0) - 44) / 32_000
    expect(wavSeconds).toBeGreaterThan(2)
    expect(Math.abs(mp3Seconds - wavSeconds)).toBeLessThan(0.2)
  })

  it('makes the same bytes of the same words wherever it runs', async () => {
    await using elsewhere = new AsyncDisposableStack()
    const another = await startUpstream()
    elsewhere.defer(() => another.close())
    const request = { model: 'flite', voice: 'rms', input: twoSentences, response_format: 'wav' }
    const [here, there] = await Promise.all(
      [upstream, another].map(async ({ origin }) =>
        Buffer.concat(await chunksOf(await post(`${origin}/v1/audio/speech`, request))),
      ),
    )
    expect(here?.length).toBeGreaterThan(64_000)
    expect(there?.equals(here ?? Buffer.alloc(0))).toBe(true)
  })

  it.each(['mp3', 'wav'])('sends the first sentence of %s before the others are made', async (format) => {
    const [chunks, first] = await Promise.all([
      chunksOf(await speak({ response_format: format, input: `At once, in ${format}. ${twoSentences.repeat(8)}` })),
      chunksOf(await speak({ response_format: format, input: `At once, in ${format}. ` })),
    ])
    const [whole, start] = [Buffer.concat(chunks), Buffer.concat(first).subarray(0, 4_000)]
    expect(whole.subarray(0, 4_000).equals(start)).toBe(true)
    expect(chunks[0]?.length).toBeLessThan(whole.length / 2)
  })

  it('says in a WAV that its length is not known', async () => {
    const wav = Buffer.concat(await chunksOf(await speak({ response_format: 'wav' })))
    expect([wav.toString('latin1', 0, 4), wav.readUInt32LE(4), wav.readUInt32LE(24), wav.readUInt32LE(40)]).toEqual([
      'RIFF',
      0xffffffff,
      16_000,
      0xffffffff,
    ])
  })

  it('refuses other formats as OpenAI does', async () => {
    const refused = await speak({ response_format: 'opus' })
    expect(refused.status).toBe(400)
    expect((await read(refused, OpenAiError)).error.param).toBe('response_format')
  })
})

describe('the ear in the OpenAI dialect', () => {
  it.each(['mp3', 'wav'])('knows what was spoken in %s', async (format) => {
    const input = `This one was spoken as ${format} – “twice”!`
    const audio = Buffer.concat(await chunksOf(await speak({ input, response_format: format })))
    expect(await heard(audio)).toBe(input)
    const plain = await transcribe(audio, { response_format: 'text', language: 'en' })
    expect(plain.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(await plain.text()).toBe(`${input}\n`)
  })

  it('knows what was spoken with phoneme times', async () => {
    const text = 'It was heard elsewhere.'
    const spoken = await post(`${upstream.origin}/offline/speech`, { text, voice: 'slt' })
    const { audio_base64: audio } = await read(spoken, z.object({ audio_base64: z.base64() }))
    expect(await heard(Buffer.from(audio, 'base64'))).toBe(text)
  })

  it('cannot make out any other audio, of up to 30 MiB', async () => {
    expect(await heard('noise')).toBe('I cannot make out what was said.')
    expect(await heard(new Uint8Array(26 * 1_048_576))).toBe('I cannot make out what was said.')
    expect((await transcribe(new Uint8Array(31 * 1_048_576))).status).toBe(413)
  })

  it.each([
    ['a format that it does not write', 'noise', { response_format: 'vtt' }, 'response_format'],
    ['an empty recording', '', {}, 'file'],
    ['no model', 'noise', { model: '' }, 'model'],
  ])('refuses %s', async (_what, audio, fields, param) => {
    const refused = await transcribe(audio, fields)
    expect(refused.status).toBe(400)
    expect((await read(refused, OpenAiError)).error.param).toBe(param)
  })

  it.each(['application/json', 'multipart/form-data; boundary=nowhere'])('refuses a body of %s', async (type) => {
    const refused = await fetch(`${upstream.origin}/v1/audio/transcriptions`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: '{}',
    })
    expect(refused.status).toBe(400)
    expect((await read(refused, OpenAiError)).error.code).toBe('invalid_request')
  })
})
