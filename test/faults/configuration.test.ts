import { describe, expect, inject, it, vi } from 'vitest'
import type { Env } from '#src/config.ts'
import { call, googleToken, newUser, registrationTicket } from '#test/setup/client.ts'
import { databaseAt } from '#test/setup/other-database.ts'
import { operations, pathOf } from '#test/setup/operations.ts'
import { newConversation } from '#test/setup/talk.ts'
import { callWith } from '#test/setup/worker-with.ts'

const without = (...names: string[]): Partial<Env> => Object.fromEntries(names.map((name) => [name, undefined]))
const secret = 'secret-value-91c4'

describe('what is not configured', () => {
  it.each([
    ['model', without('LLM_BASE_URL'), 'turn', 'No language model is configured.'],
    ['model’s name', { LLM_MODEL: '' }, 'turn', 'No language model is configured.'],
    ['voice', { SPEECH_PROVIDER: '' }, 'speech', 'No voice is configured: SPEECH_PROVIDER.'],
    ['voice’s address', without('SPEECH_BASE_URL'), 'speech', 'SPEECH_BASE_URL is not set.'],
    ['bucket', without('AUDIO'), 'speech', 'Speech needs the bindings SPEECH_INDEX and AUDIO.'],
    ['index', without('SPEECH_INDEX'), 'speech', 'Speech needs the bindings SPEECH_INDEX and AUDIO.'],
    ['Google', { GOOGLE_CLIENT_ID: '' }, 'login', expect.stringContaining('')],
    ['lookup key', without('LOOKUP_KEY'), 'login', expect.stringContaining('LOOKUP_KEY')],
    ['signing key', without('TOKEN_SIGNING_KEY'), 'profile', expect.stringContaining('TOKEN_SIGNING_KEY')],
    ['database', without('HYPERDRIVE'), 'profile', 'No database is bound: HYPERDRIVE or NEON_DATABASE_URL.'],
  ] as const)('is said where the %s is missed, and nowhere else', async (_name, variables, missed, detail) => {
    const { token, person } = await newUser()
    const { id } = await newConversation(token)
    const requests = {
      turn: async () =>
        await callWith(variables, 'POST', `/conversations/${id}/turns`, { token, body: { content: 'Hello?' } }),
      speech: async () =>
        await callWith(variables, 'POST', '/voice/speech', { token, body: { text: 'Hello?', voice: 'slt' } }),
      login: async () =>
        await callWith(variables, 'POST', '/auth/login', {
          body: { provider: 'google', token: await googleToken({ person }) },
        }),
      profile: async () => await callWith(variables, 'GET', '/auth/profile', { token }),
    }
    const { status, headers, body } = await requests[missed]()
    expect([status, headers.get('Retry-After'), body]).toEqual([
      503,
      '300',
      {
        type: 'urn:neuraform:problem:not_configured',
        title: 'This feature is not configured.',
        status: 503,
        code: 'not_configured',
        detail,
      },
    ])
    for (const path of ['/health/live', '/version', '/openapi.json']) {
      expect((await callWith(variables, 'GET', path)).status).toBe(200)
    }
    if (missed === 'profile') return
    expect((await callWith(variables, 'GET', '/conversations', { token })).status).toBe(200)
    expect((await requests.profile()).status).toBe(200)
  })

  it('of the key-encryption keys stops who is new, and who has no opened vault', async () => {
    const ticket = await registrationTicket()
    const body = {
      registration_ticket: ticket,
      first_name: 'R',
      last_name: 'Q',
      birthdate: '1990-06-15',
      terms_version: '1',
      privacy_version: '1',
    }
    const refused = await callWith(without('KEY_ENCRYPTION_KEYS'), 'POST', '/auth/register', { body })
    expect([refused.status, refused.body['code']]).toEqual([503, 'not_configured'])
    expect((await call('POST', '/auth/register', { body })).status).toBe(201)
  })
})

describe('a configuration that is wrong', () => {
  it.each([
    ['TOKEN_SIGNING_KEY', secret],
    ['LOOKUP_KEY', btoa(secret)],
    ['KEY_ENCRYPTION_KEYS', `{"current":"k1","keys":{"k2":"${secret}"}}`],
    ['KEY_ENCRYPTION_KEYS', secret],
    ['MINIMUM_AGE', 'many'],
    ['DATABASE_DEADLINE_MS', '0'],
    ['NEON_DATABASE_URL', `https://${secret}.test/neuraform`],
    ['NEON_DATABASE_URL', `postgres://${secret}.test/neuraform`],
    ['NEON_FETCH_ENDPOINT', `file:///${secret}`],
    ['LLM_BASE_URL', `file:///${secret}`],
    ['ENVIRONMENT', 'home'],
    ['ENVIRONMENT', 'production'],
    ['GOOGLE_ENDPOINTS', `{"issuer":"https://a.test","${secret}":1}`],
  ])('in %s answers 503 everywhere, and the log names what is wrong, not its value', async (name, value) => {
    const log = vi
      .spyOn(console, 'log')
      .mockImplementation(() => undefined)
      .mockClear()
    const answers = await Promise.all(
      operations.map(async (operation) => await callWith({ [name]: value }, operation.method, pathOf(operation))),
    )
    const problem = {
      type: 'urn:neuraform:problem:not_configured',
      title: 'This feature is not configured.',
      status: 503,
      code: 'not_configured',
      detail: 'The configuration of the service is not valid.',
    }
    expect(answers.map(({ status, body }) => [status, body])).toEqual(answers.map(() => [503, problem]))
    const lines = log.mock.calls.flat().map(String)
    expect(lines.length).toBe(operations.length)
    const named = name === 'ENVIRONMENT' && value === 'production' ? 'GOOGLE_ENDPOINTS' : name
    expect(lines.filter((line) => !line.includes(`"detail":"${named}: `))).toEqual([])
    expect(lines.filter((line) => line.includes(secret) || line.includes(btoa(secret)))).toEqual([])
  })
})

