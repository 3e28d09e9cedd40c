import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import type { Usage } from '#src/usage/shapes.ts'
import { call, newUser } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { audioAt, speak } from '#test/setup/speech.ts'
import { fakeVoice } from '#test/setup/upstreams.ts'

const line = 'The ferry leaves at dawn.'
const theVoice = globalThis.fetch

describe('a line that many ask for at once', () => {
  it('is asked of the vendor once, and plays at every address that is answered', async () => {
    const { token, user } = await newUser()
    const voice = fakeVoice()
    const answers = await Promise.all(Array.from({ length: 50 }, async () => await speak(token, line)))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    expect([voice.bodies.length, answers.filter(({ body }) => body.cache === 'miss').length]).toEqual([1, 1])
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
    expect(answers.map(({ body }) => body.visemes)).toEqual(answers.map(() => answers[0]?.body.visemes))
    expect((await audioAt(answers[49]?.body.audio_url ?? '')).length).toBe(answers[0]?.body.audio_bytes)
    expect((await asOwner('select 1 from voice_data where user_id = $1', [user.id])).length).toBe(1)
    const usage = (await call<Usage>('GET', '/usage', { token })).body
    expect([usage.speech_characters, usage.speech_cache]).toEqual([
      { spent: line.length, reserved: 0, limit: 100_000 },
      { hits: 49, characters: 49 * line.length, saved_usd: null },
    ])
  })

  it('is asked for once more by one of those who wait where it fails for the first', async () => {
    const { token } = await newUser()
    const voice = fakeVoice(async (number, init) =>
      number === 1
        ? new Response('', { status: 500 })
        : await theVoice(`${String(env['SPEECH_BASE_URL'])}/offline/speech`, init),
    )
    const answers = await Promise.all(Array.from({ length: 8 }, async () => await speak(token, line)))
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b)
    expect([statuses, voice.bodies.length]).toEqual([[...Array.from({ length: 7 }, () => 200), 503], 2])
  })

  it('is waited for while another isolate has it spoken, and taken over once that one is silent', async () => {
    const { token, user } = await newUser()
    const voice = fakeVoice()
    const first = await speak(token, line)
    // Another isolate, as the database knows it: a lease and no line.
    const [held] = await asOwner<{ cache_key: Uint8Array }>('select cache_key from voice_data where user_id = $1', [
      user.id,
    ])
    await asOwner('delete from voice_data where user_id = $1', [user.id])
    const lease = `insert into speech_leases (cache_key, user_id, holder, audio_key, expires_at) values ($1, $2, gen_random_uuid(), 'elsewhere', now() + $3::interval)`
    await asOwner(lease, [held?.cache_key, user.id, '1200 ms'])
    const startedAt = Date.now()
    const second = await speak(token, line)
    expect([second.status, second.body.cache, voice.bodies.length]).toEqual([200, 'miss', 2])
    expect(Date.now() - startedAt).toBeGreaterThan(1_000)
    expect(second.body.id).not.toBe(first.body.id)
    // Where the silent one wrote stays known, for the sweep.
    const leases = await asOwner('select audio_key from speech_leases where user_id = $1', [user.id])
    expect(leases).toEqual([{ audio_key: 'elsewhere' }])
  })
})
