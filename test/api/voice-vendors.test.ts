import { createExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { UnprocessableEntityError } from 'openai'
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import { workerVariables } from '#scripts/upstream/worker-variables.ts'
import worker from '#src/index.ts'
import type { Speech, VoiceCatalogue } from '#src/voice/shapes.ts'
import { call, fuka, newUser } from '#test/setup/client.ts'
import { openAiClientOf } from '#test/setup/openai-client.ts'
import { audioAt, speak } from '#test/setup/speech.ts'
import { fakeUpstreamAt, fakeVoice } from '#test/setup/upstreams.ts'
import { callWith, uploadWith } from '#test/setup/worker-with.ts'

const origin = () => inject('stack').upstreamOrigin
const elevenLabs = () => workerVariables.elevenLabs(origin())
const openAi = () => ({ SPEECH_PROVIDER: 'openai', SPEECH_BASE_URL: `${origin()}/v1/` })
const text = '*laughs* Good evening, little star. The moon is up.'
const spoken = 'Good evening, little star. The moon is up.'

async function speakBy(variables: Record<string, string>, token: string, more: Record<string, unknown>) {
  return await callWith<Speech & { code?: string }>(variables, 'POST', '/voice/speech', {
    token,
    body: { text, ...more },
  })
}

const postWith = async (variables: Record<string, string>, token: string, body: unknown) =>
  await uploadWith(variables, '/v1/audio/speech', {
    token,
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json' },
  })

const slt = 'sLtW0manUsEngl1shA2b'

describe('the vendors', () => {
  it.each([
    // Faked by the local upstream after https://elevenlabs.io/docs/api-reference/text-to-speech/stream-with-timestamps.
    ['ElevenLabs, which says when each character sounds', elevenLabs, { voice: slt }, 'provider', 'audio/mpeg', 'ID3ÿ'],
    // Faked after https://platform.openai.com/docs/api-reference/audio/createSpeech.
    ['OpenAI, which says nothing', openAi, { voice: 'slt' }, 'estimated', 'audio/mpeg', 'ID3ÿ'],
    ['OpenAI in WAV', openAi, { voice: 'slt', format: 'wav' }, 'estimated', 'audio/wav', 'R'],
  ])('%s, are spoken with, and once', async (_name, variables, more, source, type, begins) => {
    const { token } = await newUser()
    const [first, again] = [await speakBy(variables(), token, more), await speakBy(variables(), token, more)]
    expect([first.status, first.body.cache, again.body.cache]).toEqual([200, 'miss', 'hit'])
    const { body } = first
    expect([body.source, body.content_type, body.text]).toEqual([source, type, spoken])
    expect(body.words.map((word) => word.text).join(' ')).toBe(spoken)
    expect(body.visemes.reduce((sum, { d }) => sum + d, 0)).toBe(body.duration_ms)
    expect(body.emotions).toEqual([{ t: 0, expression: 'happy', weight: 1 }])
    const audio = await audioAt(body.audio_url)
    expect([audio.length, begins.includes(String.fromCodePoint(audio[0] ?? 0))]).toEqual([body.audio_bytes, true])
    expect(again.body.words).toEqual(body.words)
  })

  it.each([
    ['a voice that ElevenLabs does not have', elevenLabs, { voice: 'nobody' }],
    ['a voice that OpenAI does not have', openAi, { voice: 'nobody' }],
    ['a voice that would lead elsewhere', elevenLabs, { voice: '..' }],
    ['a format that ElevenLabs does not make', elevenLabs, { voice: slt, format: 'wav' }],
  ])('refuse %s', async (_name, variables, more) => {
    const { token } = await newUser()
    const { status, body } = await speakBy(variables(), token, more)
    expect([status, body.code]).toEqual([422, 'speech_refused'])
  })

  it('are asked with their own key', async () => {
    const { token } = await newUser()
    const { status, body } = await speakBy({ ...elevenLabs(), SPEECH_API_KEY: '' }, token, { voice: slt })
    expect([status, body.code]).toEqual([503, 'upstream_unavailable'])
  })

  it('speak in those voices alone that the configuration names, if it names any', async () => {
    const { token } = await newUser()
    const only = { SPEECH_VOICES: 'slt,awb' }
    const outcomes = []
    for (const voice of ['slt', 'rms'])
      outcomes.push((await callWith(only, 'POST', '/voice/speech', { token, body: { text, voice } })).status)
    const openAiNames = []
    for (const voice of ['awb', 'rms', 'fuka'])
      openAiNames.push((await postWith(only, token, { model: 'tts-1', input: text, voice })).status)
    const { body } = await callWith<VoiceCatalogue>(only, 'GET', '/voice/voices', { token })
    expect([outcomes, openAiNames, body.items.map(({ id }) => id)]).toEqual([
      [200, 422],
      [200, 404, 200],
      ['slt', 'awb'],
    ])
  })

  it('are asked again once a voice was changed under its name', async () => {
    const { token } = await newUser()
    const changed = { SPEECH_VOICE_REVISION: '2' }
    const body = { text, voice: 'slt' }
    const caches = []
    for (const variables of [{}, {}, changed, changed])
      caches.push((await callWith<Speech>(variables, 'POST', '/voice/speech', { token, body })).body.cache)
    expect(caches).toEqual(['miss', 'hit', 'miss', 'hit'])
  })

  it.each([
    ['sends lines without a sound', () => '{"audio_base64":null}\n'.repeat(3)],
    ['sends no line at all', () => 'x'.repeat(4_100_000)],
    [
      'says when more sounds than was written',
      () => {
        const times = Array.from({ length: 3_000 }, () => 0)
        const alignment = {
          characters: times.map(() => 'a'),
          character_start_times_seconds: times,
          character_end_times_seconds: times,
        }
        return `${JSON.stringify({ audio_base64: 'AAAA', alignment })}\n`
      },
    ],
  ])('that %s make no sense', async (_name, answer) => {
    const { token } = await newUser()
    fakeUpstreamAt('with-timestamps', () => new Response(answer()))
    const { status, body } = await speakBy(elevenLabs(), token, { voice: slt })
    expect([status, body.code]).toEqual([502, 'upstream_nonsense'])
  })

  it('name their voices', async () => {
    const { token } = await newUser()
    const read = async (variables: Record<string, string>) =>
      (await callWith<VoiceCatalogue>(variables, 'GET', '/voice/voices', { token })).body
    const offline = (await call<VoiceCatalogue>('GET', '/voice/voices', { token })).body
    expect(offline).toMatchObject({ provider: 'offline', default_voice: 'slt', formats: ['wav'] })
    expect(offline.items).toContainEqual({ id: 'slt', name: 'slt', description: 'a woman, US English' })
    const [labs, dialect] = [await read(elevenLabs()), await read({ ...openAi(), SPEECH_VOICE: 'nova' })]
    expect([labs.provider, labs.formats, labs.items.map(({ id }) => id)]).toEqual([
      'elevenlabs',
      ['mp3', 'opus'],
      expect.arrayContaining([slt]),
    ])
    expect([dialect.default_voice, dialect.items.length > 5]).toEqual(['nova', true])
  })

  it('are not asked for them again at once where they fail, and what they said before stands', async () => {
    const { token } = await newUser()
    const environment = { ...env, ...elevenLabs() }
    let isDown = true
    const said = JSON.stringify({ voices: [{ voice_id: 'a', name: 'A', category: 'premade' }] })
    const vendor = fakeUpstreamAt('/v2/voices', () => new Response(said, { status: isDown ? 500 : 200 }))
    const read = async (secondsLater: number) => {
      vi.setSystemTime(Date.now() + secondsLater * 1_000)
      const headers = { Authorization: `Bearer ${token}`, 'CF-Connecting-IP': crypto.randomUUID() }
      const request = new Request('https://neuraform.test/voice/voices', { headers })
      const response = await worker.fetch(request, environment, createExecutionContext())
      const body: Partial<VoiceCatalogue> & { code?: string } = await response.json()
      return [body.code ?? body.items?.map(({ id }) => id), vendor.bodies.length]
    }
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    expect([await read(0), await read(9)]).toEqual([
      ['upstream_unavailable', 1],
      ['upstream_unavailable', 1],
    ])
    isDown = false
    expect([await read(2), await read(599)]).toEqual([
      [['a'], 2],
      [['a'], 2],
    ])
    isDown = true
    expect([await read(2), await read(9), await read(2)]).toEqual([
      [['a'], 3],
      [['a'], 3],
      [['a'], 4],
    ])
  })
})

describe('the OpenAI dialect of speech', () => {
  it('speaks as a persona, by slug or id, and as a voice', async () => {
    const { token } = await newUser()
    const voice = fakeVoice()
    const client = openAiClientOf(token)
    for (const name of ['fuka', fuka, 'rms']) {
      const response = await client.audio.speech.create({ model: 'tts-1', input: 'Good morning.', voice: name })
      const bytes = new Uint8Array(await response.arrayBuffer())
      expect([response.headers.get('Content-Type'), new TextDecoder().decode(bytes.subarray(0, 4))]).toEqual([
        'audio/wav',
        'RIFF',
      ])
    }
    expect(voice.bodies.map(({ voice: asked, rate }) => [asked, rate])).toEqual([
      ['slt', 1.05],
      ['rms', 1],
    ])
    expect((await speak(token, 'Good morning.', { persona_id: fuka })).body.cache).toBe('hit')
  })

  it.each([
    ['a voice that nobody has', { voice: 'nobody' }],
    ['a format that is not made', { voice: 'slt', response_format: 'flac' as const }],
    ['what nobody can say', { voice: 'slt', input: '🌊' }],
    ['another pace', { voice: 'slt', speed: 2 }],
  ])('refuses %s as that API does', async (_name, more) => {
    const { token } = await newUser()
    const asked = openAiClientOf(token).audio.speech.create({ model: 'tts-1', input: 'Good morning.', ...more })
    await expect(asked).rejects.toBeInstanceOf(UnprocessableEntityError)
  })
})
