import { beforeAll, describe, expect, it } from 'vitest'
import { ask, codeOf } from '#test/setup/ask.ts'
import { newUser } from '#test/setup/client.ts'
import { schemaFaults, undocumented } from '#test/setup/documented.ts'
import { operations, pathOf } from '#test/setup/operations.ts'
import { fieldsOf, freeFieldsOf, smallestBody } from '#test/setup/request-bodies.ts'
import { unreadable, unstorable, wrongObjects, wrongValues } from '#test/setup/malformed-bodies.ts'
import { rowsOf } from '#test/setup/rows-of.ts'

/** A token in a body may be junk of any kind: it is not genuine, and is not kept. */
const notGenuine = ['invalid_identity_token', 'invalid_ticket']

const unlimited = { API_LIMITER: undefined, AUTH_LIMITER: undefined, COSTLY_LIMITER: undefined } as never

// What these take is another's to say: test/api/openai-dialect.test.ts, test/api/chat-transport.test.ts.
const taking = operations.filter(({ takesBody, path }) => takesBody && !/^\/(v1\/|chat$)/.test(path))

describe.each(taking)('$name', (operation) => {
  let user: Awaited<ReturnType<typeof newUser>>
  let before: Awaited<ReturnType<typeof rowsOf>>
  beforeAll(async () => {
    user = await newUser()
    before = await rowsOf(user.user.id)
  })

  const send = async (body: BodyInit, headers: HeadersInit = {}) => {
    const { token } = user
    const answer = await ask(operation.method, pathOf(operation), { token, body, headers, replaced: unlimited })
    expect(undocumented(operation, answer)).toEqual([])
    // What shows that it is not genuine alone, to a session: that the session is live is found out before a provider is asked.
    const most = operation.needsSession && notGenuine.includes(codeOf(answer) ?? '') ? 1 : 0
    expect(answer.flights).toBeLessThanOrEqual(most)
    return answer
  }
  const refuses = async (body: unknown, codes = ['invalid_body']) => {
    const text = JSON.stringify(body)
    expect([text.slice(0, 300), codeOf(await send(text))]).toEqual([text.slice(0, 300), expect.toBeOneOf(codes)])
  }

  it('refuses what is not JSON, too long, or no object, and never flies', async () => {
    // A companion with all that it knows may be longer.
    const isLonger = operation.path.startsWith('/personas') && !operation.path.endsWith('/preferences')
    const told = isLonger ? unreadable.filter(([name]) => !name.startsWith('64 kB and')) : unreadable
    for (const [name, code, body] of told) expect([name, codeOf(await send(body()))]).toEqual([name, code])
    expect(await rowsOf(user.user.id)).toEqual(before)
  })

  it('refuses a field that it does not know beside all that it asks for', async () => {
    const body = smallestBody(operation)
    for (const name of ['is_admin', 'user_id', 'role_', 'constructor', 'toString', ''])
      await refuses({ ...body, [name]: 'x' })
    expect(await rowsOf(user.user.id)).toEqual(before)
  })

  it('refuses what the document refuses, and texts that cannot be kept, in every field', async () => {
    const schema = operation.document.requestBody?.content['application/json']?.schema
    const body = smallestBody(operation)
    for (const field of fieldsOf(operation)) {
      const wrong = wrongValues.filter((value) => schemaFaults(schema, { ...body, [field]: value }).length > 0)
      expect(wrong.length).toBeGreaterThan(3)
      for (const value of wrong) await refuses({ ...body, [field]: value })
      for (const value of unstorable) await refuses({ ...body, [field]: value }, ['invalid_body', ...notGenuine])
      for (const value of unstorable) await refuses({ ...body, [field]: [value] })
    }
    for (const field of freeFieldsOf(operation))
      for (const value of wrongObjects) await refuses({ ...body, [field]: value })
    expect(await rowsOf(user.user.id)).toEqual(before)
  })

  it('takes JSON only, whatever the type is called', async () => {
    const types = [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'text/json',
      '',
    ]
    for (const type of [...types, 'application/jsonx', 'application/json5', 'application/problem+json']) {
      const answer = await send(JSON.stringify(smallestBody(operation)), { 'Content-Type': type })
      expect([type, codeOf(answer)]).toEqual([type, 'unsupported_media_type'])
    }
    const spelled = { 'Content-Type': 'Application/JSON; charset=utf-8' }
    expect(codeOf(await send('[]', spelled))).toBe('invalid_body')
  })
})
