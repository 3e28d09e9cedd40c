import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import type { Turn } from '#src/conversations/shapes.ts'
import type { Erasure, ErasureReceipt } from '#src/privacy/shapes.ts'
import { call, newUser } from '#test/setup/client.ts'
import { loseAnswer, watchFlights } from '#test/setup/other-database.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { fakeReply, messagesOf, newConversation } from '#test/setup/talk.ts'
import { sayWith, turnsOf } from '#test/setup/talk-with.ts'
import { chunkOf, fakeModel, steerReply } from '#test/setup/upstreams.ts'
import { callWith, runSchedule, sweepAlone } from '#test/setup/worker-with.ts'

async function newTalk() {
  const { token, user } = await newUser()
  return { token, user, id: (await newConversation(token)).id }
}

const isStored = [
  ['which opens the turn', 1],
  ['which stores what was said', 2],
  ['which stores the reply', 3],
] as const

describe('a turn whose COMMIT was heard, and its answer lost,', () => {
  it.each(isStored)('%s, is answered as what it is, and asks the model once', async (_name, nth) => {
    const { token, user, id } = await newTalk()
    const { bodies } = fakeModel(() => fakeReply(['All ', 'of it.']))
    loseAnswer(nth)
    const said = await sayWith({}, { token, id, content: 'hm?', key: 'k', accept: 'application/json' })
    const turn = await said.json<Turn>()
    expect([said.status, turn.state, turn.user_message?.content, turn.reply?.content]).toEqual([
      200,
      'complete',
      'hm?',
      'All of it.',
    ])
    expect([(await turnsOf(user.id)).map(({ state }) => state), bodies.length]).toEqual([['complete'], 1])
    expect((await messagesOf(token, id)).map(({ content }) => content)).toEqual(['hm?', 'All of it.'])
  })

  it.each(isStored)(
    '%s, and that has no key, is answered once, and takes once what it may take',
    async (_name, nth) => {
      const { token, user, id } = await newTalk()
      const { bodies } = fakeModel(() => fakeReply(['All ', 'of it.']))
      loseAnswer(nth)
      const said = await sayWith({}, { token, id, content: 'hm?', accept: 'application/json' })
      expect([said.status, (await said.json<Turn>()).state, bodies.length]).toEqual([200, 'complete', 1])
      const entries = await asOwner(
        `select l.kind, l.spent is not null as is_settled, d.reserved::int from usage_ledger l
         join usage_days d using (user_id, day, kind) where l.user_id = $1`,
        [user.id],
      )
      expect(entries).toEqual([{ kind: 'llm_tokens', is_settled: true, reserved: 0 }])
    },
  )

  it.each(isStored)('%s, is streamed to its end', async (_name, nth) => {
    const { token, id } = await newTalk()
    fakeModel(() => fakeReply(['All ', 'of it.']))
    loseAnswer(nth)
    const said = await sayWith({}, { token, id, content: 'hm?', key: 'k', accept: 'text/event-stream' })
    expect([said.status, (await said.text()).includes('"finishReason":"stop"')]).toEqual([200, true])
  })
})

describe('a session that ends between the first flight of a turn and the second', () => {
  it('stops the turn: its words are kept, and no reply is asked to its end', async () => {
    const { token, user, id } = await newTalk()
    const { bodies } = fakeModel(() => fakeReply(['Not ', 'heard.']))
    let isEnded = false
    watchFlights(async (send, asked) => {
      const answer = await send(asked)
      if (!isEnded) {
        isEnded = true
        await asOwner(
          "update public.user_sessions set revoked_at = now(), revoked_reason = 'test' where user_id = $1",
          [user.id],
        )
      }
      return answer
    })
    const said = await sayWith({}, { token, id, content: 'hm?', key: 'k', accept: 'application/json' })
    expect([said.status, (await said.json<{ code: string }>()).code, bodies.length]).toEqual([
      401,
      'unauthenticated',
      1,
    ])
    expect((await turnsOf(user.id)).map(({ state }) => state)).toEqual(['failed'])
    const stored = await asOwner('select role from public.messages where user_id = $1', [user.id])
    expect(stored).toEqual([{ role: 'user' }])
  })
})

describe('a turn whose Worker died', () => {
  it('is failed by the sweep, and its key says it again', async () => {
    const { token, user, id } = await newTalk()
    const { bodies } = fakeModel(() => fakeReply(['Here ', 'again.']))
    await sayWith({}, { token, id, content: 'hm?', key: 'k', accept: 'application/json' })
    await asOwner(
      `update public.turns set state = 'streaming', ended_at = null, checked_at = now() - interval '3 minutes' where user_id = $1`,
      [user.id],
    )
    await asOwner(`delete from public.messages where user_id = $1`, [user.id])
    await asOwner(`update public.conversations set message_count = 0 where user_id = $1`, [user.id])
    await runSchedule()
    expect((await turnsOf(user.id)).map(({ state }) => state)).toEqual(['failed'])
    const said = await sayWith({}, { token, id, content: 'hm?', key: 'k', accept: 'application/json' })
    const turn = await said.json<Turn>()
    expect([said.status, turn.state, turn.reply?.content, bodies.length]).toEqual([200, 'complete', 'Here again.', 2])
  })

  it('before it could ask the model is failed at once: a key that is not there', async () => {
    const { token, user, id } = await newTalk()
    fakeModel(() => fakeReply(['Now.']))
    await call('POST', '/auth/logout?scope=others', { token })
    const ring = JSON.stringify({ current: 'k9', keys: { k9: btoa('x'.repeat(32)) } })
    const refused = await sayWith({ KEY_ENCRYPTION_KEYS: ring }, { token, id, content: 'hm?', key: 'k' })
    expect([refused.status, (await refused.json<{ code: string }>()).code]).toEqual([503, 'key_unavailable'])
    expect((await turnsOf(user.id)).map(({ state }) => state)).toEqual(['failed'])
    const said = await sayWith({}, { token, id, content: 'hm?', key: 'k', accept: 'application/json' })
    expect([said.status, (await said.json<Turn>()).state]).toEqual([200, 'complete'])
  })
})

