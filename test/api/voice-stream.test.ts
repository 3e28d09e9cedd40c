import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it, vi } from 'vitest'
import type { Env } from '#src/config.ts'
import worker from '#src/index.ts'
import { call, newUser } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { audioAt, speak, speakAloud, streamedWav } from '#test/setup/speech.ts'
import { fakeSpeech } from '#test/setup/upstreams.ts'

const vendor = { SPEECH_PROVIDER: 'openai', SPEECH_BASE_URL: 'https://vendor.test/v1', SPEECH_DEADLINE_MS: '700' }
const wav = streamedWav(1_000)

/** Speaks by a vendor that answers as `body` is written; in the test's own context, so that it may be written here. */
async function speakBy(
  token: string,
  body: ReadableStream<Uint8Array>,
  accept = 'audio/*',
  replaced: Partial<Env> = {},
) {
  const asked = fakeSpeech(() => new Response(body, { headers: { 'Content-Type': 'audio/wav' } }))
  const context = createExecutionContext()
  const request = new Request('https://neuraform.test/voice/speech', {
    method: 'POST',
    headers: {
      'CF-Connecting-IP': crypto.randomUUID(),
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json',
      Accept: accept,
    },
    body: JSON.stringify({ text: 'The ferry leaves at dawn.', voice: 'alloy', format: 'wav' }),
  })
  const response = await worker.fetch(request, { ...env, ...vendor, ...replaced }, context)
  return { response, asked, end: async () => await waitOnExecutionContext(context) }
}

const long = streamedWav(400_000)

function bodyOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let sent = 0
  return new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (sent >= bytes.length) controller.close()
      else controller.enqueue(bytes.slice(sent, (sent += 700_001)))
    },
  })
}

function steered() {
  const stream = new TransformStream<Uint8Array, Uint8Array>()
  return { body: stream.readable, writer: stream.writable.getWriter() }
}

const rowsOf = async (userId: string) =>
  await asOwner<{ audio_bytes: number; duration_ms: number }>(
    'select audio_bytes, duration_ms from voice_data where user_id = $1',
    [userId],
  )
const leasesOf = async (userId: string) =>
  await asOwner('select 1 from speech_leases where user_id = $1 and expires_at > now()', [userId])

