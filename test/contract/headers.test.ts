import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { app } from '#src/app.ts'
import { createExecutionContext } from 'cloudflare:test'
import { call } from '#test/setup/client.ts'
import { someWords, walkEveryRoute } from '#test/setup/walk.ts'

const always = {
  'X-Content-Type-Options': 'nosniff',
  'Strict-Transport-Security': 'max-age=63072000; includeSubDomains',
  'Referrer-Policy': 'no-referrer',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
}

const publicly = /^(public|private), max-age=\d+$/

describe('the headers', () => {
  it('guard every answer, and keep from caches what is not public', async () => {
    const exchanges = await walkEveryRoute(someWords())
    const failures = await Promise.all([
      call('GET', '/nowhere'),
      call('PUT', '/personas'),
      call('GET', '/auth/session'),
    ])
    for (const { headers } of [...exchanges, ...failures]) {
      for (const [name, value] of Object.entries(always)) expect([name, headers.get(name)]).toEqual([name, value])
      expect(headers.get('X-Request-Id')).toMatch(/^[0-9a-f-]{36}$/)
    }
    for (const { operation, label, headers } of exchanges) {
      const mayBeKept = /^GET \/(personas|voice\/audio)/.test(operation) && label !== 'with a session'
      const expected = mayBeKept ? expect.stringMatching(publicly) : 'no-store'
      expect([operation, label, headers.get('Cache-Control')]).toEqual([operation, label, expected])
    }
  })

  it('say which methods a path answers to', async () => {
    const { status, headers, body } = await call('DELETE', '/conversations')
    expect([status, headers.get('Allow')]).toEqual([405, 'GET, HEAD, OPTIONS, POST'])
    expect(body).toMatchObject({ code: 'method_not_allowed' })
  })
})

describe('cross-origin requests', () => {
  const allowed = 'https://app.example'
  const ask = async (origin: string, method = 'GET') =>
    await app.fetch(
      new Request('https://neuraform.test/version', {
        method,
        headers: { Origin: origin, 'Access-Control-Request-Method': 'GET', 'CF-Connecting-IP': '192.0.2.7' },
      }),
      { ...env, ALLOWED_ORIGINS: `${allowed},http://localhost:5173` },
      createExecutionContext(),
    )

  it('are answered for an origin of the list, exactly', async () => {
    for (const method of ['GET', 'OPTIONS']) {
      const { headers } = await ask(allowed, method)
      expect([method, headers.get('Access-Control-Allow-Origin'), headers.get('Vary')]).toEqual([
        method,
        allowed,
        expect.stringContaining('Origin'),
      ])
      expect(headers.get('Access-Control-Allow-Credentials')).toBe(null)
    }
  })

  it.each([
    'null',
    'https://app.example.evil.test',
    'https://evilapp.example',
    'http://app.example',
    'https://app.example:8443',
    'https://APP.example.',
    'http://localhost:5174',
    '*',
  ])('are not for %s', async (origin) => {
    for (const method of ['GET', 'OPTIONS']) {
      const { headers } = await ask(origin, method)
      expect(headers.get('Access-Control-Allow-Origin')).toBe(null)
      expect(headers.get('Vary')).toContain('Origin')
    }
  })
})
