import { env } from 'cloudflare:workers'
import { describe, expect, it, vi } from 'vitest'
import type { Speech } from '#src/voice/shapes.ts'
import { call, newUser, rawCall } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { fakeVoice } from '#test/setup/upstreams.ts'
import { callWith } from '#test/setup/worker-with.ts'

const line = 'The tide is coming in.'
const body = { text: line, voice: 'slt' }

const speak = async (token: string, text = line, voice = 'slt') =>
  await call<Speech & { code?: string }>('POST', '/voice/speech', { token, body: { text, voice } })

const indexNames = async () => (await env.SPEECH_INDEX?.list())?.keys.map(({ name }) => name) ?? []

/** What is stored of a person's speech, in the database and in R2. */
async function storedOf(userId: string): Promise<{ rows: number; blobs: string[] }> {
  const rows = await asOwner('select 1 from voice_data where user_id = $1', [userId])
  const blobs = (await env.AUDIO?.list({ prefix: `u/${userId}/` }))?.objects.map(({ key }) => key) ?? []
  return { rows: rows.length, blobs }
}

const nothing = { rows: 0, blobs: [] }

/** A new person with one spoken line, and the name of its entry in the index. */
async function spokenOnce() {
  const person = await newUser()
  const before = new Set(await indexNames())
  const first = await speak(person.token)
  const entry = (await indexNames()).find((name) => !before.has(name)) ?? ''
  const r2Key = `u/${person.user.id}/v/${first.body.id}`
  return { ...person, first, entry, r2Key }
}

describe('an entry of the speech cache that is not as it was left', () => {
  type Spoken = Awaited<ReturnType<typeof spokenOnce>>
  it.each([
    ['whose bytes are gone', async ({ r2Key }: Spoken) => await env.AUDIO?.delete(r2Key)],
    ['whose bytes are cut', async ({ r2Key }: Spoken) => await env.AUDIO?.put(r2Key, 'RIFF')],
    [
      'whose track is damaged in both stores',
      async ({ entry, r2Key }: Spoken) => {
        await env.SPEECH_INDEX?.delete(entry)
        await env.AUDIO?.put(`${r2Key}/track`, 'AAAA')
      },
    ],
  ])('%s is a miss, and then a hit again', async (_name, damage) => {
    const spoken = await spokenOnce()
    const voice = fakeVoice()
    await damage(spoken)
    const [repaired, again] = [await speak(spoken.token), await speak(spoken.token)]
    expect([repaired.status, repaired.body.cache, again.body.cache]).toEqual([200, 'miss', 'hit'])
    expect(voice.bodies.length).toBe(1)
    const audio = await (await rawCall('GET', again.body.audio_url)).arrayBuffer()
    expect([audio.byteLength, again.body.id]).toEqual([spoken.first.body.audio_bytes, repaired.body.id])
    const stored = await storedOf(spoken.user.id)
    expect([stored.rows, stored.blobs]).toEqual([
      1,
      [again.body.id, `${again.body.id}/track`].map((id) => `u/${spoken.user.id}/v/${id}`),
    ])
  })

  it.each([
    ['is gone', async (entry: string) => await env.SPEECH_INDEX?.delete(entry)],
    ['is not JSON', async (entry: string) => await env.SPEECH_INDEX?.put(entry, '{"id":')],
    ['is another thing', async (entry: string) => await env.SPEECH_INDEX?.put(entry, '{"id":1}')],
    ['is empty', async (entry: string) => await env.SPEECH_INDEX?.put(entry, '')],
  ])('is made anew from what lies beside the audio where it %s, and nobody is asked', async (_name, damage) => {
    const spoken = await spokenOnce()
    const voice = fakeVoice()
    await damage(spoken.entry)
    const again = await speak(spoken.token)
    expect([again.status, again.body.cache, again.body.words, voice.bodies]).toEqual([
      200,
      'hit',
      spoken.first.body.words,
      [],
    ])
    await vi.waitFor(async () => expect(await env.SPEECH_INDEX?.get(spoken.entry)).toContain(again.body.id))
  })
})

