import { describe, expect, it } from 'vitest'
import { ask, codeOf } from '#test/setup/ask.ts'
import { newUser } from '#test/setup/client.ts'
import { undocumented } from '#test/setup/documented.ts'
import { operations, pathOf } from '#test/setup/operations.ts'

describe('a limiter that says no', () => {
  it.each(operations)('is heard by every route, before the database: $name', async (operation) => {
    const { token } = await newUser()
    const asked: string[] = []
    const limiter: RateLimit = {
      limit: async ({ key }) => {
        asked.push(key)
        return { success: false }
      },
    }
    const replaced = { API_LIMITER: limiter, AUTH_LIMITER: limiter, COSTLY_LIMITER: limiter }
    for (const end of ['1', 'abcd:0:0:7']) {
      const headers = {
        'CF-Connecting-IP': `2001:DB8:0:02::${end}`,
        'X-Forwarded-For': `192.0.2.${end.length}`,
        'X-Real-IP': crypto.randomUUID(),
        Forwarded: `for=${crypto.randomUUID()}`,
      }
      const answer = await ask(operation.method, pathOf(operation), { token, headers, replaced })
      expect([codeOf(answer), answer.flights]).toEqual(['too_many_requests', 0])
      expect(undocumented(operation, answer)).toEqual([])
    }
    const isBySession = operation.readsSession && operation.name !== 'POST /auth/refresh'
    const key = isBySession ? expect.stringMatching(/^session:[0-9a-f]{64}$/) : 'ip:2001:db8:0:2::/64'
    expect(asked).toEqual([key, key])
    expect(asked[0]).toBe(asked[1])
  })

  it('that fails refuses a sign-in and what costs money, and lets everything else pass', async () => {
    const { token } = await newUser()
    for (const operation of operations) {
      const asked: string[] = []
      const failing = (name: string): RateLimit => ({
        limit: async () => {
          asked.push(name)
          throw new Error('the limiter is away')
        },
      })
      const names = ['API_LIMITER', 'AUTH_LIMITER', 'COSTLY_LIMITER'] as const
      const replaced = Object.fromEntries(names.map((name) => [name, failing(name)]))
      const answer = await ask(operation.method, pathOf(operation), { token, replaced })
      const isRefused = codeOf(answer) === 'unavailable'
      expect([operation.name, asked.length, isRefused]).toEqual([operation.name, 1, asked[0] !== 'API_LIMITER'])
      if (isRefused) expect(answer.flights).toBe(0)
      const isWayIn = /\/auth\/(login|register|registration|nonce|refresh|reauthenticate|exchange|\{provider\})/
      if (isWayIn.test(operation.name)) expect([operation.name, asked[0]]).toEqual([operation.name, 'AUTH_LIMITER'])
    }
  })

  it('says so to one address that goes on and on, and to no other', async () => {
    const onAndOn = { headers: { 'CF-Connecting-IP': '198.51.100.7' }, body: '{' }
    const codes: (string | undefined)[] = []
    while (codes.length < 250 && codes.at(-1) !== 'too_many_requests')
      codes.push(codeOf(await ask('POST', '/auth/login', onAndOn)))
    expect(codes.at(-1)).toBe('too_many_requests')
    expect(codes.length).toBeGreaterThan(100)
    const other = { headers: { 'CF-Connecting-IP': '198.51.100.8' }, body: '{' }
    expect(codeOf(await ask('POST', '/auth/login', other))).toBe('malformed_body')
  })
})
