import { describe, expect, inject, it, vi } from 'vitest'
import { call, fuka, googleToken, newUser } from '#test/setup/client.ts'
import { databaseAt, databaseVia, transports } from '#test/setup/other-database.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { newConversation } from '#test/setup/talk.ts'
import { callWith } from '#test/setup/worker-with.ts'

const { ownerUrl, upstreamOrigin } = inject('stack')
const secret = 'wrong-password-5b1d'

async function newLife() {
  const { token, user, person } = await newUser()
  return { token, user, id: (await newConversation(token)).id, idToken: await googleToken({ person }) }
}

type Life = Awaited<ReturnType<typeof newLife>>

/** One request of each kind; what each answers when all is well. */
const reads = ({ id }: Life) =>
  [
    ['GET', '/auth/session'],
    ['GET', '/auth/profile'],
    ['GET', '/auth/sessions'],
    ['GET', '/conversations'],
    ['GET', `/conversations/${id}`],
    ['GET', `/conversations/${id}/messages`],
    ['GET', `/personas/${fuka}`],
  ] as const

const writes = ({ id, idToken }: Life) =>
  [
    ['POST', '/conversations', { persona_id: fuka }],
    ['PATCH', `/conversations/${id}`, { title: 'Changed' }],
    ['POST', `/conversations/${id}/messages`, { role: 'user', content: 'Lost?' }],
    ['POST', `/conversations/${id}/turns`, { content: 'Lost?' }],
    ['POST', '/voice/speech', { text: 'Lost?', voice: 'slt' }],
    ['PUT', '/auth/profile', { first_name: 'Changed' }],
    ['POST', '/auth/login', { provider: 'google', token: idToken }],
    ['POST', '/auth/logout', undefined],
    ['DELETE', `/conversations/${id}`, undefined],
    ['DELETE', '/auth/account', undefined],
  ] as const

const unavailable = {
  type: 'urn:neuraform:problem:unavailable',
  title: 'The service cannot answer at the moment.',
  status: 503,
  code: 'unavailable',
}

describe.each(transports)('a database that cannot be used, by %s,', (transport) => {
  const crowded = `crowded_${crypto.randomUUID().replaceAll('-', '')}`

  it.each([
    ['refuses connections', async () => databaseVia((url) => (url.port = '9'), transport)],
    ['cannot be found', async () => databaseVia((url) => (url.hostname = 'nowhere.invalid'), transport)],
    ['is something else', async () => databaseVia((url) => (url.port = new URL(upstreamOrigin).port), transport)],
    ['knows another password', async () => databaseVia((url) => (url.password = secret), transport)],
    ['knows no such login', async () => databaseVia((url) => (url.username = 'nobody'), transport)],
    ['is not there', async () => databaseVia((url) => (url.pathname = '/nowhere'), transport)],
    ['was never set up', async () => databaseVia((url) => (url.pathname = '/postgres'), transport)],
    [
      'takes no more connections',
      async () => {
        await asOwner(`create role ${crowded} login password '${crowded}' connection limit 0`)
        return databaseVia((url) => ([url.username, url.password] = [crowded, crowded]), transport)
      },
    ],
    ['lets a superuser in', async () => databaseAt(ownerUrl, transport)],
  ])('because it %s answers 503 everywhere, while the Worker lives', async (_name, database) => {
    const life = await newLife()
    const variables = await database()
    const visited = `/personas/${crypto.randomUUID()}`
    const log = vi
      .spyOn(console, 'log')
      .mockImplementation(() => undefined)
      .mockClear()
    const cases = [...reads(life), ...writes(life), ['GET', visited], ['GET', '/health/ready']]
    for (const [method = '', path = '', body] of cases) {
      const credential = path === visited || path === '/health/ready' ? {} : { token: life.token }
      const answer = await callWith(variables, method, path, { ...credential, body })
      expect([path, answer.status, answer.headers.get('Retry-After'), answer.body]).toEqual([
        path,
        503,
        '2',
        unavailable,
      ])
    }
    for (const path of ['/health/live', '/version', '/openapi.json']) {
      expect([path, (await callWith(variables, 'GET', path)).status]).toEqual([path, 200])
    }
    const lines = log.mock.calls.flat().map(String)
    expect(lines.filter((line) => line.includes('"status":503')).length).toBe(cases.length)
    expect(
      lines.filter((line) => [secret, new URL(ownerUrl).password, crowded].some((word) => line.includes(word))),
    ).toEqual([])
    for (const [method, path] of reads(life)) expect((await call(method, path, { token: life.token })).status).toBe(200)
    expect((await call('GET', '/health/ready')).status).toBe(200)
    await asOwner(`drop role if exists ${crowded}`)
  })

  it('is not asked for what needs none', async () => {
    const { token, id } = await newLife()
    const variables = databaseVia((url) => (url.port = '9'), transport)
    const answers = [
      await callWith(variables, 'GET', '/auth/profile'),
      await callWith(variables, 'GET', '/auth/profile', { token: `nf_${'a'.repeat(51)}` }),
      await callWith(variables, 'POST', '/conversations', { token, body: { persona_id: 'x' } }),
      await callWith(variables, 'POST', '/auth/login', { body: { provider: 'google', token: 'a.b.c' } }),
      await callWith(variables, 'GET', `/conversations?cursor=${id}`, { token }),
      await callWith(variables, 'GET', '/conversations/1', { token }),
      await callWith(variables, 'GET', '/nowhere'),
      await callWith(variables, 'PUT', '/conversations', { token }),
      await callWith(variables, 'GET', `/voice/audio/${id}?token=x`),
    ]
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 422, 401, 400, 400, 404, 405, 404])
    expect(answers.map(({ headers }) => headers.get('Server-Timing'))).toEqual(answers.map(() => 'db;desc="0 flights"'))
  })
})

describe.each(transports)('a database that is read-only, by %s,', (transport) => {
  const readOnly = '-c default_transaction_read_only=on'
  const variables = databaseVia((url) => url.searchParams.set('options', readOnly), transport)

  it('is read from, also by a session whose last activity is due to be noted', async () => {
    const life = await newLife()
    await asOwner("update user_sessions set last_active_at = now() - interval '5 minutes' where user_id = $1", [
      life.user.id,
    ])
    for (const [method, path] of [...reads(life), ['GET', '/health/ready']] as const) {
      expect([path, (await callWith(variables, method, path, { token: life.token })).status]).toEqual([path, 200])
    }
  })

  it('refuses every write with 503, and nothing is changed', async () => {
    const life = await newLife()
    const before = await asOwner('select updated_at, message_count from conversations where user_id = $1', [
      life.user.id,
    ])
    for (const [method, path, body] of writes(life)) {
      const { status, headers, body: problem } = await callWith(variables, method, path, { token: life.token, body })
      expect([path, status, headers.get('Retry-After'), problem]).toEqual([path, 503, '2', unavailable])
    }
    expect(
      await asOwner('select updated_at, message_count from conversations where user_id = $1', [life.user.id]),
    ).toEqual(before)
    for (const [method, path] of reads(life)) expect((await call(method, path, { token: life.token })).status).toBe(200)
  })
})