describe('a voice that fails', () => {
  const wav = (bytes: number[]) =>
    Response.json({ audio_base64: btoa(String.fromCodePoint(...bytes)), content_type: 'audio/wav' })
  const withoutEnd = () =>
    new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(4_000_000)) })
  const text = (characters: string) => Array.from(characters, (character) => character.codePointAt(0) ?? 0)

  it.each([
    ['is down', () => new Response('secret', { status: 500 }), 503, 'upstream_unavailable'],
    ['has enough of us', () => new Response('secret', { status: 429 }), 503, 'upstream_unavailable'],
    ['knows no such key', () => new Response('secret', { status: 401 }), 503, 'upstream_unavailable'],
    ['points elsewhere', () => Response.redirect('https://elsewhere.test/'), 503, 'upstream_unavailable'],
    ['cannot be reached', () => Promise.reject(new TypeError('secret')), 503, 'upstream_unavailable'],
    ['answers with a page', () => new Response('<html>secret'), 502, 'upstream_nonsense'],
    ['answers with nothing', () => new Response(''), 502, 'upstream_nonsense'],
    [
      'answers with no base64',
      () => Response.json({ audio_base64: '!', content_type: 'audio/wav' }),
      502,
      'upstream_nonsense',
    ],
    [
      'answers with a song',
      () => Response.json({ audio_base64: '', content_type: 'audio/mpeg' }),
      502,
      'upstream_nonsense',
    ],
    ['answers with what is no WAV', () => wav(text('x'.repeat(100))), 502, 'upstream_nonsense'],
    ['answers with half of a header', () => wav(text('RIFF0000WAVEfmt ')), 502, 'upstream_nonsense'],
    [
      'promises more than anybody says',
      () => new Response(new ReadableStream(), { headers: { 'Content-Length': '60000000' } }),
      502,
      'upstream_nonsense',
    ],
    ['says more than anybody says', () => new Response(withoutEnd()), 502, 'upstream_nonsense'],
    ['never answers', () => new Promise<Response>(() => undefined), 504, 'deadline_exceeded'],
    ['cannot say it', () => new Response('secret', { status: 422 }), 422, 'speech_refused'],
  ] as const)(
    'because it %s is told so, keeps nothing, and may be asked again',
    async (_name, answer, status, code) => {
      const { token, user } = await newUser()
      const { signals } = fakeVoice(async (number) => (number === 1 ? await answer() : await theVoice()))
      const startedAt = Date.now()
      const failed = await callWith({ SPEECH_DEADLINE_MS: '500' }, 'POST', '/voice/speech', { token, body })
      expect([failed.status, failed.body]).toEqual([status, expect.objectContaining({ code })])
      expect(JSON.stringify(failed.body)).not.toContain('secret')
      expect(Date.now() - startedAt).toBeLessThan(5_000)
      expect(signals[0]?.aborted).toBe(true)
      expect(await storedOf(user.id)).toEqual(nothing)
      const next = await speak(token)
      expect([next.status, next.body.cache]).toEqual([200, 'miss'])
    },
  )

  const trueFetch = globalThis.fetch
  const theVoice = async () =>
    await trueFetch(`${String(env['SPEECH_BASE_URL'])}/offline/speech`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ text: line, voice: 'slt' }),
    })

  it.each([
    ['a text in which nothing can be heard', '🌊 … 🌊', 'slt'],
    ['a voice that it does not have', line, 'nobody'],
  ])('refuses %s', async (_name, spoken, voice) => {
    const { token, user } = await newUser()
    const { status, body: problem } = await speak(token, spoken, voice)
    expect([status, problem.code, await storedOf(user.id)]).toEqual([422, 'speech_refused', nothing])
  })
})

async function fail(): Promise<never> {
  throw new Error('the store is down')
}

describe('a store that fails', () => {
  const bucket = env.AUDIO as R2Bucket
  const deaf = { get: fail, put: fail, delete: fail }

  it('to keep or tell the index costs nobody a provider call', async () => {
    const { token } = await newUser()
    const voice = fakeVoice()
    const outcomes = []
    for (const _ of [1, 2]) {
      const SPEECH_INDEX = deaf as unknown as KVNamespace
      const spoken = await callWith<Speech>({ SPEECH_INDEX }, 'POST', '/voice/speech', { token, body })
      outcomes.push([spoken.status, spoken.body.cache, (await rawCall('GET', spoken.body.audio_url)).status])
    }
    expect([outcomes, voice.bodies.length]).toEqual([
      [
        [200, 'miss', 200],
        [200, 'hit', 200],
      ],
      1,
    ])
  })

  const failTrack = async (key: string) => {
    if (key.endsWith('/track')) await fail()
  }
  const lameBuckets: readonly (readonly [string, object])[] = [
    ['to take the audio', { head: fail, get: fail, put: fail, delete: fail }],
    ['to take the track', { put: failTrack, delete: fail }],
  ]

  it.each(lameBuckets)(
    '%s costs a provider call each time, and the line is heard all the same',
    async (_name, methods) => {
      const { token, user } = await newUser()
      const before = await indexNames()
      const AUDIO = methods as unknown as R2Bucket
      const spoken = await callWith<Speech>({ AUDIO }, 'POST', '/voice/speech', { token, body })
      const audio = new Uint8Array(await (await trueFetch(spoken.body.audio_url)).arrayBuffer())
      expect([spoken.status, spoken.body.cache, audio.length]).toEqual([200, 'miss', spoken.body.audio_bytes])
      expect([spoken.body.audio_url.slice(0, 22), new TextDecoder().decode(audio.subarray(0, 4))]).toEqual([
        'data:audio/wav;base64,',
        'RIFF',
      ])
      expect([(await storedOf(user.id)).rows, (await indexNames()).length - before.length]).toEqual([0, 0])
      expect((await speak(token)).body.cache).toBe('miss')
    },
  )

  it('to hand the audio out is 503', async () => {
    const { token } = await newUser()
    const { audio_url: url } = (await speak(token)).body
    const { pathname, search } = new URL(url)
    for (const broken of [{ head: fail }, { head: async (key: string) => await bucket.head(key), get: fail }]) {
      const AUDIO = broken as unknown as R2Bucket
      const answer = await callWith({ AUDIO }, 'GET', pathname + search)
      expect([answer.status, answer.headers.get('Retry-After'), answer.body['code']]).toEqual([503, '2', 'unavailable'])
    }
  })

  it('to record a line whose session ended meanwhile leaves no blob, row or entry behind', async () => {
    const { token, user } = await newUser()
    const before = await indexNames()
    fakeVoice(async (_number, init) => {
      await call('POST', '/auth/logout', { token })
      return await realVoice(init)
    })
    const refused = await callWith({}, 'POST', '/voice/speech', { token, body })
    expect([refused.status, await storedOf(user.id), await indexNames()]).toEqual([401, nothing, before])
  })

  const trueFetch = globalThis.fetch
  const realVoice = async (init: RequestInit | undefined) =>
    await trueFetch(`${String(env['SPEECH_BASE_URL'])}/offline/speech`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: String(init?.body),
    })
})
