import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import type { Conversation, ConversationPage, MessagePage } from '#src/conversations/shapes.ts'
import type { Erasure, ErasureReceipt } from '#src/privacy/shapes.ts'
import { call, fuka, newUser, rawCall, registrationTicket } from '#test/setup/client.ts'
import { everythingInKv, everythingStored, fullLife, type FullLife } from '#test/setup/full-life.ts'
import { allTables, asOwner, tablesThatHold, tablesThatHoldEach } from '#test/setup/owner-database.ts'
import { newConversation } from '#test/setup/talk.ts'
import { subjectOf } from '#test/setup/google-tokens.ts'
import { callWith, runSchedule, sweepAlone } from '#test/setup/worker-with.ts'

const erase = async (token: string) => await call<ErasureReceipt>('DELETE', '/auth/account', { token })
const stateOf = async (id: string) => (await call<Erasure>('GET', `/erasures/${id}`)).body.state
const statusOf = async (token: string) => (await call('GET', '/auth/session', { token })).status
const audioOf = async (userId: string) =>
  ((await env.AUDIO?.list({ prefix: `u/${userId}/` }))?.objects ?? []).map(({ key }) => key)

/** The status of asking for a signed URL. */
async function play(url: string): Promise<number> {
  const response = await rawCall('GET', url)
  await response.arrayBuffer()
  return response.status
}

/** Where anything of a person is left. */
async function remainsOf({ user, conversationId, person }: Pick<FullLife, 'user' | 'conversationId' | 'person'>) {
  const needles = [user.id, conversationId, await subjectOf(person)]
  const tables = await tablesThatHoldEach(needles)
  return { tables: [...new Set(tables.flat())], audio: await audioOf(user.id) }
}

const nothing = { tables: [], audio: [] }

describe('before an account is erased', () => {
  it('nothing that the person is called, said or uses lies in clear in a table, KV or R2', async () => {
    const { words, marker, user } = await fullLife()
    const stored = await everythingStored()
    expect([stored.kv.length > 0, stored.r2.length > 0]).toEqual([true, true])
    const tables = await tablesThatHoldEach(Object.values(words))
    for (const [index, [what, word]] of Object.entries(words).entries()) {
      const blobs = [...stored.kv, ...stored.r2].filter((text) => text.includes(word))
      expect([what, tables[index], blobs]).toEqual([what, [], []])
    }
    // What is in clear by design would be found.
    expect(await tablesThatHold(marker)).toEqual(['conversations'])
    expect(stored.r2.filter((text) => text.includes(user.id)).length).toBe(2)
  })
})

describe('erasing an account', () => {
  it('leaves nothing of it in any table, KV or R2', async () => {
    const kept = await everythingInKv()
    const life = await fullLife()
    expect((await remainsOf(life)).tables.toSorted()).toEqual([
      'audit_chains',
      'conversations',
      'idempotency_keys',
      'identities',
      'memories',
      'memory_sources',
      'messages',
      'turns',
      'usage_days',
      'usage_ledger',
      'user_keys',
      'user_persona_preferences',
      'user_sessions',
      'users',
      'voice_data',
    ])
    expect((await audioOf(life.user.id)).length).toBe(2)
    const { status } = await erase(life.tokens[0])
    expect(status).toBe(202)
    expect(await remainsOf(life)).toEqual(nothing)
    expect(await everythingInKv()).toEqual(kept)
  })

  it('answers with a receipt that says, to whoever holds it, that it is complete, and names nobody', async () => {
    const { token } = await newUser()
    const { body } = await erase(token)
    expect(body).toEqual({
      erasure_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      status_url: `https://neuraform.test/erasures/${body.erasure_id}`,
    })
    const receipt = await call<Erasure>('GET', body.status_url)
    expect(receipt.body).toEqual({
      id: body.erasure_id,
      state: 'complete',
      requested_at: expect.any(String),
      completed_at: expect.any(String),
    })
    expect(await asOwner('select user_id from erasures where id = $1', [body.erasure_id])).toEqual([{ user_id: null }])
    expect((await call('GET', '/erasures/0198f000-0000-7000-8000-0000000000ff')).status).toBe(404)
  })

  it('ends every session at once, though the isolate still keeps the keys', async () => {
    const { tokens } = await fullLife()
    await Promise.all(tokens.map((token) => call('GET', '/auth/profile', { token })))
    await erase(tokens[0])
    for (const token of tokens) {
      const statuses = [
        await statusOf(token),
        (await call('GET', '/auth/profile', { token })).status,
        (await call('PUT', '/auth/profile', { token, body: { first_name: 'Late' } })).status,
        (await call('POST', '/conversations', { token, body: { persona_id: fuka } })).status,
        (await erase(token)).status,
      ]
      expect(statuses).toEqual([401, 401, 401, 401, 401])
    }
  })

  it('makes the signed URLs of its audio play no more', async () => {
    const { tokens, audioUrl } = await fullLife()
    expect(await play(audioUrl)).toBe(200)
    await erase(tokens[0])
    expect(await play(audioUrl)).toBe(404)
  })

  it('lets the person come back as somebody new, with nothing of before', async () => {
    const { tokens, person, user, words } = await fullLife()
    await erase(tokens[0])
    const again = await newUser({ person, claims: { email: words['email'] } })
    expect(again.user.id).not.toBe(user.id)
    const { body } = await call<ConversationPage>('GET', '/conversations', { token: again.token })
    expect(body).toEqual({ items: [], next_cursor: null })
  })

  it('leaves everybody else as they were', async () => {
    const [leaving, staying] = [await fullLife(), await fullLife()]
    const rowsOf = async (userId: string) => {
      const tables = await allTables()
      const rows = await Promise.all(
        tables.map((table) =>
          asOwner(`select to_jsonb(t) as row from public.${table} as t where position($1 in to_jsonb(t)::text) > 0`, [
            userId,
          ]),
        ),
      )
      return JSON.stringify(rows)
    }
    const before = await rowsOf(staying.user.id)
    await erase(leaving.tokens[0])
    expect(await rowsOf(staying.user.id)).toEqual(before)
    expect(await play(staying.audioUrl)).toBe(200)
    const path = `/conversations/${staying.conversationId}/messages`
    const { body } = await call<MessagePage>('GET', path, { token: staying.tokens[0] })
    expect(body.items.map(({ content }) => content)).toContain(staying.words['message'])
  })

  it('takes audio with it whose row was never written, more than one list of it', async () => {
    const { token, user } = await newUser()
    const keys = Array.from({ length: 2 * mostListed + 1 }, (_, n) => `u/${user.id}/v/${n}`)
    await Promise.all(keys.map(async (key) => await env.AUDIO?.put(key, 'x')))
    await env.AUDIO?.put(`u/${user.id}0/v/1`, 'somebody else’s')
    expect((await shortLists().list({ prefix: `u/${user.id}/` })).truncated).toBe(true)
    await callWith({ AUDIO: shortLists() }, 'DELETE', '/auth/account', { token })
    expect(await audioOf(user.id)).toEqual([])
    expect(await audioOf(`${user.id}0`)).toEqual([`u/${user.id}0/v/1`])
    await env.AUDIO?.delete(`u/${user.id}0/v/1`)
  })
})

