import { describe, expect, it, vi } from 'vitest'
import { ask, type Answered } from '#test/setup/ask.ts'
import { googleToken, newUser } from '#test/setup/client.ts'
import { operations, pathOf } from '#test/setup/operations.ts'
import { databaseAt } from '#test/setup/other-database.ts'
import { fieldsOf, smallestBody } from '#test/setup/request-bodies.ts'
import { newConversation } from '#test/setup/talk.ts'
import { chunkOf, fakeModel, fakeVoice } from '#test/setup/upstreams.ts'
import { someWords, walkEveryRoute, type Exchange } from '#test/setup/walk.ts'
import { runSchedule } from '#test/setup/worker-with.ts'

const secret = {
  firstName: 'Zephyrine-canary',
  lastName: 'Quandle-canary',
  title: 'Canary title of the marmalade',
  said: 'The canary said marmalade to nobody else.',
  device: 'Canary tablet of Zephyrine',
}
const planted = /canary|marmalade|zephyrine|quandle/i
const birthdate = '1990-06-15'

/** Everything that is printed from now on. */
function listen(): () => string {
  const spies = (['log', 'info', 'warn', 'error', 'debug', 'trace'] as const).map((method) =>
    vi
      .spyOn(console, method)
      .mockImplementation(() => undefined)
      .mockClear(),
  )
  return () => spies.flatMap((spy) => spy.mock.calls.flat().map((part) => String(part))).join('\n')
}

/** All that an answer says. */
const wordsOf = ({ headers, text }: Answered | Exchange) => `${JSON.stringify([...headers])}${text}`

/** The credentials that an answer hands out. */
const credentialsOf = ({ text }: Exchange) =>
  [...text.matchAll(/"(?:session_token|registration_ticket|nonce)":"([^"]+)"/g)].map(([, token = '']) => token)

describe('what a person says, is called and holds', () => {
  it('is in no line of the log, and in no answer to anybody else', async () => {
    const printed = listen()
    const exchanges = await walkEveryRoute({ ...secret, person: `new:canary-${crypto.randomUUID()}` })
    const others = await walkEveryRoute(someWords())
    await runSchedule()
    const log = printed()
    expect(log.split('\n').length).toBeGreaterThanOrEqual(exchanges.length + others.length)
    expect(log).not.toMatch(planted)
    expect(log).not.toContain(birthdate)
    expect(others.map(wordsOf).join('\n')).not.toMatch(planted)
    const issued = exchanges.flatMap(credentialsOf)
    expect(issued.length).toBeGreaterThan(3)
    for (const credential of issued) {
      expect(log).not.toContain(credential)
      expect([...exchanges, ...others].filter((exchange) => wordsOf(exchange).includes(credential)).length).toBe(1)
    }
  }, 120_000)
})

describe('a request that is refused', () => {
  const { said } = secret

  it.each(operations)('is not repeated, neither to its sender nor in the log: $name', async (operation) => {
    const { token } = await newUser()
    const printed = listen()
    const plain = operation.takesBody ? smallestBody(operation) : undefined
    const bodies: (string | undefined)[] = [JSON.stringify(plain)]
    if (plain !== undefined) {
      bodies.push(`{"content":"${said}`, JSON.stringify(said), `{"a":"${said}","a":1}`, `{"a":"${said}"}`)
      for (const field of fieldsOf(operation)) bodies.push(JSON.stringify({ ...plain, [field]: [[said]] }))
    }
    const { method } = operation
    const hidden = encodeURIComponent(said)
    const queries = ['cursor', 'limit', 'scope', 'token', 'other'].map((name) => `?${name}=${hidden}`)
    const headers = { 'Idempotency-Key': said, 'User-Agent': said, Accept: said, Range: said, 'If-None-Match': said }
    const answers = await Promise.all([
      ...bodies.map(async (body) => await ask(method, pathOf(operation), { token, body, headers })),
      ask(method, pathOf(operation, hidden), { token, body: bodies[0] }),
      ...queries.map(async (query) => await ask(method, pathOf(operation) + query, { token, body: bodies[0] })),
      ask(method, pathOf(operation), { headers: { Authorization: `Bearer ${said}` } }),
      ask(method, `${pathOf(operation)}/${hidden}`, { token }),
    ])
    for (const answer of answers) expect(wordsOf(answer)).not.toMatch(planted)
    const log = printed()
    // A body that a foreign dialect takes is answered, and what it began has lines of its own.
    expect(log.split('\n').filter((line) => line.includes('"method":')).length).toBe(answers.length)
    expect(log).not.toMatch(planted)
    expect(log).not.toContain(token)
  })
})

