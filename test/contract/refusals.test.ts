import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { configOf } from '#src/config.ts'
import { createSessionToken } from '#src/vault/session-token.ts'
import { ask, type Answered } from '#test/setup/ask.ts'
import { newUser } from '#test/setup/client.ts'
import { operations, pathOf, type Operation } from '#test/setup/operations.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { plainBodies } from '#test/setup/request-bodies.ts'

const guarded = operations.filter(({ needsSession }) => needsSession)

const title = 'A valid session token is needed.'
const problem = { type: 'urn:neuraform:problem:unauthenticated', title, status: 401, code: 'unauthenticated' }
const unauthenticated = JSON.stringify(problem)
const error = { message: title, type: 'authentication_error', param: null, code: 'unauthenticated' }

/** The OpenAI dialect says it in its own way, too. */
const refusalOf = ({ path }: { readonly path: string }) =>
  path.startsWith('/v1/') ? JSON.stringify({ ...problem, error }) : unauthenticated

/** What the operation says to the first body that it does not find fault with. */
async function askWell(operation: Operation, token: string): Promise<Answered> {
  let answer = await ask(operation.method, pathOf(operation), { token })
  for (const body of operation.takesBody ? plainBodies(operation) : []) {
    answer = await ask(operation.method, pathOf(operation), { token, body: JSON.stringify(body) })
    if (answer.status !== 422) break
  }
  return answer
}

/** Headers that hold a good token, but not as a credential, or a credential that is not a good token. */
async function badCredentials(token: string): Promise<Record<string, HeadersInit>> {
  const other = configOf({ ...env, TOKEN_SIGNING_KEY: btoa('k'.repeat(32)) })
  const elsewhere = createSessionToken(other).token
  const altered = (at: number) => token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
  const values = {
    'an empty one': '',
    'a bare token': token,
    'another scheme': `Token ${token}`,
    Basic: `Basic ${btoa(`${token}:`)}`,
    'a scheme alone': 'Bearer',
    'two spaces': `Bearer  ${token}`,
    'a quoted token': `Bearer "${token}"`,
    'two in one header': `Bearer ${token}, Bearer ${token}`,
    'a parameter': `Bearer ${token}, realm=x`,
    '20 kB': `Bearer ${'a'.repeat(20_000)}`,
    'an invented token': `Bearer nf_${'a'.repeat(51)}`,
    'a token with another tag': `Bearer ${altered(50)}`,
    'a token with other random bits': `Bearer ${altered(20)}`,
    'a token in capitals': `Bearer ${token.toUpperCase()}`,
    'a token of another installation': `Bearer ${elsewhere}`,
  }
  // As a page of ours would send them: it is not refused for where it comes from.
  const cookies = {
    'an empty cookie': '__Host-nf_session=',
    'an invented token in the cookie': `__Host-nf_session=nf_${'a'.repeat(51)}`,
    'a token with another tag in the cookie': `__Host-nf_session=${altered(50)}`,
    'a token of another installation in the cookie': `__Host-nf_session=${elsewhere}`,
    'a token with its scheme in the cookie': `__Host-nf_session=Bearer ${token}`,
    'two cookies': `__Host-nf_session=${token}; __Host-nf_session=${token}`,
  }
  const Origin = env.PUBLIC_ORIGIN ?? ''
  const twice: [string, string][] = [
    ['Authorization', `Bearer ${token}`],
    ['Authorization', `Bearer ${token}`],
  ]
  return {
    ...Object.fromEntries(Object.entries(values).map(([name, Authorization]) => [name, { Authorization }])),
    ...Object.fromEntries(Object.entries(cookies).map(([name, Cookie]) => [name, { Cookie, Origin }])),
    'two headers': twice,
  }
}

describe('every route that reads a session', () => {
  const readers = operations.filter(({ readsSession }) => readsSession)
  let token = ''
  beforeAll(async () => {
    token = (await newUser()).token
  })

  it.each(readers)('refuses a bad credential without a flight: $name', async (operation) => {
    for (const [name, headers] of Object.entries(await badCredentials(token))) {
      const { status, text, flights } = await ask(operation.method, pathOf(operation), { headers })
      expect([name, status, text, flights]).toEqual([name, 401, refusalOf(operation), 0])
    }
  })

  it.each(guarded)('looks for the token nowhere else: $name', async (operation) => {
    const { method } = operation
    const url = `${pathOf(operation)}?access_token=${token}&token=${token}`
    const headers = {
      Cookie: `session_token=${token}; nf_session=${token}`,
      'X-Session-Token': token,
      'Proxy-Authorization': token,
    }
    const form = { ...headers, 'Content-Type': 'application/x-www-form-urlencoded' }
    const bare = await ask(method, url, { headers })
    const answer = method === 'GET' ? bare : await ask(method, url, { headers: form, body: `access_token=${token}` })
    for (const { status, text, flights, headers: said } of [bare, answer]) {
      expect([status, text, flights]).toEqual([401, refusalOf(operation), 0])
      expect(said.get('WWW-Authenticate')).toBe('Bearer realm="neuraform"')
    }
  })

  it('takes the scheme in any case', async () => {
    for (const scheme of ['bearer', 'BEARER', 'bEaReR']) {
      const headers = { Authorization: `${scheme} ${token}` }
      expect((await ask('GET', '/auth/session', { headers })).status).toBe(200)
    }
  })

  it('refuses letters outside ASCII', async () => {
    const { text, flights } = await ask('GET', '/auth/session', { headers: { Authorization: `Bearer ${token}é` } })
    expect([text, flights]).toEqual([unauthenticated, 0])
  })

  it.each([
    ['was revoked', "update user_sessions set revoked_at = now(), revoked_reason = 'test' where user_id = $1"],
    ['has been idle too long', 'update user_sessions set expires_at = now() where user_id = $1'],
    ['is too old', 'update user_sessions set absolute_expires_at = now(), expires_at = now() where user_id = $1'],
    ['belongs to an account that is not live', 'update users set is_active = false where id = $1'],
  ])('refuses a session that %s', async (_name, statement) => {
    const { token: ended, user } = await newUser()
    expect((await ask('GET', '/auth/session', { token: ended })).status).toBe(200)
    await asOwner(statement, [user.id])
    for (const operation of readers) {
      const answer = await askWell(operation, ended)
      expect([operation.name, answer.status, answer.text]).toEqual([operation.name, 401, refusalOf(operation)])
    }
    await asOwner('update users set is_active = true where id = $1', [user.id])
  })
})
