import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { call, fuka, newUser, rawCall, type Answer } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { callWith } from '#test/setup/worker-with.ts'
import type { Speech } from '#src/voice/shapes.ts'

const outside = globalThis.fetch
const line = 'Good evening, little star.'

afterEach(() => {
  vi.unstubAllGlobals()
})

/** Counts what the voice is asked, and may answer in its place. */
function watchVoice(answer?: () => Response | Promise<Response>): { calls: number } {
  const seen = { calls: 0 }
  vi.stubGlobal('fetch', async (input: RequestInfo | URL, init?: RequestInit) => {
    if (!String(input).endsWith('/offline/speech')) return await outside(input, init)
    seen.calls += 1
    return answer === undefined ? await outside(input, init) : await answer()
  })
  return seen
}

async function speak(
  token: string,
  text = line,
  more: Record<string, unknown> = { voice: 'slt' },
): Promise<Answer<Speech>> {
  return await call<Speech>('POST', '/voice/speech', { token, body: { text, ...more } })
}

const indexEntries = async () => (await env.SPEECH_INDEX?.list())?.keys.map(({ name }) => name) ?? []

describe('speech', () => {
  it('is made once for a line and a voice, and then comes from the cache', async () => {
    const { token, user } = await newUser()
    const voice = watchVoice()
    const first = await speak(token)
    const again = await speak(token, `  Good evening,\n little   star. `)
    expect([first.status, first.body.cache, again.body.cache, voice.calls]).toEqual([200, 'miss', 'hit', 1])
    expect([again.body.id, again.body.duration_ms]).toEqual([first.body.id, first.body.duration_ms])
    await speak(token, line, { voice: 'rms' })
    await speak(token, line, { persona_id: fuka })
    expect(voice.calls).toBe(3)
    const rows = await asOwner('select kind, provider from voice_data where user_id = $1', [user.id])
    expect(rows).toEqual(Array.from({ length: 3 }, () => ({ kind: 'speech', provider: 'offline' })))
  })

  it('is real audio of the length that it says', async () => {
    const { token } = await newUser()
    const { body } = await speak(token)
    const audio = new Uint8Array(await (await rawCall('GET', body.audio_url)).arrayBuffer())
    const view = new DataView(audio.buffer)
    expect([new TextDecoder().decode(audio.subarray(0, 4)), audio.length]).toEqual(['RIFF', body.audio_bytes])
    const seconds = (audio.length - 44) / view.getUint32(28, true)
    expect(Math.abs(body.duration_ms - seconds * 1_000)).toBeLessThan(2)
    expect(body.duration_ms).toBeGreaterThan(500)
  })

  it('tells nobody what another person was told', async () => {
    const [one, two] = [await newUser(), await newUser()]
    const voice = watchVoice()
    await speak(one.token)
    expect((await speak(two.token)).body.cache).toBe('miss')
    expect(voice.calls).toBe(2)
    const keys = [...(await indexEntries()), ...((await env.AUDIO?.list())?.objects.map(({ key }) => key) ?? [])]
    expect(keys.filter((key) => !/^(speech\/1\/[0-9a-f]{64}|u\/[0-9a-f-]{36}\/v\/[0-9a-f-]{36})$/.test(key))).toEqual(
      [],
    )
  })

  it('repairs an entry whose bytes are gone, or that makes no sense', async () => {
    const { token, user } = await newUser()
    const before = new Set(await indexEntries())
    const voice = watchVoice()
    const first = await speak(token)
    await env.AUDIO?.delete(`u/${user.id}/v/${first.body.id}`)
    expect([(await speak(token)).body.cache, (await speak(token)).body.cache]).toEqual(['miss', 'hit'])
    const key = (await indexEntries()).find((name) => !before.has(name)) ?? ''
    await env.SPEECH_INDEX?.put(key, '{"id":1}')
    expect([(await speak(token)).body.cache, voice.calls]).toEqual(['miss', 3])
  })

  it.each([
    ['is down', () => new Response('', { status: 500 }), 503, 'upstream_unavailable'],
    ['cannot be reached', () => Promise.reject(new TypeError('refused')), 503, 'upstream_unavailable'],
    [
      'answers nonsense',
      () => new Response('{"audio_base64":"AAAA","content_type":"audio/wav"}'),
      502,
      'upstream_nonsense',
    ],
    ['cannot say it', () => new Response('{}', { status: 400 }), 422, 'speech_refused'],
  ])('says so when the voice %s, and keeps nothing', async (_name, answer, status, code) => {
    const { token, user } = await newUser()
    watchVoice(answer)
    const failed = await speak(token)
    expect([failed.status, failed.body]).toEqual([status, expect.objectContaining({ code })])
    expect(await asOwner('select 1 from voice_data where user_id = $1', [user.id])).toEqual([])
    vi.unstubAllGlobals()
    expect((await speak(token)).body.cache).toBe('miss')
  })

  it('costs a provider call, not an error, while KV fails, and is refused while R2 does', async () => {
    const { token, user } = await newUser()
    const fail = async () => await Promise.reject(new Error('the store is down'))
    const body = { text: line, voice: 'slt' }
    const deafIndex = { get: fail, put: fail, delete: fail } as unknown as KVNamespace
    const spoken = await callWith<Speech>({ SPEECH_INDEX: deafIndex }, 'POST', '/voice/speech', { token, body })
    expect([spoken.status, spoken.body.cache]).toEqual([200, 'miss'])
    await asOwner('delete from voice_data where user_id = $1', [user.id])
    const fullBucket = { head: fail, put: fail, delete: fail } as unknown as R2Bucket
    const refused = await callWith({ AUDIO: fullBucket }, 'POST', '/voice/speech', { token, body })
    expect([refused.status, refused.body]).toEqual([503, expect.objectContaining({ code: 'unavailable' })])
    expect(await asOwner('select 1 from voice_data where user_id = $1', [user.id])).toEqual([])
  })

  it('in the voice of a hidden persona is as absent as one that is not there', async () => {
    const { token } = await newUser()
    expect((await speak(token, line, { persona_id: '01900000-0000-7000-8000-000000000000' })).status).toBe(404)
    expect((await speak(token, line, {})).status).toBe(422)
  })
})