/** What a vendor may do with what it was sent; each repeats it where it might be copied from. */
const failures: Record<string, (_call: number, init: RequestInit | undefined) => Response> = {
  'refuses in words': (_, init) => new Response(String(init?.body), { status: 500 }),
  'finds fault with the request': (_, init) => Response.json({ error: { message: init?.body } }, { status: 400 }),
  'sends elsewhere': () => new Response(null, { status: 302, headers: { Location: `https://x.test/${secret.said}` } }),
  'answers nonsense': () => new Response(`data: {"choices":"${secret.said}"}\n\n`),
  'answers what is not JSON': () => new Response(`data: \ndata:     at ${secret.said}:1\n\n`),
  'breaks off': () => new Response(chunkOf('Well, ')),
  'cannot be reached': () => {
    throw new TypeError(`no route to ${secret.said}`)
  },
}

describe('a failure', () => {
  it.each(Object.entries(failures))('of a vendor that %s is told without a word of it', async (_name, fail) => {
    const { token } = await newUser()
    const { id } = await newConversation(token, secret.title)
    const printed = listen()
    fakeModel(fail)
    const turn = `/conversations/${id}/turns`
    const body = JSON.stringify({ content: secret.said })
    const answers = [
      await ask('POST', turn, { token, body }),
      await ask('POST', turn, { token, body, headers: { Accept: 'application/json' } }),
    ]
    vi.unstubAllGlobals()
    fakeVoice(fail)
    answers.push(
      await ask('POST', '/voice/speech', { token, body: JSON.stringify({ text: secret.said, voice: 'slt' }) }),
    )
    for (const { status, text, headers } of answers) {
      if (status !== 200) expect(text + JSON.stringify([...headers])).not.toMatch(planted)
      else expect(text.replaceAll(JSON.stringify(secret.said), '')).not.toMatch(planted)
    }
    expect(printed()).toMatch(/upstream_|speech_refused|interrupted/)
    expect(printed()).not.toMatch(planted)
  })

  it('of our own is told without a word of what was sent, of a secret, or of its cause', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    const idToken = await googleToken()
    const printed = listen()
    const refused = databaseAt('postgres://canary-user:canary-password@127.0.0.1:9/canary')
    const quoting = {
      get: () => {
        throw new RangeError(`what was sent:\n    at canary (${token}:1:1)`)
      },
    }
    const broken = { VERSION: Object.defineProperty({}, 'id', quoting) } as never
    const said = JSON.stringify({ content: secret.said })
    const answers = [
      await ask('POST', '/auth/login', { body: JSON.stringify({ provider: 'google', token: `${idToken}canary` }) }),
      await ask('POST', `/conversations/${id}/turns`, { token, body: said, replaced: refused }),
      await ask('GET', '/auth/profile', { token, replaced: { KEY_ENCRYPTION_KEYS: '{"canary":"marmalade"}' } }),
      await ask('GET', '/version', { replaced: broken }),
    ]
    expect(answers.map(({ status, text }) => `${status} ${(JSON.parse(text) as { code: string }).code}`)).toEqual([
      '401 invalid_identity_token',
      '503 unavailable',
      '503 not_configured',
      '500 internal',
    ])
    for (const answer of answers) expect(wordsOf(answer)).not.toMatch(planted)
    expect(printed()).not.toMatch(planted)
    expect(printed()).not.toContain(token)
    expect(printed()).not.toContain(idToken.slice(0, 40))
    expect(printed()).toContain('"name":"RangeError"')
  })
})
