import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { call, newUser, rawCall } from '#test/setup/client.ts'
import { newPersona } from '#test/setup/catalogue.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { audioAt, speak } from '#test/setup/speech.ts'
import { fakeVoice } from '#test/setup/upstreams.ts'
import { runSchedule, sweepAlone } from '#test/setup/worker-with.ts'

/** A public companion, and what it publishes. */
async function newCompanion() {
  const greeting = `Hello there, ${crypto.randomUUID().slice(0, 4)}!`
  return { greeting, persona_id: await newPersona({ isPublic: true, greeting }) }
}

describe('a line that a companion publishes', () => {
  it('is spoken once for everybody, and kept by the edge', async () => {
    await sweepAlone()
    const [one, two] = [await newUser(), await newUser()]
    const { greeting, ...by } = await newCompanion()
    const voice = fakeVoice()
    const first = await speak(one.token, greeting, by)
    const second = await speak(two.token, ` ${greeting}\n`, by)
    expect([first.body.cache, second.body.cache, voice.bodies.length, first.body.id]).toEqual([
      'miss',
      'hit',
      1,
      second.body.id,
    ])
    expect([second.body.words, second.body.source]).toEqual([first.body.words, 'aligned'])
    const heard = await rawCall('GET', second.body.audio_url)
    expect([heard.status, heard.headers.get('Cache-Control')]).toEqual([200, 'public, max-age=31536000, immutable'])
    const whole = new Uint8Array(await heard.arrayBuffer())
    expect(whole.length).toBe(first.body.audio_bytes)
    // From the edge's cache now, whole and in part.
    await env.AUDIO?.delete(`shared/v/${first.body.id}`)
    const part = await rawCall('GET', first.body.audio_url, { headers: { Range: 'bytes=10-19' } })
    expect([part.status, part.headers.get('Content-Range'), part.headers.get('Content-Length')]).toEqual([
      206,
      `bytes 10-19/${whole.length}`,
      '10',
    ])
    expect(new Uint8Array(await part.arrayBuffer())).toEqual(whole.slice(10, 20))
    expect(await audioAt(first.body.audio_url)).toEqual(whole)
    await asOwner('update shared_speech set persona_id = null where id = $1', [first.body.id])
    await runSchedule()
  })

  it('is nobody’s own: it outlives whoever asked for it first, and counts for no one’s storage', async () => {
    const [one, two] = [await newUser(), await newUser()]
    const { greeting, ...by } = await newCompanion()
    const first = await speak(one.token, greeting, by)
    const bytes = await asOwner(`select spent from usage_days where user_id = $1 and kind = 'stored_bytes'`, [
      one.user.id,
    ])
    await call('DELETE', '/auth/account', { token: one.token })
    const second = await speak(two.token, greeting, by)
    expect([bytes, second.body.cache, second.body.id]).toEqual([[{ spent: '0' }], 'hit', first.body.id])
    expect((await audioAt(second.body.audio_url)).length).toBe(first.body.audio_bytes)
  })

  it.each([
    ['said in another voice', async () => ({ voice: 'slt' })],
    ['of a companion of one’s own', async (userId: string) => ({ persona_id: await newPersona({ ownerId: userId }) })],
  ])('is as private as any other line where it is %s', async (_name, voiceFor) => {
    const [one, two] = [await newUser(), await newUser()]
    const [mine, theirs] = [
      await speak(one.token, 'own', await voiceFor(one.user.id)),
      await speak(two.token, 'own', await voiceFor(two.user.id)),
    ]
    expect([mine.body.cache, theirs.body.cache]).toEqual(['miss', 'miss'])
    expect((await rawCall('GET', mine.body.audio_url)).headers.get('Cache-Control')).toBe('private, max-age=3600')
  })

  it('goes when its companion does', async () => {
    await sweepAlone()
    const { token } = await newUser()
    const persona = await newPersona({ isPublic: true })
    const { body } = await speak(token, 'own', { persona_id: persona })
    expect(await env.AUDIO?.head(`shared/v/${body.id}`)).not.toBe(null)
    await asOwner('delete from personas where id = $1', [persona])
    await runSchedule()
    expect([await env.AUDIO?.head(`shared/v/${body.id}`), await env.AUDIO?.head(`shared/v/${body.id}/track`)]).toEqual([
      null,
      null,
    ])
    expect(await asOwner('select 1 from shared_speech where id = $1', [body.id])).toEqual([])
  })
})

describe('the cache of speech', () => {
  it('lets go of what nobody has heard for long, and of what is beyond its size, used longest ago first', async () => {
    await sweepAlone()
    const { token, user } = await newUser()
    const spoken = []
    for (const text of ['One.', 'Two.', 'Three.', 'Four.']) spoken.push((await speak(token, text)).body)
    const [one, two, three, four] = spoken.map(({ id }) => id)
    const age = async (id: string | undefined, days: number) =>
      await asOwner(`update voice_data set used_at = now() - make_interval(days => $2) where id = $1`, [id, days])
    await age(one, 31)
    for (const [id, days] of [
      [two, 3],
      [three, 2],
      [four, 1],
    ] as const)
      await age(id, days)
    const kept = async () =>
      (await asOwner<{ id: string }>('select id from voice_data where user_id = $1 order by id', [user.id])).map(
        ({ id }) => id,
      )
    await runSchedule()
    expect(await kept()).toEqual([two, three, four])
    const size = spoken.slice(2).reduce((sum, { audio_bytes: bytes }) => sum + bytes, 0)
    await runSchedule({ SPEECH_CACHE_BYTES: String(size) })
    expect(await kept()).toEqual([three, four])
    const objects = (await env.AUDIO?.list({ prefix: `u/${user.id}/` }))?.objects.map(({ key }) => key.split('/')[3])
    expect([...new Set(objects)]).toEqual([three, four])
    expect((await speak(token, 'Two.')).body.cache).toBe('miss')
    expect((await speak(token, 'Four.')).body.cache).toBe('hit')
    expect(
      await asOwner(`select 1 from voice_data where id = $1 and used_at > now() - interval '1 minute'`, [four]),
    ).toHaveLength(1)
  })
})
