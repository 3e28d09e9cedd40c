import { env } from 'cloudflare:workers'
import { describe, expect, inject, it } from 'vitest'
import type { Speech } from '#src/voice/shapes.ts'
import { newPersona } from '#test/setup/catalogue.ts'
import { call, fuka, newUser, rawCall, type Answer } from '#test/setup/client.ts'
import { everythingStored } from '#test/setup/full-life.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { fakeVoice } from '#test/setup/upstreams.ts'

const line = 'Good evening, little star.'

async function speak(token: string, text = line, more: Record<string, unknown> = { voice: 'slt' }) {
  return await call<Speech & { code?: string }>('POST', '/voice/speech', { token, body: { text, ...more } })
}

const outcome = ({ status, body }: Answer<Speech>) => [status, body.cache]
const flightsOf = ({ headers }: { headers: Headers }) => headers.get('Server-Timing')

async function audioOf({ body }: Answer<Speech>): Promise<Uint8Array> {
  const response = await rawCall('GET', body.audio_url)
  expect(response.status).toBe(200)
  return new Uint8Array(await response.arrayBuffer())
}

describe('speech', () => {
  it('is real audio of the length that it says, and is on record', async () => {
    const { token, user } = await newUser()
    const before = Date.now()
    const { status, body, headers } = await speak(token)
    const audio = await audioOf({ status, body, headers })
    expect([status, body]).toEqual([
      200,
      {
        id: body.id,
        audio_url: expect.stringMatching(`^https://neuraform\\.test/voice/audio/${body.id}\\?token=`),
        audio_url_expires_at: body.audio_url_expires_at,
        content_type: 'audio/wav',
        audio_bytes: audio.length,
        duration_ms: body.duration_ms,
        text: line,
        words: body.words,
        visemes: body.visemes,
        emotions: [{ t: 0, expression: 'neutral', weight: 1 }],
        source: 'aligned',
        cache: 'miss',
      },
    ])
    expect(body.words.map(({ text }) => text)).toEqual(['Good', 'evening,', 'little', 'star.'])
    expect(body.visemes.reduce((sum, { d }) => sum + d, 0)).toBe(body.duration_ms)
    const lifetimeMs = Date.parse(body.audio_url_expires_at) - before
    expect(Math.abs(lifetimeMs - 3_600_000)).toBeLessThan(10_000)
    const view = new DataView(audio.buffer)
    const tagAt = (at: number) => new TextDecoder().decode(audio.subarray(at, at + 4))
    expect([tagAt(0), view.getUint32(4, true), tagAt(8), tagAt(36)]).toEqual(['RIFF', audio.length - 8, 'WAVE', 'data'])
    const pcm = audio.subarray(44)
    expect([view.getUint32(40, true), view.getUint16(34, true)]).toEqual([pcm.length, 16])
    expect(body.duration_ms).toBe(Math.round((pcm.length * 1_000) / view.getUint32(28, true)))
    expect(body.duration_ms).toBeGreaterThan(1_000)
    expect(new Set(pcm).size).toBeGreaterThan(100)
    expect(
      await asOwner(
        `select id, kind, r2_key, audio_bytes, duration_ms, codec, voice, provider, expires_at from voice_data where user_id = $1`,
        [user.id],
      ),
    ).toEqual([
      {
        id: body.id,
        kind: 'speech',
        r2_key: `u/${user.id}/v/${body.id}`,
        audio_bytes: audio.length,
        duration_ms: body.duration_ms,
        codec: 'wav',
        voice: 'slt',
        provider: 'offline',
        expires_at: null,
      },
    ])
  })

  it('is made once for a line, however it is spaced or composed; a hit asks nobody', async () => {
    const { token, user } = await newUser()
    const voice = fakeVoice()
    const first = await speak(token, 'Café by the sea.')
    expect([outcome(first), flightsOf(first)]).toEqual([[200, 'miss'], 'db;desc="2 flights"'])
    for (const text of ['Café by the sea.', ' Cafe\u0301  by\n\tthe\u00a0sea. ']) {
      const again = await speak(token, text)
      expect([outcome(again), flightsOf(again)]).toEqual([[200, 'hit'], 'db;desc="1 flight"'])
      expect(await audioOf(again)).toEqual(await audioOf(first))
      expect({ ...again.body, ...volatile }).toEqual({ ...first.body, ...volatile, cache: 'hit' })
    }
    expect(voice.bodies).toEqual([{ text: 'Café by the sea.', voice: 'slt', rate: 1 }])
    expect((await asOwner('select 1 from voice_data where user_id = $1', [user.id])).length).toBe(1)
  })

  const volatile = { audio_url: '', audio_url_expires_at: '' }

  it('is made anew for other words, another voice and another pace', async () => {
    const { token, user } = await newUser()
    const voice = fakeVoice()
    const own = await newPersona({ ownerId: user.id, voiceConfig: { voices: { offline: 'slt' }, rate: 0.8 } })
    const odd = await newPersona({ ownerId: user.id, voiceConfig: { voices: 7, rate: 'fast' } })
    const same = await newPersona({ ownerId: user.id, voiceConfig: { rate: 0.8, voices: { openai: 'nova' } } })
    const answers = [
      await speak(token),
      await speak(token, 'good evening, little star.'),
      await speak(token, 'Good evening, little star!'),
      await speak(token, line, { voice: 'rms' }),
      await speak(token, line, { persona_id: fuka }),
      await speak(token, line, { persona_id: own }),
      await speak(token, line, { persona_id: odd }),
      await speak(token, line, { persona_id: same }),
    ]
    expect(answers.map(outcome)).toEqual([...Array.from({ length: 7 }, () => [200, 'miss']), [200, 'hit']])
    expect(voice.bodies.map(({ voice: name, rate }) => [name, rate])).toEqual([
      ['slt', 1],
      ['slt', 1],
      ['slt', 1],
      ['rms', 1],
      ['slt', 1.05],
      ['slt', 0.8],
      ['slt', 1],
    ])
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(7)
    expect(answers[5]?.body.duration_ms).toBeGreaterThan(answers[0]?.body.duration_ms ?? Infinity)
  })

  it('tells nobody what another person was told', async () => {
    const [one, two] = [await newUser(), await newUser()]
    const voice = fakeVoice()
    const [first, second] = [await speak(one.token), await speak(two.token)]
    expect([outcome(first), outcome(second), voice.bodies.length]).toEqual([[200, 'miss'], [200, 'miss'], 2])
    expect([outcome(await speak(one.token)), outcome(await speak(two.token))]).toEqual([
      [200, 'hit'],
      [200, 'hit'],
    ])
    expect(first.body.id).not.toBe(second.body.id)
  })

  it('leaves no word of the line in KV or R2, neither in a name nor in a value', async () => {
    const { token, user } = await newUser()
    const tag = `canary ${crypto.randomUUID()}`
    const { body } = await speak(token, tag)
    const { kv, r2 } = await everythingStored()
    expect([...kv, ...r2].filter((entry) => entry.includes('canary') || entry.includes(tag.slice(7)))).toEqual([])
    const names = [...kv, ...r2].map((entry) => (JSON.parse(entry) as [string | { name: string }])[0])
    const keys = names.map((name) => (typeof name === 'string' ? name : name.name))
    expect(keys).toContain(`u/${user.id}/v/${body.id}`)
    const known =
      /^(speech\/2\/([0-9a-f-]{36}|shared)\/[0-9a-f]{64}|(u\/[0-9a-f-]{36}|shared)\/[vr]\/[0-9a-f-]{36}(\/track)?)$/
    expect(keys.filter((key) => !known.test(key))).toEqual([])
  })

  it.each([
    ['a hidden persona', async () => ({ persona_id: await newPersona() })],
    ['a persona that is not there', async () => ({ persona_id: crypto.randomUUID() })],
  ])('in the voice of %s is 404, and asks nobody', async (_name, voice) => {
    const { token } = await newUser()
    const { bodies } = fakeVoice()
    const { status, body } = await speak(token, line, await voice())
    expect([status, body, bodies]).toEqual([
      404,
      { type: 'urn:neuraform:problem:not_found', title: 'There is nothing here.', status: 404, code: 'not_found' },
      [],
    ])
  })

  it.each([
    ['in no voice', line, {}],
    ['in two voices', line, { voice: 'slt', persona_id: fuka }],
    ['in another format', line, { voice: 'slt', format: 'ogg' }],
    ['in a format that it does not make', line, { voice: 'slt', format: 'mp3' }, 'speech_refused'],
    ['of what nobody speaks', '🌊 *waves* 🌊', { voice: 'slt' }, 'speech_refused'],
    ['of nothing', ' \n ', { voice: 'slt' }],
    ['of too much', 'x'.repeat(3_001), { voice: 'slt' }],
    ['with NUL', 'a\0', { voice: 'slt' }],
    ['with what it does not know', line, { voice: 'slt', rate: 2 }],
  ])('%s is refused', async (_name, text, more, code = 'invalid_body') => {
    const { token } = await newUser()
    const { status, body } = await speak(token, text, more)
    expect([status, body.code]).toEqual([422, code])
  })

  it('needs a live session for a hit as well', async () => {
    const { token } = await newUser()
    await speak(token)
    await call('POST', '/auth/logout', { token })
    expect((await speak(token)).status).toBe(401)
  })

  it('reaches the local voice', () => {
    expect(env['SPEECH_BASE_URL']).toBe(inject('stack').upstreamOrigin)
  })
})
