import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import type { Usage } from '#src/usage/shapes.ts'
import type { Recording, RecordingPage } from '#src/voice/shapes.ts'
import { call, newUser, rawCall, type Answer } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { watchFlights } from '#test/setup/other-database.ts'
import { audioAt, speak, streamedWav } from '#test/setup/speech.ts'
import { callWith, runSchedule, sweepAlone, uploadWith } from '#test/setup/worker-with.ts'

const tone = streamedWav(1_500)

async function upload(
  token: string,
  body: BodyInit,
  headers: Record<string, string> = {},
): Promise<Answer<Recording & { code?: string; detail?: string }>> {
  return await uploadWith({}, '/voice/recordings', { token, body, headers })
}

const stored = async (userId: string) => ({
  rows: (await asOwner<{ id: string }>('select id from voice_data where user_id = $1', [userId])).length,
  objects: (await env.AUDIO?.list({ prefix: `u/${userId}/` }))?.objects.map(({ key }) => key) ?? [],
})
const nothing = { rows: 0, objects: [] }

/** A body that comes piece by piece, without a length. */
function streamOf(bytes: Uint8Array, pieceBytes: number): ReadableStream<Uint8Array> {
  let sent = 0
  return new ReadableStream({
    pull: (controller) => {
      if (sent >= bytes.length) controller.close()
      else controller.enqueue(bytes.slice(sent, (sent += pieceBytes)))
    },
  })
}

