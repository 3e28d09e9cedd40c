import { describe, expect, it } from 'vitest'
import { ask, codeOf } from '#test/setup/ask.ts'
import { newUser } from '#test/setup/client.ts'
import { operations, pathOf } from '#test/setup/operations.ts'
import { databaseAt } from '#test/setup/other-database.ts'
import { someWords, walkEveryRoute } from '#test/setup/walk.ts'

const always = {
  'X-Content-Type-Options': 'nosniff',
  'Strict-Transport-Security': 'max-age=63072000; includeSubDomains',
  'Referrer-Policy': 'no-referrer',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  Vary: expect.stringMatching(/(^|, )Origin(,|$)/),
  'X-Request-Id': expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
  'Server-Timing': expect.stringMatching(/^db;desc="\d+ flights?"$/),
}

/** What a cache may keep, and how long: nothing else is stored by anybody. */
const kept: Readonly<Record<string, string>> = {
  'GET /personas (miss)': 'public, max-age=60',
  'GET /personas (hit)': 'public, max-age=60',
  'GET /personas (not modified)': 'public, max-age=60',
  'GET /voice/audio/{id} (whole)': 'private, max-age=3600',
  'GET /voice/audio/{id} (range)': 'private, max-age=3600',
}

const valuesOf = (headers: Headers, names: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.keys(names).map((name) => [name, headers.get(name)]))

/** Nothing listens there. */
const unreachable = databaseAt('postgres://nobody:nothing@127.0.0.1:9/nowhere')

describe('the headers', () => {
  it('guard every answer of the main job, and keep from caches what is not public', async () => {
    for (const { operation, label, headers } of await walkEveryRoute(someWords())) {
      expect([operation, valuesOf(headers, always)]).toEqual([operation, always])
      const name = label === '' ? operation : `${operation} (${label})`
      expect([name, headers.get('Cache-Control')]).toEqual([name, kept[name] ?? 'no-store'])
    }
  })

  it('guard every failure, preflight and head', async () => {
    const { token } = await newUser()
    const nobody = { limit: async () => ({ success: false }) }
    const answers = {
      404: await ask('GET', '/nowhere'),
      405: await ask('PUT', '/personas'),
      401: await ask('GET', '/auth/session'),
      400: await ask('POST', '/conversations', { token, body: '{' }),
      413: await ask('POST', '/conversations', { token, body: ' '.repeat(70_000) }),
      415: await ask('POST', '/conversations', { token, body: 'a', headers: { 'Content-Type': 'text/plain' } }),
      422: await ask('POST', '/conversations', { token, body: '{}' }),
      429: await ask('GET', '/version', { replaced: { API_LIMITER: nobody } }),
      500: await ask('GET', '/version', { replaced: { VERSION: { id: 1n } } as never }),
      503: await ask('GET', '/auth/profile', { token, replaced: unreachable }),
      204: await ask('OPTIONS', '/personas'),
      200: await ask('HEAD', '/version'),
    }
    for (const [status, answer] of Object.entries(answers)) {
      expect(answer.status).toBe(Number(status))
      expect([status, valuesOf(answer.headers, always)]).toEqual([status, always])
      expect([status, answer.headers.get('Cache-Control')]).toEqual([status, 'no-store'])
    }
    const broken = await ask('GET', '/version', { replaced: { MINIMUM_AGE: 'many' } })
    expect([broken.status, broken.headers.get('X-Content-Type-Options')]).toEqual([503, 'nosniff'])
  })
})

describe('a method that a path does not answer to', () => {
  const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND']
  const paths = [...new Set(operations.map(({ path }) => path))]

  it.each(paths)('is refused with those that it does: %s', async (path) => {
    const known = operations.filter((operation) => operation.path === path)
    const allowed = new Set(known.map(({ method }) => method))
    const heads = allowed.has('GET') ? ['HEAD'] : []
    const wrong = [...methods, ...(allowed.has('GET') ? [] : ['HEAD'])].filter((method) => !allowed.has(method))
    for (const method of wrong) {
      const url = pathOf({ path } as never)
      const answer = await ask(method, url, { replaced: unreachable })
      expect([method, answer.status, answer.headers.get('Allow'), answer.flights]).toEqual([
        method,
        405,
        [...allowed, ...heads, 'OPTIONS'].toSorted().join(', '),
        0,
      ])
      if (method !== 'HEAD') expect(codeOf(answer)).toBe('method_not_allowed')
    }
  })
})

describe('without a database', () => {
  it.each(operations)('what needs none is answered all the same: $name', async (operation) => {
    const { method } = operation
    const { token } = await newUser()
    const path = pathOf(operation)
    const send = async (at: string, asking: Parameters<typeof ask>[2]) => {
      const answer = await ask(method, at, { ...asking, replaced: unreachable })
      return [codeOf(answer), answer.flights]
    }
    expect((await ask('OPTIONS', path, { replaced: unreachable })).status).toBe(204)
    expect(await send(`${path.split('?')[0]}/no/where`, { token })).toEqual(['not_found', 0])
    if (operation.readsSession) {
      const headers = { Authorization: `Bearer nf_${'a'.repeat(51)}` }
      expect(await send(path, { headers })).toEqual(['unauthenticated', 0])
    }
    if (operation.takesBody) expect(await send(path, { token, body: '{' })).toEqual(['malformed_body', 0])
    const body = operation.takesBody ? '{}' : undefined
    if (operation.path.includes('{'))
      expect(await send(pathOf(operation, 'x'.repeat(101)), { token, body })).toEqual(['invalid_parameter', 0])
  })
})