it.each([
  ['claimed', 1],
  ['stored', 2],
])(
  'speech that was %s, and the answer lost, is answered, and keeps the bytes that its row names',
  async (_name, nth) => {
    const { token, user } = await newUser()
    // The first flight of a new token brings the key.
    await call('PUT', '/auth/profile', { token, body: { first_name: 'Ida' } })
    loseAnswer(nth)
    const body = { text: 'hear me', voice: 'slt' }
    expect((await callWith({}, 'POST', '/voice/speech', { token, body })).status).toBe(200)
    const rows = await asOwner<{ r2_key: string }>('select r2_key from public.voice_data where user_id = $1', [user.id])
    const objects = (await env.AUDIO?.list({ prefix: `u/${user.id}/` }))?.objects.map(({ key }) => key)
    expect(rows.flatMap(({ r2_key: key }) => [key, `${key}/track`])).toEqual(objects)
    expect(await asOwner('select from public.speech_leases where user_id = $1', [user.id])).toEqual([])
    expect((await callWith<{ cache: string }>({}, 'POST', '/voice/speech', { token, body })).body.cache).toBe('hit')
  },
)

describe('an erasure', () => {
  const stateOf = async (id: string) => (await call<Erasure>('GET', `/erasures/${id}`)).body.state

  it('is not complete while KV keeps a line that it did not list, and is once that is gone', async () => {
    await sweepAlone()
    const { token, user } = await newUser()
    await call('POST', '/voice/speech', { token, body: { text: 'hear me', voice: 'slt' } })
    const index = env.SPEECH_INDEX as KVNamespace
    const left = async () => (await index.list({ prefix: `speech/2/${user.id}/` })).keys.length
    const list = async () => ({ keys: [], list_complete: true })
    const refusing = { list, delete: () => Promise.reject(new Error('KV DELETE failed: 429')) }
    const blind = { list, delete: async (name: string) => await index.delete(name) }
    const { body } = await callWith<ErasureReceipt>({ SPEECH_INDEX: refusing } as never, 'DELETE', '/auth/account', {
      token,
    })
    expect([await stateOf(body.erasure_id), await left()]).toEqual(['running', 1])
    await runSchedule({ SPEECH_INDEX: refusing } as never)
    expect([await stateOf(body.erasure_id), await left()]).toEqual(['running', 1])
    await runSchedule({ SPEECH_INDEX: blind } as never)
    expect([await stateOf(body.erasure_id), await left()]).toEqual(['complete', 0])
    expect(await asOwner('select user_id, cache_keys from public.erasures where id = $1', [body.erasure_id])).toEqual([
      { user_id: null, cache_keys: null },
    ])
  })

  it('deletes no line twice, for KV takes one write for each key and second', async () => {
    const { token, user } = await newUser()
    await call('POST', '/voice/speech', { token, body: { text: 'hear me', voice: 'slt' } })
    const index = env.SPEECH_INDEX as KVNamespace
    const deleted: string[] = []
    const counting = {
      list: async (options: KVNamespaceListOptions) => await index.list(options),
      delete: async (name: string) => {
        deleted.push(name)
        await index.delete(name)
      },
    }
    await callWith({ SPEECH_INDEX: counting } as never, 'DELETE', '/auth/account', { token })
    expect([deleted.length, deleted[0]?.startsWith(`speech/2/${user.id}/`)]).toEqual([1, true])
  })

  it('of somebody who never spoke needs no store, where none is bound', async () => {
    const { token, user } = await newUser()
    const none = { SPEECH_INDEX: undefined, AUDIO: undefined } as never
    const { status, body } = await callWith<ErasureReceipt>(none, 'DELETE', '/auth/account', { token })
    expect([status, await stateOf(body.erasure_id)]).toEqual([202, 'complete'])
    expect(await asOwner('select from public.users where id = $1', [user.id])).toEqual([])
  })
})

it('keys of a person leave the isolate with any session of theirs that ends', async () => {
  const { token } = await newUser()
  const flights = async () =>
    (await call('PUT', '/auth/profile', { token, body: { first_name: 'Ida' } })).headers.get('Server-Timing')
  expect(await flights()).toBe('db;desc="1 flight"')
  await call('POST', '/auth/logout?scope=others', { token })
  expect([await flights(), await flights()]).toEqual(['db;desc="2 flights"', 'db;desc="1 flight"'])
})

it('a reply that goes on and on, a word at a time, has an end, and what there is of it is kept', async () => {
  const { token, user, id } = await newTalk()
  const steered = steerReply()
  fakeModel(() => steered.response)
  const speaking = setInterval(() => steered.write(chunkOf('on ')), 50)
  const said = await sayWith({ LLM_REPLY_MS: '500' }, { token, id, content: 'hm?', accept: 'application/json' })
  const turn = await said.json<Turn>()
  clearInterval(speaking)
  expect([said.status, turn.state, turn.reply?.content?.startsWith('on on ')]).toEqual([200, 'interrupted', true])
  expect((await turnsOf(user.id)).map(({ state }) => state)).toEqual(['interrupted'])
})
