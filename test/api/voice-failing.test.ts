import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
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
    ['that is gone', async ({ entry }: Spoken) => await env.SPEECH_INDEX?.delete(entry)],
    ['that is not JSON', async ({ entry }: Spoken) => await env.SPEECH_INDEX?.put(entry, '{"id":')],
    ['that is another thing', async ({ entry }: Spoken) => await env.SPEECH_INDEX?.put(entry, '{"id":1}')],
    ['that is empty', async ({ entry }: Spoken) => await env.SPEECH_INDEX?.put(entry, '')],
  ])('%s is a miss, and then a hit again', async (_name, damage) => {
    const spoken = await spokenOnce()
    const voice = fakeVoice()
    await damage(spoken)
    const [repaired, again] = [await speak(spoken.token), await speak(spoken.token)]
    expect([repaired.status, repaired.body.cache, again.body.cache]).toEqual([200, 'miss', 'hit'])
    expect(voice.bodies.length).toBe(1)
    const audio = await (await rawCall('GET', again.body.audio_url)).arrayBuffer()
    expect([audio.byteLength, again.body.id]).toEqual([spoken.first.body.audio_bytes, repaired.body.id])
    expect((await storedOf(spoken.user.id)).rows).toBe(1)
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
      () => new Response(new ReadableStream(), { headers: { 'Content-Length': '30000000' } }),
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
      expect(signals[0]?.aborted).toBe(code === 'deadline_exceeded')
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

describe('a store that fails', () => {
  const fail = async () => await Promise.reject(new Error('the store is down'))
  const index = env.SPEECH_INDEX as KVNamespace
  const bucket = env.AUDIO as R2Bucket
  const withIndex = (methods: object) => ({ SPEECH_INDEX: Object.assign(Object.create(index), methods) as KVNamespace })
  const deaf = { get: fail, put: fail, delete: fail }

  it('to tell what it holds costs a provider call, not an error', async () => {
    const { token } = await newUser()
    const voice = fakeVoice()
    for (const _ of [1, 2]) {
      const spoken = await callWith<Speech>({ SPEECH_INDEX: deaf as unknown as KVNamespace }, 'POST', '/voice/speech', {
        token,
        body,
      })
      expect([spoken.status, spoken.body.cache]).toEqual([200, 'miss'])
      expect((await rawCall('GET', spoken.body.audio_url)).status).toBe(200)
    }
    expect(voice.bodies.length).toBe(2)
    expect([(await speak(token)).body.cache, (await speak(token)).body.cache]).toEqual(['miss', 'hit'])
  })

  it('to remember costs the next request a provider call', async () => {
    const { token } = await newUser()
    const put = { get: async (name: string, type: 'json') => await index.get(name, type), put: fail }
    const spoken = await callWith<Speech>(withIndex(put), 'POST', '/voice/speech', { token, body })
    expect([spoken.status, spoken.body.cache]).toEqual([200, 'miss'])
    expect([(await speak(token)).body.cache, (await speak(token)).body.cache]).toEqual(['miss', 'hit'])
  })

  it('to keep the audio is 503, with no row and nothing remembered', async () => {
    const { token, user } = await newUser()
    const before = await indexNames()
    const AUDIO = { head: fail, get: fail, put: fail, delete: fail } as unknown as R2Bucket
    const refused = await callWith({ AUDIO }, 'POST', '/voice/speech', { token, body })
    expect([refused.status, refused.headers.get('Retry-After'), refused.body['code']]).toEqual([
      503,
      '2',
      'unavailable',
    ])
    expect([await storedOf(user.id), await indexNames()]).toEqual([nothing, before])
    expect((await speak(token)).body.cache).toBe('miss')
  })

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