/** A binding of which some methods are others. */
function withMethods<T extends object>(binding: T | undefined, methods: Readonly<Record<string, unknown>>): T {
  if (binding === undefined) throw new Error('the binding is missing')
  return new Proxy(binding, {
    get: (target, name) => {
      const value: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

const mostListed = 10

/** The bucket of audio with lists that end early, and as few keys in one deletion: R2’s own take a thousand of each. */
const shortLists = () =>
  withMethods(env.AUDIO, {
    list: async (options: R2ListOptions) => await env.AUDIO?.list({ ...options, limit: mostListed }),
    delete: async (keys: string | string[]) => {
      if ([keys].flat().length > mostListed) throw new Error('too many keys')
      await env.AUDIO?.delete(keys)
    },
  })

/** A binding whose named methods fail, as a store that is down does. */
const failing = <T extends object>(binding: T | undefined, methods: readonly string[]): T =>
  withMethods(
    binding,
    Object.fromEntries(methods.map((name) => [name, () => Promise.reject(new Error('the store is down'))])),
  )

const broken = {
  'R2 that cannot be listed': () => ({ AUDIO: failing(env.AUDIO, ['list']) }),
  'R2 that cannot delete': () => ({ AUDIO: failing(env.AUDIO, ['delete']) }),
  'KV that cannot delete': () => ({ SPEECH_INDEX: failing(env.SPEECH_INDEX, ['delete']) }),
}

describe('an erasure that a store cuts short', () => {
  it.each(Object.entries(broken))(
    'ends the account at once, and the sweep does the rest: %s',
    async (_, makeBroken) => {
      await sweepAlone()
      const kept = await everythingInKv()
      const life = await fullLife()
      const bindings = makeBroken()
      const { status, body } = await callWith<ErasureReceipt>(bindings, 'DELETE', '/auth/account', {
        token: life.tokens[0],
      })
      expect([status, await stateOf(body.erasure_id)]).toEqual([202, 'running'])
      expect(await Promise.all(life.tokens.map(statusOf))).toEqual([401, 401])
      await runSchedule(bindings)
      expect(await stateOf(body.erasure_id)).toBe('running')
      expect((await remainsOf(life)).tables).toContain('users')
      await runSchedule()
      expect(await stateOf(body.erasure_id)).toBe('complete')
      expect(await remainsOf(life)).toEqual(nothing)
      expect(await everythingInKv()).toEqual(kept)
      await runSchedule()
      expect(await stateOf(body.erasure_id)).toBe('complete')
    },
  )
})

describe('an erasure among other requests', () => {
  it('leaves nothing, whatever was being written, and nobody hears of a fault of ours', async () => {
    const { token, user, person } = await newUser()
    const { id } = await newConversation(token)
    const write = async (n: number) =>
      n % 2 === 0
        ? await call('POST', `/conversations/${id}/messages`, { token, body: { role: 'user', content: `late ${n}` } })
        : await call<Conversation>('POST', '/conversations', { token, body: { persona_id: fuka } })
    const writers = Array.from({ length: 30 }, (_, n) => write(n))
    const [answer, ...written] = await Promise.all([erase(token), ...writers])
    expect(answer.status).toBe(202)
    expect(written.map(({ status }) => status).filter((status) => ![201, 401, 404, 409].includes(status))).toEqual([])
    expect(await remainsOf({ user, conversationId: id, person })).toEqual(nothing)
  })

  it('comes to one end when it is asked for ten times at once', async () => {
    const { token, user, person } = await newUser()
    const { id } = await newConversation(token)
    const answers = await Promise.all(Array.from({ length: 10 }, () => erase(token)))
    const accepted = answers.filter(({ status }) => status === 202)
    expect(accepted.length + answers.filter(({ status }) => status === 401).length).toBe(10)
    expect(await Promise.all(accepted.map(({ body }) => stateOf(body.erasure_id)))).toEqual(
      accepted.map(() => 'complete'),
    )
    expect(await remainsOf({ user, conversationId: id, person })).toEqual(nothing)
  })

  it('makes a ticket of before as good as any: the identity is free', async () => {
    const { token, person } = await newUser()
    await erase(token)
    expect(await registrationTicket({ person })).toEqual(expect.any(String))
  })
})