describe('a recording', () => {
  it('is kept, known by its first bytes and measured, and plays', async () => {
    const { token, user } = await newUser()
    const { status, body, headers } = await upload(token, tone, { 'Content-Type': 'text/plain' })
    expect([status, body, headers.get('Server-Timing')]).toEqual([
      201,
      {
        id: body.id,
        audio_url: expect.stringContaining(`/voice/audio/${body.id}?token=`),
        audio_url_expires_at: expect.any(String),
        content_type: 'audio/wav',
        format: 'wav',
        audio_bytes: tone.length,
        duration_ms: 1_500,
        created_at: expect.any(String),
        expires_at: expect.any(String),
      },
      'db;desc="2 flights"',
    ])
    expect(Date.parse(body.expires_at) - Date.parse(body.created_at)).toBe(30 * 86_400_000)
    expect(await audioAt(body.audio_url)).toEqual(tone)
    const part = await rawCall('GET', body.audio_url, { headers: { Range: 'bytes=0-1' } })
    expect([part.status, part.headers.get('Content-Range')]).toEqual([206, `bytes 0-1/${tone.length}`])
    expect((await call<Usage>('GET', '/usage', { token })).body.stored_bytes).toMatchObject({
      spent: tone.length,
      reserved: 0,
    })
    expect(await stored(user.id)).toEqual({ rows: 1, objects: [`u/${user.id}/r/${body.id}`] })
  })

  it('is read one by one and in a list, newest first, by whose it is', async () => {
    const [{ token }, other] = [await newUser(), await newUser()]
    const made = []
    for (const length of [300, 400, 500]) made.push((await upload(token, streamedWav(length))).body.id)
    await speak(token, 'This is no recording.')
    const first = (await call<RecordingPage>('GET', '/voice/recordings?limit=2', { token })).body
    const second = (
      await call<RecordingPage>('GET', `/voice/recordings?limit=2&cursor=${first.next_cursor}`, { token })
    ).body
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(made.toReversed())
    expect(second.next_cursor).toBe(null)
    const one = await call<Recording>('GET', `/voice/recordings/${made[0]}`, { token })
    expect([one.status, one.body.duration_ms]).toEqual([200, 300])
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/transcript'],
    ] as const) {
      expect((await call(method, `/voice/recordings/${made[0]}${path}`, { token: other.token })).status).toBe(404)
    }
    expect((await call<RecordingPage>('GET', '/voice/recordings', { token: other.token })).body.items).toEqual([])
  })

  it('is deleted, bytes and row; where the bucket is away it stays, and nothing is lost', async () => {
    const { token, user } = await newUser()
    const { id } = (await upload(token, tone)).body
    const AUDIO = { delete: async () => await Promise.reject(new Error('down')) } as unknown as R2Bucket
    const refused = await callWith({ AUDIO }, 'DELETE', `/voice/recordings/${id}`, { token })
    expect([refused.status, (await stored(user.id)).rows]).toEqual([503, 1])
    const { status } = await call('DELETE', `/voice/recordings/${id}`, { token })
    expect([status, await stored(user.id)]).toEqual([204, nothing])
    expect((await call('DELETE', `/voice/recordings/${id}`, { token })).status).toBe(404)
  })

  it('is gone once its time is over, and the sweep takes its bytes', async () => {
    await sweepAlone()
    const { token, user } = await newUser()
    const { id, audio_url: url } = (await upload(token, tone)).body
    await asOwner(`update voice_data set expires_at = now() - interval '1 second' where id = $1`, [id])
    expect((await call('GET', `/voice/recordings/${id}`, { token })).status).toBe(404)
    expect((await call<RecordingPage>('GET', '/voice/recordings', { token })).body.items).toEqual([])
    await runSchedule()
    expect([await stored(user.id), (await rawCall('GET', url)).status]).toEqual([nothing, 404])
  })

  it('sent twice with one key is one, and with another sound is refused', async () => {
    const { token, user } = await newUser()
    const key = { 'Idempotency-Key': 'take-1' }
    const [first, second] = [await upload(token, tone, key), await upload(token, tone, key)]
    expect([second.status, second.body.id]).toEqual([201, first.body.id])
    const third = await upload(token, streamedWav(900), key)
    expect([third.status, third.body.code]).toEqual([422, 'idempotency_key_reused'])
    expect(await stored(user.id)).toEqual({ rows: 1, objects: [`u/${user.id}/r/${first.body.id}`] })
  })

  it('of many megabytes is taken in piece by piece', async () => {
    const { token } = await newUser()
    const long = streamedWav(340_000)
    const { status, body } = await upload(token, streamOf(long, 900_001))
    expect([status, body.audio_bytes, body.duration_ms]).toEqual([201, long.length, 340_000])
    expect(Buffer.compare(await audioAt(body.audio_url), long)).toBe(0)
  })

  const text = new TextEncoder().encode(
    '<!doctype html><p>This is no audio at all, and longer than its head.</p>'.repeat(4),
  )
  it.each([
    ['what is no audio', () => text, {}, 415, 'unsupported_media_type'],
    ['nothing', () => new Uint8Array(), {}, 415, 'unsupported_media_type'],
    ['audio that is cut', () => tone.subarray(0, 44), {}, 400, 'malformed_body'],
    ['half a sample', () => tone.subarray(0, 5_001), {}, 400, 'malformed_body'],
    ['more bytes than are taken', () => tone, { RECORDING_BYTES: '9000' }, 413, 'payload_too_large'],
    [
      'more bytes than are taken, without a length',
      () => streamOf(tone, 1_000),
      { RECORDING_BYTES: '9000' },
      413,
      'payload_too_large',
    ],
    ['more seconds than are taken', () => tone, { RECORDING_SECONDS: '1' }, 413, 'payload_too_large'],
    ['more than a day may hold', () => tone, { DAILY_STORED_BYTES: '5000' }, 429, 'quota_exceeded'],
  ])('of %s is refused, and leaves nothing', async (_name, body, variables, status, code) => {
    const { token, user } = await newUser()
    const answer = await uploadWith<{ code: string }>(variables, '/voice/recordings', {
      token,
      body: body(),
      headers: {},
    })
    expect([answer.status, answer.body.code, await stored(user.id)]).toEqual([status, code, nothing])
    expect((await call<Usage>('GET', '/usage', { token })).body.stored_bytes).toMatchObject({ spent: 0, reserved: 0 })
  })

  it('whose last flight was heard and its answer lost is kept, once', async () => {
    const { token, user } = await newUser()
    let commits = 0
    watchFlights(async (send, asked) => {
      const answer = await send(asked)
      commits += 1
      if (commits === 2) throw new Error('the socket was closed')
      return answer
    })
    const { status, body } = await upload(token, tone, { 'Idempotency-Key': 'take-1' })
    expect([status, await stored(user.id)]).toEqual([201, { rows: 1, objects: [`u/${user.id}/r/${body.id}`] }])
    expect((await audioAt(body.audio_url)).length).toBe(tone.length)
  })

  it('that is being taken in is not there yet, and is swept away once nobody brings it to its end', async () => {
    await sweepAlone()
    const { token, user } = await newUser()
    const key = `u/${user.id}/r/${crypto.randomUUID()}`
    await env.AUDIO?.put(key, 'RIFF')
    const row = `insert into voice_data (id, user_id, kind, r2_key, audio_bytes, duration_ms, codec, expires_at)
      values (gen_random_uuid(), $1, 'recording', $2, 0, 0, 'wav', now() + $3::interval)`
    await asOwner(row, [user.id, key, '1 minute'])
    expect((await call<RecordingPage>('GET', '/voice/recordings', { token })).body.items).toEqual([])
    await asOwner(`update voice_data set expires_at = now() - interval '1 second' where user_id = $1`, [user.id])
    await runSchedule()
    expect(await stored(user.id)).toEqual(nothing)
  })

  it('goes with its account', async () => {
    const { token, user } = await newUser()
    await upload(token, tone)
    await call('DELETE', '/auth/account', { token })
    expect(await stored(user.id)).toEqual(nothing)
  })
})

