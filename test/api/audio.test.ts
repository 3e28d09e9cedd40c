import { env } from 'cloudflare:workers'
import { describe, expect, it, vi } from 'vitest'
import type { ConversationPage } from '#src/conversations/shapes.ts'
import type { Speech } from '#src/voice/shapes.ts'
import { call, newUser, rawCall } from '#test/setup/client.ts'
import { newConversation } from '#test/setup/talk.ts'
import { callWith } from '#test/setup/worker-with.ts'

async function speak(token: string, text = 'The lamp turns all night.') {
  return (await call<Speech>('POST', '/voice/speech', { token, body: { text, voice: 'slt' } })).body
}

async function play(url: string, headers: Record<string, string> = {}, method = 'GET') {
  const response = await rawCall(method, url, { headers })
  return { status: response.status, headers: response.headers, bytes: new Uint8Array(await response.arrayBuffer()) }
}

const newAudio = async () => {
  const { token, user } = await newUser()
  const speech = await speak(token)
  return { token, user, speech, url: speech.audio_url, whole: await play(speech.audio_url) }
}

describe('audio', () => {
  it('comes whole, to anybody who holds its URL, without a flight', async () => {
    const { speech, whole, user } = await newAudio()
    expect([whole.status, whole.bytes.length]).toEqual([200, speech.audio_bytes])
    const stored = await env.AUDIO?.get(`u/${user.id}/v/${speech.id}`)
    expect(whole.bytes).toEqual(new Uint8Array((await stored?.arrayBuffer()) ?? []))
    expect(Object.fromEntries(whole.headers)).toMatchObject({
      'content-type': 'audio/wav',
      'content-length': String(speech.audio_bytes),
      'accept-ranges': 'bytes',
      'cache-control': 'private, max-age=3600',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'server-timing': 'db;desc="0 flights"',
      etag: `"${speech.id}"`,
    })
    expect(whole.headers.get('Content-Range')).toBe(null)
  })

  it('comes as the one range that was asked for', async () => {
    const { url, whole } = await newAudio()
    const size = whole.bytes.length
    for (const [range, first, last] of [
      ['bytes=0-99', 0, 99],
      ['bytes=0-0', 0, 0],
      [`bytes=${size - 1}-`, size - 1, size - 1],
      ['bytes=0-', 0, size - 1],
      ['bytes=100-', 100, size - 1],
      ['bytes=-50', size - 50, size - 1],
      [`bytes=-${size * 2}`, 0, size - 1],
      [`bytes=10-${size * 2}`, 10, size - 1],
      ['bytes=10-999999999999999', 10, size - 1],
    ] as const) {
      const part = await play(url, { Range: range })
      expect([range, part.status, part.headers.get('Content-Range'), part.headers.get('Content-Length')]).toEqual([
        range,
        206,
        `bytes ${first}-${last}/${size}`,
        String(last - first + 1),
      ])
      expect(part.bytes).toEqual(whole.bytes.slice(first, last + 1))
      expect(part.headers.get('ETag')).toBe(whole.headers.get('ETag'))
    }
  })

  it.each([
    'bytes=5-2',
    'bytes=0-1,4-5',
    'bytes=0-1, 1-2',
    'bytes=-5,-6',
    `bytes=${'0-1,'.repeat(10_000)}0-1`,
    `bytes=0-${'9'.repeat(400)}`,
    `bytes=${'9'.repeat(400)}-`,
    'lines=1-2',
    'bytes=',
    'bytes=-',
    'bytes',
    'bytes=a-b',
    'bytes=0x0-0x1',
    'bytes=1.5-2',
    'bytes=--1',
    'bytes = 0-1',
  ])('comes whole where the range is nothing that it serves: %.20s', async (range) => {
    const { url, whole } = await newAudio()
    const answer = await play(url, { Range: range })
    expect([answer.status, answer.headers.get('Content-Range')]).toEqual([200, null])
    expect(answer.bytes).toEqual(whole.bytes)
  })

  it('says how long it is to who asks beyond its end', async () => {
    const { url, whole } = await newAudio()
    const size = whole.bytes.length
    for (const range of [`bytes=${size}-`, `bytes=${size}-${size + 5}`, 'bytes=999999999999999-', 'bytes=-0']) {
      const beyond = await play(url, { Range: range })
      expect([range, beyond.status, beyond.headers.get('Content-Range')]).toEqual([range, 416, `bytes */${size}`])
      expect(JSON.parse(new TextDecoder().decode(beyond.bytes))).toMatchObject({ code: 'range_not_satisfiable' })
    }
  })

  it('is not sent again to who has it', async () => {
    const { url, whole } = await newAudio()
    const etag = whole.headers.get('ETag') ?? ''
    for (const header of [etag, `W/${etag}`, `"a", ${etag}`, '*']) {
      const again = await play(url, { 'If-None-Match': header, Range: 'bytes=0-9' })
      expect([header, again.status, again.bytes.length, again.headers.get('ETag')]).toEqual([header, 304, 0, etag])
    }
    expect((await play(url, { 'If-None-Match': '"other"' })).status).toBe(200)
  })

  it('goes on where it was cut only while it is the same', async () => {
    const { url, whole } = await newAudio()
    const etag = whole.headers.get('ETag') ?? ''
    const statuses = await Promise.all(
      [etag, '"other"', `W/${etag}`, 'Wed, 21 Oct 2026 07:28:00 GMT'].map(
        async (ifRange) => (await play(url, { Range: 'bytes=0-9', 'If-Range': ifRange })).status,
      ),
    )
    expect(statuses).toEqual([206, 200, 200, 200])
  })

  it('tells a HEAD what a GET of the whole would, whatever range it names', async () => {
    const { url, whole } = await newAudio()
    const saying = ({ headers }: { headers: Headers }) =>
      Object.fromEntries([...headers].filter(([name]) => name !== 'x-request-id'))
    for (const headers of [{}, { Range: 'bytes=0-9' }, { Range: `bytes=${whole.bytes.length}-` }]) {
      const head = await play(url, headers, 'HEAD')
      expect([head.status, head.bytes.length, saying(head)]).toEqual([200, 0, saying(whole)])
    }
    const etag = whole.headers.get('ETag') ?? ''
    expect((await play(url, { 'If-None-Match': etag }, 'HEAD')).status).toBe(304)
  })

  it('is only read: no other method does anything', async () => {
    const { url } = await newAudio()
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      const { status, headers } = await play(url, {}, method)
      expect([method, status, headers.get('Allow')]).toEqual([method, 405, 'GET, HEAD, OPTIONS'])
    }
    expect((await play(url)).status).toBe(200)
  })
})