describe('audio', () => {
  const play = async (url: string, headers: Record<string, string> = {}, method = 'GET') => {
    const response = await rawCall(method, url, { headers })
    return { status: response.status, headers: response.headers, bytes: new Uint8Array(await response.arrayBuffer()) }
  }

  it('comes whole, or as the one range that was asked for', async () => {
    const { token } = await newUser()
    const { body } = await speak(token)
    const whole = await play(body.audio_url)
    const size = whole.bytes.length
    expect([whole.status, whole.headers.get('Accept-Ranges')]).toEqual([200, 'bytes'])
    for (const [range, first, last] of [
      ['bytes=0-99', 0, 99],
      ['bytes=100-', 100, size - 1],
      ['bytes=-50', size - 50, size - 1],
      [`bytes=10-${size * 2}`, 10, size - 1],
    ] as const) {
      const part = await play(body.audio_url, { Range: range })
      expect([range, part.status, part.headers.get('Content-Range')]).toEqual([
        range,
        206,
        `bytes ${first}-${last}/${size}`,
      ])
      expect(part.bytes).toEqual(whole.bytes.slice(first, last + 1))
      expect(part.headers.get('Content-Length')).toBe(String(last - first + 1))
    }
    for (const range of ['bytes=5-2', 'bytes=0-1,4-5', 'lines=1-2', 'bytes=', `bytes=${'0-1,'.repeat(10_000)}`]) {
      expect([range.slice(0, 12), (await play(body.audio_url, { Range: range })).status]).toEqual([
        range.slice(0, 12),
        200,
      ])
    }
    const beyond = await play(body.audio_url, { Range: `bytes=${size}-` })
    expect([beyond.status, beyond.headers.get('Content-Range')]).toEqual([416, `bytes */${size}`])
    expect(new TextDecoder().decode(beyond.bytes)).toContain('range_not_satisfiable')
  })

  it('is not sent again to who has it, and its head is that of the whole', async () => {
    const { token } = await newUser()
    const { body } = await speak(token)
    const whole = await play(body.audio_url)
    const etag = whole.headers.get('ETag') ?? ''
    expect((await play(body.audio_url, { 'If-None-Match': etag })).status).toBe(304)
    expect((await play(body.audio_url, { Range: 'bytes=0-9', 'If-Range': etag })).status).toBe(206)
    expect((await play(body.audio_url, { Range: 'bytes=0-9', 'If-Range': '"other"' })).status).toBe(200)
    const head = await play(body.audio_url, {}, 'HEAD')
    expect([head.status, head.bytes.length, head.headers.get('ETag')]).toEqual([200, 0, etag])
    expect(head.headers.get('Content-Type')).toBe('audio/wav')
  })

  it('is for who holds its URL, until that expires or the account goes', async () => {
    const { token } = await newUser()
    const { body } = await speak(token)
    const url = new URL(body.audio_url)
    const other = await speak(token, 'Another line.')
    const altered = body.audio_url.replace(
      /\.(.)([^.]*)$/,
      (_, one: string, rest: string) => `.${one === 'A' ? 'B' : 'A'}${rest}`,
    )
    const swapped = `${url.origin}${new URL(other.body.audio_url).pathname}${url.search}`
    for (const wrong of [altered, swapped, `${url.origin}${url.pathname}?token=x`]) {
      expect((await play(wrong)).status).toBe(404)
    }
    vi.useFakeTimers({ now: Date.now() + 3_700_000, toFake: ['Date'] })
    expect((await play(body.audio_url)).status).toBe(404)
    vi.useRealTimers()
    expect((await play(body.audio_url)).status).toBe(200)
    await call('DELETE', '/auth/account', { token })
    expect((await play(body.audio_url)).status).toBe(404)
  })
})
