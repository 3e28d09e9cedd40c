/// <reference types="@cloudflare/vitest-pool-workers/types" />
import { createExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { SecurityLog } from '#src/auth/shapes.ts'
import type { ConversationPage, MessagePage, Turn } from '#src/conversations/shapes.ts'
import { serviceScope } from '#src/http/service-scope.ts'
import { addDataKey } from '#src/privacy/rotate-data-key.ts'
import { call, fuka, googleToken, newUser } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { newConversation } from '#test/setup/talk.ts'
import { sayWith } from '#test/setup/talk-with.ts'
import { callWith } from '#test/setup/worker-with.ts'

afterEach(() => {
  vi.useRealTimers()
})

/** Past the time for which the isolate keeps what it has unwrapped. */
const later = () => void vi.useFakeTimers({ now: Date.now() + 6 * 60_000, toFake: ['Date'] })

async function somebody() {
  const { token, user, person } = await newUser()
  const { id } = await newConversation(token, 'A title')
  await call('POST', `/conversations/${id}/messages`, { token, body: { role: 'user', content: 'Hello.' } })
  return { token, userId: user.id, person, conversationId: id }
}

type Somebody = Awaited<ReturnType<typeof somebody>>

const ask = async ({ token }: Somebody, method: string, path: string, body?: unknown) =>
  await callWith<{ code?: string }>({}, method, path, { token, ...(body === undefined ? {} : { body }) })

async function entriesOf({ token }: Somebody, action: string) {
  const { body } = await callWith<SecurityLog>({}, 'GET', '/auth/security-log', { token })
  return body.items.filter((entry) => entry.action === action).map(({ target, details }) => ({ target, details }))
}

const addKey = async ({ userId }: Somebody, version: number) =>
  await addDataKey(serviceScope(env, createExecutionContext()), userId, version)

const damage = async ({ userId }: Somebody, version: number) =>
  await asOwner(
    `update public.user_keys set wrapped_key = set_byte(wrapped_key, 20, get_byte(wrapped_key, 20) # 1)
     where user_id = $1 and version = $2`,
    [userId, version],
  )

/** What may become of the only data key of a person, and what is said of it. */
const damages = [
  ['a flipped bit', 'set wrapped_key = set_byte(wrapped_key, 20, get_byte(wrapped_key, 20) # 1)', 1, 'damaged'],
  ['a cut', 'set wrapped_key = substr(wrapped_key, 1, 40)', 1, 'damaged'],
  ['nothing left of it', `set wrapped_key = ''`, 1, 'damaged'],
  ['another version', 'set version = 7', 7, 'damaged'],
  ['a key-encryption key that nobody has', `set key_encryption_key_id = 'gone'`, 1, 'key_encryption_key_missing'],
  ['its row gone', undefined, 'none', 'lost'],
] as const

describe('a data key with', () => {
  it.each(damages)('%s is a 503 where it is needed, and nowhere else', async (_name, change, version, reason) => {
    const one = await somebody()
    const [stored] = await asOwner<{ row: object }>(
      'select to_jsonb(k) as row from public.user_keys k where user_id = $1',
      [one.userId],
    )
    await asOwner(
      change === undefined
        ? 'delete from public.user_keys where user_id = $1'
        : `update public.user_keys ${change} where user_id = $1`,
      [one.userId],
    )
    later()
    const log = vi.spyOn(console, 'log').mockReturnValue()
    const messages = `/conversations/${one.conversationId}/messages`
    for (const [method, path, body] of [
      ['GET', '/auth/profile'],
      ['PUT', '/auth/profile', { first_name: 'Ida' }],
      ['GET', '/auth/sessions'],
      ['GET', '/conversations'],
      ['POST', '/conversations', { persona_id: fuka, title: 'Another' }],
      ['GET', messages],
      ['POST', messages, { role: 'user', content: 'Hello?' }],
      ['POST', `/conversations/${one.conversationId}/turns`, { content: 'Hello?' }],
      ['POST', '/search', { query: 'hello' }],
      ['POST', '/voice/speech', { text: 'Hello.', voice: 'slt' }],
    ] as const) {
      const { status, headers, body: said } = await ask(one, method, path, body)
      expect([path, status, said.code, headers.get('Retry-After')]).toEqual([path, 503, 'key_unavailable', '60'])
    }
    const login = { provider: 'google', token: await googleToken({ person: one.person }) }
    const refused = await callWith<{ code?: string }>({}, 'POST', '/auth/login', { body: login })
    expect([refused.status, refused.body.code]).toEqual([503, 'key_unavailable'])
    const lines = log.mock.calls.map(([line]) => String(line)).filter((line) => line.includes('"data_key_broken"'))
    log.mockRestore()
    expect(lines.length).toBeGreaterThan(0)
    for (const path of ['/auth/session', '/auth/security-log', '/personas', `/personas/${fuka}`]) {
      expect([path, (await ask(one, 'GET', path)).status]).toEqual([path, 200])
    }
    expect(await entriesOf(one, 'data_key.broken')).toEqual([
      { target: `data_key:${version}`, details: { reason, fingerprint: expect.stringMatching(/^[0-9a-f]{32}$/) } },
    ])
    await asOwner('delete from public.user_keys where user_id = $1', [one.userId])
    await asOwner('insert into public.user_keys select * from jsonb_populate_record(null::public.user_keys, $1)', [
      JSON.stringify(stored?.row),
    ])
    expect((await ask(one, 'GET', '/auth/profile')).status).toBe(200)
  })

  it('its row gone keeps nobody from signing out or leaving', async () => {
    const one = await somebody()
    await asOwner('delete from public.user_keys where user_id = $1', [one.userId])
    later()
    expect((await call('POST', '/auth/logout?scope=others', { token: one.token })).status).toBe(204)
    expect((await call('DELETE', '/auth/account', { token: one.token })).status).toBe(202)
  })
})

describe('one of two data keys', () => {
  it('that does not open is missed by what it sealed, while the newer one serves the rest', async () => {
    const one = await somebody()
    await ask(one, 'POST', '/memories', { content: 'Under the older key.' })
    await addKey(one, 2)
    later()
    const { body } = await callWith<{ id: string }>({}, 'POST', '/conversations', {
      token: one.token,
      body: { persona_id: fuka, title: 'Under the newer key' },
    })
    await damage(one, 1)
    later()
    const messages = `/conversations/${body.id}/messages`
    expect((await ask(one, 'POST', messages, { role: 'user', content: 'Hello again' })).status).toBe(201)
    expect((await ask(one, 'GET', messages)).status).toBe(200)
    // What was remembered under the older one is missed by the turn, and nothing else.
    const turn: Turn = await (await sayWith({}, { token: one.token, id: body.id, content: 'Hello?' })).json()
    expect([turn.state, turn.reply?.memory_ids]).toEqual(['complete', []])
    expect((await ask(one, 'GET', `/conversations/${body.id}`)).status).toBe(200)
    const found = await callWith<MessagePage>({}, 'POST', '/search', { token: one.token, body: { query: 'again' } })
    expect([found.status, found.body.items.length]).toEqual([200, 1])
    expect((await ask(one, 'GET', `/conversations/${one.conversationId}/messages`)).body.code).toBe('key_unavailable')
    expect(await entriesOf(one, 'data_key.broken')).toMatchObject([{ target: 'data_key:1' }])
    expect(await entriesOf(one, 'seal.broken')).toEqual([])
  })

  it('that does not open and would seal is missed by what is written: everything before it can be read', async () => {
    const one = await somebody()
    await addKey(one, 2)
    await damage(one, 2)
    later()
    const read = await callWith<ConversationPage>({}, 'GET', '/conversations', { token: one.token })
    expect([read.status, read.body.items[0]?.title]).toEqual([200, 'A title'])
    expect((await ask(one, 'GET', '/auth/profile')).status).toBe(200)
    const written = await ask(one, 'PUT', '/auth/profile', { first_name: 'Ida' })
    expect([written.status, written.body.code]).toEqual([503, 'key_unavailable'])
  })
})