describe('another endpoint in Neon’s place', () => {
  it.each([
    ['staging', 503],
    ['production', 503],
    ['development', 200],
  ])('in %s answers %i, since it would be told the password', async (ENVIRONMENT, expected) => {
    const { edgeUrl } = inject('stack')
    const log = vi
      .spyOn(console, 'log')
      .mockImplementation(() => undefined)
      .mockClear()
    const providers = { GOOGLE_ENDPOINTS: '', FACEBOOK_ENDPOINTS: '', APPLE_ENDPOINTS: '' }
    const variables = { ...databaseAt(edgeUrl, 'Neon'), ...providers, ENVIRONMENT }
    expect((await callWith(variables, 'GET', '/health/ready')).status).toBe(expected)
    const lines = log.mock.calls.flat().map(String)
    expect(lines.some((line) => line.includes('"detail":"NEON_FETCH_ENDPOINT: is refused'))).toBe(expected === 503)
    expect(lines.filter((line) => line.includes(new URL(edgeUrl).password))).toEqual([])
  })
})

describe('a limiter that fails', () => {
  const limit = async () => await Promise.reject(new Error('the limiter is down'))
  const limiters = { API_LIMITER: { limit }, AUTH_LIMITER: { limit }, COSTLY_LIMITER: { limit } }

  it('lets ordinary requests pass, and refuses sign-in and what costs money', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    const answers = {
      profile: await callWith(limiters, 'GET', '/auth/profile', { token }),
      list: await callWith(limiters, 'GET', '/conversations', { token }),
      message: await callWith(limiters, 'POST', `/conversations/${id}/messages`, {
        token,
        body: { role: 'user', content: 'x' },
      }),
      personas: await callWith(limiters, 'GET', '/personas?limit=7'),
      login: await callWith(limiters, 'POST', '/auth/login', { body: { provider: 'google', token: 'x' } }),
      register: await callWith(limiters, 'POST', '/auth/register', { body: {} }),
      turn: await callWith(limiters, 'POST', `/conversations/${id}/turns`, { token, body: { content: 'x' } }),
      speech: await callWith(limiters, 'POST', '/voice/speech', { token, body: { text: 'x', voice: 'slt' } }),
    }
    const outcomes = Object.entries(answers).map(([name, { status, body }]) => [
      name,
      status === 503 ? body['code'] : status,
    ])
    expect(Object.fromEntries(outcomes)).toEqual({
      profile: 200,
      list: 200,
      message: 201,
      personas: 200,
      login: 'unavailable',
      register: 'unavailable',
      turn: 'unavailable',
      speech: 'unavailable',
    })
  })
})

describe('a KV and an R2 that fail altogether', () => {
  const fail = async () => await Promise.reject(new Error('the store is down'))
  const down = { get: fail, put: fail, delete: fail, head: fail, list: fail }
  const stores = { SPEECH_INDEX: down as unknown as KVNamespace, AUDIO: down as unknown as R2Bucket }

  it('cost speech its cache, and nobody anything else', async () => {
    const { token, person } = await newUser()
    const body = { provider: 'google', token: await googleToken({ person }) }
    const { id } = await newConversation(token)
    const talk = `/conversations/${id}`
    const statuses = [
      await callWith(stores, 'POST', '/auth/login', { body }),
      await callWith(stores, 'GET', '/auth/profile', { token }),
      await callWith(stores, 'POST', `${talk}/messages`, { token, body: { role: 'user', content: 'x' } }),
      await callWith(stores, 'POST', `${talk}/turns`, {
        token,
        body: { content: 'x' },
        headers: { Accept: 'application/json' },
      }),
      await callWith(stores, 'GET', `${talk}/messages`, { token }),
      await callWith(stores, 'GET', '/health/ready'),
      await callWith(stores, 'POST', '/voice/speech', { token, body: { text: 'x', voice: 'slt' } }),
    ].map(({ status }) => status)
    expect(statuses).toEqual([200, 200, 201, 200, 200, 200, 200])
  })
})
