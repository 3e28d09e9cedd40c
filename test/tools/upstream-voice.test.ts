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

const OfflineSpeech = z.strictObject({
  audio_base64: z.base64(),
  content_type: z.literal('audio/wav'),
  sample_rate_hz: z.number(),
  duration_ms: z.number(),
  phonemes: z.array(z.strictObject({ phoneme: z.string(), start_ms: z.number(), end_ms: z.number() })),
})

async function speech(request: object) {
  const response = await post(`${upstream.origin}/offline/speech`, { voice: 'slt', ...request })
  expect(response.status).toBe(200)
  return await read(response, OfflineSpeech)
}

function wavFacts(wav: Buffer) {
  return {
    riff: wav.toString('latin1', 0, 4),
    riffBytes: wav.readUInt32LE(4),
    wave: wav.toString('latin1', 8, 16),
    format: [wav.readUInt16LE(20), wav.readUInt16LE(22), wav.readUInt16LE(34)],
    sampleRateHz: wav.readUInt32LE(24),
    dataBytes: wav.readUInt32LE(40),
  }
}

describe('the offline voice', () => {
  it.each(['slt', 'rms', 'awb', 'kal', 'kal16'])(
    'speaks as %s: a WAV with the time of every phoneme',
    async (voice) => {
      const spoken = await speech({ voice, text: 'Hello there. I am glad that you came back today!' })
      const wav = Buffer.from(spoken.audio_base64, 'base64')
      expect(wavFacts(wav)).toEqual({
        riff: 'RIFF',
        riffBytes: wav.length - 8,
        wave: 'WAVEfmt ',
        format: [1, 1, 16],
        sampleRateHz: spoken.sample_rate_hz,
        dataBytes: wav.length - 44,
      })
      expect(spoken.duration_ms).toBe(Math.round((wav.length - 44) / 2 / (spoken.sample_rate_hz / 1000)))
      const edges = spoken.phonemes.flatMap(({ start_ms, end_ms }) => [start_ms, end_ms])
      expect(edges).toEqual([...edges].sort((a, b) => a - b))
      expect(edges[0]).toBe(0)
      expect(Math.abs(spoken.duration_ms - (edges.at(-1) ?? 0))).toBeLessThanOrEqual(20)
      const samples = new Int16Array(wav.buffer.slice(wav.byteOffset + 44, wav.byteOffset + wav.length))
      expect(Math.max(...samples.subarray(0, 40_000))).toBeGreaterThan(1000)
    },
  )

  it('speaks faster and slower', async () => {
    const [slow, usual, fast] = await Promise.all([0.5, 1, 2].map((rate) => speech({ text: 'Good evening', rate })))
    expect(slow?.duration_ms).toBeGreaterThan((usual?.duration_ms ?? 0) * 1.8)
    expect(fast?.duration_ms).toBeLessThan((usual?.duration_ms ?? 0) * 0.6)
  })

  it.each([
    'café “naïve”…',
    'Привет, мир',
    'こんにちは',
    '你好吗',
    'مرحبا',
    'Καλημέρα',
    'Yes 👍🏽 yes',
    '\u0000a\u0007',
    '-o x',
  ])('makes %j audible', async (text) => {
    const { phonemes } = await speech({ text })
    expect(phonemes.filter(({ phoneme }) => phoneme !== 'pau').length).toBeGreaterThan(0)
  })

  it('speaks a long text in pieces without losing time', async () => {
    const one = await speech({ text: 'All of it counts. ' })
    const many = await speech({ text: 'All of it counts. '.repeat(60) })
    expect(many.phonemes.length).toBeGreaterThan(one.phonemes.length * 50)
    expect(many.phonemes.at(-1)?.end_ms).toBeGreaterThan(many.duration_ms - 20)
  })

  it.each([
    ['an unknown voice', { text: 'Hello', voice: 'nobody' }, 'voice'],
    ['a voice that can only tell the time', { text: 'Hello', voice: 'awb_time' }, 'voice'],
    ['a text without a sound', { text: '🙂 …', voice: 'slt' }, 'text'],
    ['an empty text', { text: '', voice: 'slt' }, 'text'],
    ['a text that is too long', { text: 'a'.repeat(5001), voice: 'slt' }, 'text'],
    ['an impossible rate', { text: 'Hello', voice: 'slt', rate: 0 }, 'rate'],
  ])('refuses %s', async (_what, body, param) => {
    const refused = await post(`${upstream.origin}/offline/speech`, body)
    expect(refused.status).toBe(400)
    expect((await read(refused, OpenAiError)).error.param).toBe(param)
  })

  it('lists its voices', async () => {
    const { voices } = await read(
      await fetch(`${upstream.origin}/offline/voices`),
      z.object({ voices: z.array(z.object({ name: z.string() })) }),
    )
    expect(voices.map(({ name }) => name)).toEqual(['slt', 'rms', 'awb', 'kal16', 'kal'])
  })
})
