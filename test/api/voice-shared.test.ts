import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { call, newUser, rawCall } from '#test/setup/client.ts'
import { newPersona } from '#test/setup/catalogue.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { audioAt, speak } from '#test/setup/speech.ts'
import { fakeVoice } from '#test/setup/upstreams.ts'
import { callWith, runSchedule, sweepAlone } from '#test/setup/worker-with.ts'

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
    await asOwner(`update shared_speech set persona_id = null, used_at = now() - interval '3 days' where id = $1`, [
      first.body.id,
    ])
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
    // Another one may say the same.
    expect(await env.AUDIO?.head(`shared/v/${body.id}`)).not.toBe(null)
    await asOwner(`update shared_speech set used_at = now() - interval '3 days' where id = $1`, [body.id])
    await runSchedule()
    expect([await env.AUDIO?.head(`shared/v/${body.id}`), await env.AUDIO?.head(`shared/v/${body.id}/track`)]).toEqual([
      null,
      null,
    ])
    expect(await asOwner('select 1 from shared_speech where id = $1', [body.id])).toEqual([])
  })
})

describe('the cache of speech', () => {
  const kept = async (userId: string) =>
    (await asOwner<{ id: string }>('select id from voice_data where user_id = $1 order by id', [userId])).map(
      ({ id }) => id,
    )
  const soon = { AUDIO_URL_SECONDS: '1' }
  const pause = async () => await new Promise((resolve) => setTimeout(resolve, 1_500))

  it('lets go of what nobody has heard for long, once no URL of it is good any more', async () => {
    await sweepAlone()
    const { token, user } = await newUser()
    const [old, young] = [(await speak(token, 'One.')).body, (await speak(token, 'Two.')).body]
    await asOwner(`update voice_data set used_at = now() - interval '31 days' where id = $1`, [old.id])
    await asOwner(`update voice_data set used_at = now() - interval '29 days' where id = $1`, [young.id])
    await runSchedule()
    expect([await kept(user.id), (await audioAt(old.audio_url)).length]).toEqual([[old.id, young.id], old.audio_bytes])
    await pause()
    await runSchedule(soon)
    expect(await kept(user.id)).toEqual([young.id])
    const objects = (await env.AUDIO?.list({ prefix: `u/${user.id}/` }))?.objects.map(({ key }) => key.split('/')[3])
    expect([...new Set(objects)]).toEqual([young.id])
    expect([(await speak(token, 'One.')).body.cache, (await speak(token, 'Two.')).body.cache]).toEqual(['miss', 'hit'])
    expect(
      await asOwner(`select 1 from voice_data where id = $1 and used_at > now() - interval '1 minute'`, [young.id]),
    ).toHaveLength(1)
  })

  it('holds no more than it may of one person’s, what was heard last', async () => {
    await sweepAlone()
    const { token, user } = await newUser()
    const spoken = []
    for (const text of ['One.', 'Two.', 'Three.']) spoken.push((await speak(token, text)).body)
    const [one, two, three] = spoken
    await asOwner(`update voice_data set used_at = now() - interval '2 days' where id = $1`, [two?.id])
    await asOwner(`update voice_data set used_at = now() - interval '1 day' where id = $1`, [one?.id])
    const SPEECH_CACHE_BYTES = String((one?.audio_bytes ?? 0) + 2 * (three?.audio_bytes ?? 0))
    const body = { text: 'Three!', voice: 'slt' }
    const last = await callWith<{ id: string }>({ SPEECH_CACHE_BYTES }, 'POST', '/voice/speech', { token, body })
    // What is let go of is not found any more, and lies there until its URLs are no longer good.
    await pause()
    await runSchedule(soon)
    expect(await kept(user.id)).toEqual([one?.id, three?.id, last.body.id])
    expect((await speak(token, 'Two.')).body.cache).toBe('miss')
  })

  it('takes out what a maker left behind that died, and never what a row knows', async () => {
    await sweepAlone()
    const { token, user } = await newUser()
    const { body } = await speak(token, 'One.')
    const lost = `u/${user.id}/v/${crypto.randomUUID()}`
    await env.AUDIO?.put(lost, 'RIFF')
    const lease = `insert into speech_leases (cache_key, user_id, holder, audio_key, expires_at)
      values (sha256(convert_to($2, 'UTF8')), $1, gen_random_uuid(), $2, now() - interval '4 minutes')`
    await asOwner(lease, [user.id, lost])
    await asOwner(lease, [user.id, `u/${user.id}/v/${body.id}`])
    await runSchedule()
    expect([await env.AUDIO?.head(lost), (await audioAt(body.audio_url)).length]).toEqual([null, body.audio_bytes])
    expect(await asOwner('select 1 from speech_leases where user_id = $1', [user.id])).toEqual([])
  })
})
