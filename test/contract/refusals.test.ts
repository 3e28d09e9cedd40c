import { describe, expect, it } from 'vitest'
import { asOwner } from '#test/setup/owner-database.ts'
import { call, fuka, newUser, rawCall } from '#test/setup/client.ts'
import { absentId, operations, pathOf } from '#test/setup/operations.ts'
import { callWith } from '#test/setup/worker-with.ts'

const guarded = operations.filter(({ needsSession }) => needsSession)
const invented = `nf_${'a'.repeat(51)}`

const badCredentials: readonly (readonly [string, Record<string, string>])[] = [
  ['no credential', {}],
  ['an empty one', { Authorization: '' }],
  ['a bare token', { Authorization: invented }],
  ['another scheme', { Authorization: `Token ${invented}` }],
  ['Basic', { Authorization: 'Basic YTpi' }],
  ['two in one header', { Authorization: `Bearer ${invented}, Bearer ${invented}` }],
  ['an endless one', { Authorization: `Bearer ${'a'.repeat(20_000)}` }],
  ['a token that nobody issued', { Authorization: `Bearer ${invented}` }],
]

const unauthenticated = {
  type: 'urn:neuraform:problem:unauthenticated',
  title: 'A valid session token is needed.',
  status: 401,
  code: 'unauthenticated',
}

describe('every route that needs a session', () => {
  it('is among those that the document lists', () => {
    expect(guarded.length).toBeGreaterThan(15)
  })

  it.each(guarded)('refuses a bad credential without a flight: $name', async (operation) => {
    for (const [, headers] of badCredentials) {
      const answer = await call(operation.method, pathOf(operation), { headers })
      expect(answer.body).toEqual(unauthenticated)
      expect(answer.status).toBe(401)
      expect(answer.headers.get('WWW-Authenticate')).toBe('Bearer realm="neuraform"')
      expect(answer.headers.get('Server-Timing')).toBe('db;desc="0 flights"')
    }
  })

  it('takes the token from the header alone, whatever the case of its scheme', async () => {
    const { token } = await newUser()
    expect((await call('GET', `/auth/session?access_token=${token}&token=${token}`)).status).toBe(401)
    for (const scheme of ['bearer', 'BEARER', 'Bearer']) {
      const { status } = await call('GET', '/auth/session', { headers: { Authorization: `${scheme} ${token}` } })
      expect(status).toBe(200)
    }
  })

  it('refuses a session that has expired, was revoked, or whose account is not live', async () => {
    const ended = [
      "update user_sessions set expires_at = now() - interval '1 second' where user_id = $1",
      "update user_sessions set revoked_at = now(), revoked_reason = 'test' where user_id = $1",
      'update users set is_active = false where id = $1',
    ]
    for (const statement of ended) {
      const { token, user } = await newUser()
      expect((await call('GET', '/auth/session', { token })).status).toBe(200)
      await asOwner(statement, [user.id])
      for (const operation of guarded.filter(({ takesBody }) => !takesBody)) {
        const answer = await call(operation.method, pathOf(operation), { token })
        expect([operation.name, answer.status, answer.body]).toEqual([operation.name, 401, unauthenticated])
      }
    }
  })
})

describe('every route with an id', () => {
  const withId = operations.filter(({ path }) => path.includes('{id}'))

  it('answers for what is another’s byte for byte as for what is not there', async () => {
    const [one, two] = [await newUser(), await newUser()]
    const made = await call<{ id: string }>('POST', '/conversations', { token: two.token, body: { persona_id: fuka } })
    const sessions = await call<{ items: { id: string }[] }>('GET', '/auth/sessions', { token: two.token })
    const foreign: Record<string, string | undefined> = {
      conversations: made.body.id,
      sessions: sessions.body.items[0]?.id,
    }
    const bodies: Record<string, unknown> = {
      'PATCH /conversations/{id}': { title: 'x' },
      'POST /conversations/{id}/messages': { role: 'user', content: 'x' },
      'POST /conversations/{id}/turns': { content: 'x' },
    }
    const owned = withId.filter(({ path, needsSession }) => needsSession && /conversations|sessions/.test(path))
    expect(owned.length).toBeGreaterThanOrEqual(7)
    for (const operation of owned) {
      const body = bodies[operation.name]
      const options = { token: one.token, ...(body === undefined ? {} : { body }) }
      const id = foreign[/conversations/.test(operation.path) ? 'conversations' : 'sessions']
      const theirs = await rawCall(operation.method, pathOf(operation, id), options)
      const absent = await rawCall(operation.method, pathOf(operation, absentId), options)
      expect([operation.name, theirs.status]).toEqual([operation.name, 404])
      expect(await theirs.text()).toBe(await absent.text())
    }
    const kept = await call<{ message_count: number }>('GET', `/conversations/${made.body.id}`, { token: two.token })
    expect(kept.body.message_count).toBe(0)
  })

  it.each(withId)('refuses an id that is not a canonical UUID: $name', async (operation) => {
    const { token } = await newUser()
    for (const id of [
      '1',
      absentId.toUpperCase().replace('1', 'A'),
      `{${absentId}}`,
      absentId.replaceAll('-', ''),
      '%00',
    ]) {
      const { status, body } = await call(operation.method, pathOf(operation, id), {
        token,
        ...(operation.takesBody ? { body: {} } : {}),
      })
      expect([id, status, body]).toEqual([id, 400, expect.objectContaining({ code: 'invalid_parameter' })])
    }
  })
})

describe('a limiter that says no', () => {
  const refusing = { limit: async () => ({ success: false }) }

  it.each(operations)('answers 429 with Retry-After: $name', async (operation) => {
    const { token } = await newUser()
    const limits = { API_LIMITER: refusing, AUTH_LIMITER: refusing, COSTLY_LIMITER: refusing }
    const answer = await callWith(limits, operation.method, pathOf(operation), { token })
    expect([answer.status, answer.headers.get('Retry-After')]).toEqual([429, '60'])
    expect(answer.body).toMatchObject({ code: 'too_many_requests' })
  })
})
