import { describe, expect, it } from 'vitest'
import { call, newUser } from '#test/setup/client.ts'
import { newConversation } from '#test/setup/talk.ts'
import { callWith } from '#test/setup/worker-with.ts'

const broken = { limit: async () => await Promise.reject(new Error('the limiter is down')) }

describe('a feature that is not configured', () => {
  it('says so, and leaves the others alone', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    const turn = { token, body: { content: 'Hello?' } }
    const speech = { token, body: { text: 'Hello?', voice: 'slt' } }
    const login = { body: { provider: 'google', token: 'x' } }
    const cases = [
      await callWith({ LLM_BASE_URL: '' }, 'POST', `/conversations/${id}/turns`, turn),
      await callWith({ SPEECH_PROVIDER: '' }, 'POST', '/voice/speech', speech),
      await callWith({ AUDIO: undefined } as never, 'POST', '/voice/speech', speech),
      await callWith({ GOOGLE_CLIENT_ID: '' }, 'POST', '/auth/login', login),
      await callWith({ TOKEN_SIGNING_KEY: '' }, 'GET', '/auth/profile', { token }),
      await callWith({ HYPERDRIVE: undefined } as never, 'GET', '/auth/profile', { token }),
      await call('POST', '/auth/login', { body: { provider: 'apple', token: 'x' } }),
    ]
    for (const { status, headers, body } of cases) {
      expect([status, headers.get('Retry-After'), body]).toEqual([
        503,
        '300',
        expect.objectContaining({ code: 'not_configured' }),
      ])
    }
    expect((await callWith({ LLM_BASE_URL: '' }, 'GET', '/conversations', { token })).status).toBe(200)
  })

  it('never starts with a configuration that is wrong', async () => {
    for (const wrong of [{ TOKEN_SIGNING_KEY: 'short' }, { MINIMUM_AGE: 'many' }, { ENVIRONMENT: 'production' }]) {
      const { status, body } = await callWith(wrong, 'GET', '/version')
      expect([status, body]).toEqual([503, expect.objectContaining({ code: 'not_configured' })])
    }
  })
})

describe('a limiter that fails', () => {
  it('lets ordinary requests pass, and refuses sign-in and what costs money', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    const limiters = { API_LIMITER: broken, AUTH_LIMITER: broken, COSTLY_LIMITER: broken }
    expect((await callWith(limiters, 'GET', '/auth/profile', { token })).status).toBe(200)
    const refused = [
      await callWith(limiters, 'POST', '/auth/login', { body: { provider: 'google', token: 'x' } }),
      await callWith(limiters, 'POST', `/conversations/${id}/turns`, { token, body: { content: 'x' } }),
    ]
    expect(refused.map(({ status, body }) => [status, body['code']])).toEqual([
      [503, 'unavailable'],
      [503, 'unavailable'],
    ])
  })
})