describe('speech as audio', () => {
  it('begins to sound while the rest is being made, and is stored as it passes', async () => {
    const { token, user } = await newUser()
    const { body, writer } = steered()
    void writer.write(wav.subarray(0, 5_000))
    const { response, end } = await speakBy(token, body)
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    const first = await reader.read()
    expect([response.status, response.headers.get('X-Speech-Cache'), response.headers.get('Content-Type')]).toEqual([
      200,
      'miss',
      'audio/wav',
    ])
    expect([first.value?.length, await rowsOf(user.id)]).toEqual([5_000, []])
    void writer.write(wav.subarray(5_000)).then(async () => await writer.close())
    let length = first.value?.length ?? 0
    for (let part = await reader.read(); !part.done; part = await reader.read()) length += part.value.length
    await end()
    expect([length, await rowsOf(user.id)]).toEqual([wav.length, [{ audio_bytes: wav.length, duration_ms: 1_000 }]])
  })

  it('is made to its end for the next one where its listener leaves', async () => {
    const { token, user } = await newUser()
    const { body, writer } = steered()
    void writer.write(wav.subarray(0, 5_000))
    const { response, end } = await speakBy(token, body)
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    await reader.read()
    await reader.cancel()
    void writer.write(wav.subarray(5_000)).then(async () => await writer.close())
    await end()
    expect(await rowsOf(user.id)).toEqual([{ audio_bytes: wav.length, duration_ms: 1_000 }])
  })

  it.each([
    ['is cut', async (writer: WritableStreamDefaultWriter) => await writer.abort(new Error('cut'))],
    ['ends within a sample', async (writer: WritableStreamDefaultWriter) => await writer.close()],
    ['stalls', async () => await Promise.resolve()],
  ])('that %s cuts its listener off too, and is kept nowhere', async (_name, endIt) => {
    const { token, user } = await newUser()
    const { body, writer } = steered()
    void writer.write(wav.subarray(0, 5_001)).catch(() => undefined)
    const { response, end } = await speakBy(token, body)
    void endIt(writer).catch(() => undefined)
    await expect(response.arrayBuffer()).rejects.toThrow()
    await end()
    expect([
      await rowsOf(user.id),
      await leasesOf(user.id),
      (await env.AUDIO?.list({ prefix: `u/${user.id}/` }))?.objects,
    ]).toEqual([[], [], []])
    await vi.waitFor(async () =>
      expect(
        await asOwner(
          `select spent from usage_days where user_id = $1 and kind = 'speech_characters' and reserved = 0`,
          [user.id],
        ),
      ).toEqual([{ spent: '25' }]),
    )
  })

  it('is a problem with a status of its own where the vendor fails before its first byte', async () => {
    const { token, user } = await newUser()
    const { response, end } = await speakBy(token, new ReadableStream({ start: (controller) => controller.close() }))
    await end()
    expect([response.status, response.headers.get('Content-Type')]).toEqual([502, 'application/problem+json'])
    expect([await rowsOf(user.id), await leasesOf(user.id)]).toEqual([[], []])
  })

  it('of many megabytes is stored in parts, and is the same when it is played', async () => {
    const { token, user } = await newUser()
    const { response, end } = await speakBy(token, bodyOf(long))
    const heard = new Uint8Array(await response.arrayBuffer())
    await end()
    expect([heard.length, await rowsOf(user.id)]).toEqual([
      long.length,
      [{ audio_bytes: long.length, duration_ms: 400_000 }],
    ])
    const stored = await env.AUDIO?.get(`u/${user.id}/v/${response.headers.get('X-Speech-Id')}`)
    expect(Buffer.compare(new Uint8Array((await stored?.arrayBuffer()) ?? []), long)).toBe(0)
  })

  it('of many megabytes is heard all the same where the bucket fails, and is kept nowhere', async () => {
    const { token, user } = await newUser()
    const bucket = {
      createMultipartUpload: async () => await Promise.reject(new Error('down')),
      delete: async () => undefined,
    }
    const { response, end } = await speakBy(token, bodyOf(long), 'audio/*', { AUDIO: bucket as unknown as R2Bucket })
    const heard = new Uint8Array(await response.arrayBuffer())
    await end()
    expect([Buffer.compare(heard, long), await rowsOf(user.id), await leasesOf(user.id)]).toEqual([0, [], []])
    const whole = await speakBy(token, bodyOf(long), 'application/json', { AUDIO: bucket as unknown as R2Bucket })
    await whole.end()
    expect(whole.response.status).toBe(503)
  })

  it('is heard to its end where the database is gone by then', async () => {
    const { token } = await newUser()
    const { body, writer } = steered()
    void writer.write(wav.subarray(0, 5_000))
    const { response, end } = await speakBy(token, body)
    await call('POST', '/auth/logout', { token })
    void writer.write(wav.subarray(5_000)).then(async () => await writer.close())
    expect((await response.arrayBuffer()).byteLength).toBe(wav.length)
    await end()
  })

  it('comes from the store where it was spoken before, with its length', async () => {
    const { token } = await newUser()
    const made = await speak(token, 'Once more, please.')
    const response = await speakAloud(token, 'Once more, please.')
    const bytes = new Uint8Array(await response.arrayBuffer())
    expect([response.headers.get('X-Speech-Cache'), response.headers.get('X-Speech-Id')]).toEqual(['hit', made.body.id])
    expect([response.headers.get('Content-Length'), response.headers.get('Server-Timing')]).toEqual([
      String(made.body.audio_bytes),
      'db;desc="1 flight"',
    ])
    expect(bytes).toEqual(await audioAt(made.body.audio_url))
  })
})
