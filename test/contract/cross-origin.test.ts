import { describe, expect, it } from 'vitest'
import { ask } from '#test/setup/ask.ts'
import { fuka, newUser } from '#test/setup/client.ts'
import { operations } from '#test/setup/operations.ts'

const allowed = ['https://app.example', 'http://localhost:5173']
const replaced = { ALLOWED_ORIGINS: allowed.join(' , ') }

/** What CORS tells a browser. */
const grantOf = (headers: Headers) => ({
  origin: headers.get('Access-Control-Allow-Origin'),
  credentials: headers.get('Access-Control-Allow-Credentials'),
  varies: headers
    .get('Vary')
    ?.split(', ')
    .filter((name) => name === 'Origin'),
})
const granted = (origin: string) => ({ origin, credentials: 'true', varies: ['Origin'] })
const refused = { origin: null, credentials: null, varies: ['Origin'] }

const preflight = (Origin: string, method = 'GET') => ({ Origin, 'Access-Control-Request-Method': method })

const strangers = [
  'null',
  '*',
  '',
  'https://app.example/',
  'https://app.example:443',
  'https://app.example:8443',
  'http://app.example',
  'https://APP.example',
  'https://app.example.',
  'https://app.example.evil.test',
  'https://evilapp.example',
  'https://sub.app.example',
  'https://app.example@evil.test',
  'https://app.exampleevil.test',
  'https://appxexample',
  'https://app.example,http://localhost:5173',
  'https://app.example https://evil.test',
  'http://localhost',
  'http://localhost:5174',
  'https://localhost:5173',
  'http://localhost:51730',
  'file://',
]

describe('a cross-origin request', () => {
  it.each(allowed)('is for an origin of the list, whatever the answer: %s', async (origin) => {
    const { token } = await newUser()
    const headers = { Origin: origin }
    for (const answer of [
      await ask('GET', '/version', { headers, replaced }),
      await ask('HEAD', '/version', { headers, replaced }),
      await ask('GET', '/auth/profile', { token, headers, replaced }),
      await ask('GET', '/auth/profile', { headers, replaced }),
      await ask('GET', '/nowhere', { headers, replaced }),
      await ask('PUT', '/personas', { headers, replaced }),
      await ask('POST', '/conversations', { token, body: '{', headers, replaced }),
      await ask('OPTIONS', '/conversations', { headers: preflight(origin, 'POST'), replaced }),
    ])
      expect(grantOf(answer.headers)).toEqual(granted(origin))
  })

  it.each(strangers)('is not for any other: %s', async (origin) => {
    for (const [method, headers] of [
      ['GET', { Origin: origin }],
      ['OPTIONS', preflight(origin)],
    ] as const) {
      const answer = await ask(method, '/version', { headers, replaced })
      expect([method, grantOf(answer.headers)]).toEqual([method, refused])
    }
  })

  it('is for nobody where no origin is named', async () => {
    const answer = await ask('GET', '/version', {
      headers: { Origin: 'https://app.example' },
      replaced: { ALLOWED_ORIGINS: '' },
    })
    expect(grantOf(answer.headers)).toEqual(refused)
  })

  it('is told every method and header that the routes need', async () => {
    const { headers } = await ask('OPTIONS', '/conversations', { headers: preflight(allowed[0] ?? ''), replaced })
    const methods = headers.get('Access-Control-Allow-Methods')?.split(',')
    expect(methods).toEqual(expect.arrayContaining([...new Set(operations.map(({ method }) => method))]))
    expect(headers.get('Access-Control-Allow-Headers')?.toLowerCase().split(',')).toEqual(
      expect.arrayContaining(['authorization', 'content-type', 'idempotency-key', 'range', 'if-none-match']),
    )
  })

  it('is not answered with what the edge kept for another origin', async () => {
    const [origin = ''] = allowed
    const grantTo = async (Origin: string) =>
      grantOf((await ask('GET', `/personas/${fuka}`, { headers: { Origin }, replaced })).headers).origin
    expect([await grantTo(origin), await grantTo('https://evil.test'), await grantTo(origin)]).toEqual([
      origin,
      null,
      origin,
    ])
  })
})