describe('a transcript', () => {
  const spoken = 'Where did you hide the lantern?'

  async function recorded() {
    const person = await newUser()
    const audio = await audioAt((await speak(person.token, spoken)).body.audio_url)
    return { ...person, id: (await upload(person.token, audio)).body.id }
  }

  it('is what the service that is configured heard', async () => {
    const { token, id } = await recorded()
    const { status, body } = await call<{ text: string }>('POST', `/voice/recordings/${id}/transcript`, { token })
    expect([status, body]).toEqual([200, { text: spoken }])
  })

  it('takes of the day’s seconds, and is refused once they are spent', async () => {
    const { token, id } = await recorded()
    await call('POST', `/voice/recordings/${id}/transcript`, { token })
    const { transcribed_seconds: spent } = (await call<Usage>('GET', '/usage', { token })).body
    expect([spent.spent > 0, spent.reserved, spent.limit]).toEqual([true, 0, 3_600])
    const limits = { DAILY_TRANSCRIBED_SECONDS: String(spent.spent) }
    const { status, body } = await callWith<{ code: string }>(limits, 'POST', `/voice/recordings/${id}/transcript`, {
      token,
    })
    expect([status, body.code]).toEqual([429, 'quota_exceeded'])
  })

  it('needs one', async () => {
    const { token, id } = await recorded()
    const none = { TRANSCRIPTION_BASE_URL: '' }
    const { status, body } = await callWith<{ code: string }>(none, 'POST', `/voice/recordings/${id}/transcript`, {
      token,
    })
    expect([status, body.code]).toEqual([503, 'not_configured'])
  })

  it('is a clear problem where that one is away', async () => {
    const { token, id } = await recorded()
    const variables = { TRANSCRIPTION_BASE_URL: 'http://127.0.0.1:9/v1', TRANSCRIPTION_MODEL: 'ear' }
    const { status, body } = await callWith<{ code: string }>(variables, 'POST', `/voice/recordings/${id}/transcript`, {
      token,
    })
    expect([status, body.code]).toEqual([503, 'upstream_unavailable'])
  })
})