describe('the URL of audio', () => {
  it('that is altered, swapped, of another kind or too short is 404, as what is not there', async () => {
    const { token, user, url } = await newAudio()
    const other = new URL((await speak(token, 'Another line.')).audio_url)
    const { origin, pathname, searchParams } = new URL(url)
    const signed = searchParams.get('token') ?? ''
    await Promise.all([newConversation(token), newConversation(token)])
    const page = await call<ConversationPage>('GET', '/conversations?limit=1', { token })
    const at = Math.floor(signed.length / 2)
    const flipped = signed.slice(0, at) + (signed[at] === 'A' ? 'B' : 'A') + signed.slice(at + 1)
    const attempts = [
      `${pathname}?token=${flipped}`,
      `${pathname}?token=${signed.slice(0, -2)}`,
      `${pathname}?token=${signed}A`,
      `${pathname}?token=`,
      `${pathname}?token=${page.body.next_cursor}`,
      `${pathname}?token=${token}`,
      `${other.pathname}?token=${signed}`,
      `${pathname}${other.search}`,
      `/voice/audio/${crypto.randomUUID()}?token=${signed}`,
      `/voice/audio/${user.id}?token=${signed}`,
    ]
    for (const path of attempts) {
      const { status, bytes, headers } = await play(origin + path)
      expect([path, status, headers.get('Server-Timing')]).toEqual([path, 404, 'db;desc="0 flights"'])
      expect(JSON.parse(new TextDecoder().decode(bytes))).toEqual({
        type: 'urn:neuraform:problem:not_found',
        title: 'There is nothing here.',
        status: 404,
        code: 'not_found',
      })
    }
    for (const path of [pathname, `${pathname}?token=${signed}&more=1`, `/voice/audio/..%2f..%2fu?token=${signed}`]) {
      expect([path, (await play(origin + path)).status]).toEqual([path, 400])
    }
  })

  it('opens nothing for a session: the URL is the permission', async () => {
    const { token, url } = await newAudio()
    const bare = url.split('?')[0] ?? ''
    expect((await rawCall('GET', `${bare}?token=x`, { token })).status).toBe(404)
  })

  it('works until it expires, and no longer', async () => {
    const { token } = await newUser()
    const { body } = await callWith<Speech>({ AUDIO_URL_SECONDS: '60' }, 'POST', '/voice/speech', {
      token,
      body: { text: 'Soon gone.', voice: 'slt' },
    })
    const playAfter = async (milliseconds: number) => {
      vi.useFakeTimers({ now: Date.now() + milliseconds, toFake: ['Date'] })
      const { status } = await play(body.audio_url)
      vi.useRealTimers()
      return status
    }
    expect([await playAfter(0), await playAfter(55_000), await playAfter(61_000)]).toEqual([200, 200, 404])
  })

  it('works through a revoked session, and dies with the account', async () => {
    const { token, user, url } = await newAudio()
    await call('POST', '/auth/logout', { token })
    expect((await play(url)).status).toBe(200)
    const again = await newUser()
    const theirs = await speak(again.token)
    await call('DELETE', '/auth/account', { token: again.token })
    for (const headers of [{}, { Range: 'bytes=0-9' }]) expect((await play(theirs.audio_url, headers)).status).toBe(404)
    expect((await env.AUDIO?.list({ prefix: `u/${again.user.id}/` }))?.objects).toEqual([])
    expect((await env.AUDIO?.list({ prefix: `u/${user.id}/` }))?.objects.length).toBe(2)
  })
})
