import { describe, expect, it } from 'vitest'
import { ask, codeOf, type Answered } from '#test/setup/ask.ts'
import { call, newUser } from '#test/setup/client.ts'
import { undocumented } from '#test/setup/documented.ts'
import { absentId, operations, pathOf } from '#test/setup/operations.ts'
import { remember } from '#test/setup/memories.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { idFieldsOf, plainBodies, type Body } from '#test/setup/request-bodies.ts'
import { newRecording } from '#test/setup/speech.ts'
import { newConversation, sayAndWait } from '#test/setup/talk.ts'

type User = Awaited<ReturnType<typeof newUser>>

/** How to make something of a person's own, by the path or the field that its id stands in. */
const makers: Readonly<Record<string, (user: User) => Promise<string>>> = {
  '/conversations/{id}/messages/{message_id}': async ({ token }) => {
    const { id } = await newConversation(token)
    return `${id}/${(await sayAndWait(token, id, 'Hello?')).body.reply?.id}`
  },
  '/conversations/{id}/turns/': async ({ token }) => {
    const { id } = await newConversation(token)
    return `${id}/${(await sayAndWait(token, id, 'Hello?')).body.id}`
  },
  edit_of: async ({ token }) => {
    const { id } = await newConversation(token)
    return (await sayAndWait(token, id, 'Hello?')).body.user_message?.id ?? ''
  },
  '/conversations/': async ({ token }) => (await newConversation(token)).id,
  '/auth/sessions/': async ({ token }) =>
    (await call<{ items: [{ id: string }] }>('GET', '/auth/sessions', { token })).body.items[0].id,
  '/auth/identities/': async ({ token }) =>
    (await call<{ items: [{ id: string }] }>('GET', '/auth/identities', { token })).body.items[0].id,
  '/voice/recordings/': async ({ token }) => (await newRecording(token)).id,
  '/memories/': async ({ token }) => (await remember(token, { content: 'Mine' })).body.id,
  '/personas/': newPersona,
  persona_id: newPersona,
  conversation_id: async ({ token }) => (await newConversation(token)).id,
}

/** Ids that are a permission by themselves, or stand beside one; they are nobody’s. */
const nobodys = new Set(['GET /erasures/{id}', 'GET /voice/audio/{id}'])

async function newPersona({ user }: User): Promise<string> {
  const id = crypto.randomUUID()
  await asOwner(
    `insert into personas (id, owner_id, display_name, description, system_prompt, greeting)
     values ($1, $2, 'Mine', 'A friend', 'You are a friend.', 'Hello.')`,
    [id, user.id],
  )
  return id
}

/** A body that names what its sender owns. */
async function withOwn(
  operation: (typeof operations)[number],
  body: Body | undefined,
  owner: User,
): Promise<Body | undefined> {
  const own: Record<string, unknown> = { ...body }
  const fields = operation.takesBody ? idFieldsOf(operation) : []
  for (const field of fields) if (field in own) own[field] = await makers[field]?.(owner)
  return body === undefined ? undefined : own
}

/** What a client sees of an answer. */
const seen = ({ status, headers, text }: Answered) => [
  status,
  text,
  [...headers].filter(([name]) => name !== 'x-request-id'),
]

const withId = operations.filter(({ path }) => path.includes('{id}'))
const owned = withId.filter(({ name }) => !nobodys.has(name))

describe('what is another’s', () => {
  it.each(owned)('is answered byte for byte as what is not there: $name', async (operation) => {
    const [asker, owner] = [await newUser(), await newUser()]
    const make = Object.entries(makers).find(([prefix]) => operation.path.startsWith(prefix))?.[1]
    const foreign = await make?.(owner)
    if (foreign === undefined) throw new Error('name in `makers` how a person comes to own one')
    const bodies: (Body | undefined)[] = operation.takesBody ? plainBodies(operation) : [undefined]
    for (const [index, body] of bodies.entries()) {
      const asking = { token: asker.token, body: JSON.stringify(body) }
      const answer = await ask(operation.method, pathOf(operation, foreign), asking)
      expect(seen(answer)).toEqual(seen(await ask(operation.method, pathOf(operation), asking)))
      expect(undocumented(operation, answer)).toEqual([])
      if (answer.status !== 422) expect(codeOf(answer)).toBe('not_found')
      else expect(index).toBeLessThan(bodies.length - 1)
    }
    const token = operation.readsSession ? owner.token : undefined
    const theirs = await ask(operation.method, pathOf(operation, foreign), {
      token,
      body: JSON.stringify(await withOwn(operation, bodies.at(-1), owner)),
    })
    expect(codeOf(theirs)).not.toBe('not_found')
  })

  const named = operations.flatMap((operation) =>
    operation.takesBody ? idFieldsOf(operation).map((field) => ({ operation, field, name: operation.name })) : [],
  )

  it.each(named)('is not to be had by naming it in a body either: $field of $name', async ({ operation, field }) => {
    const [asker, owner] = [await newUser(), await newUser()]
    const foreign = await makers[field]?.(owner)
    if (foreign === undefined) throw new Error('name in `makers` how a person comes to own one')
    const body = plainBodies(operation).find((plain) => field in plain)
    const send = async (id: string) =>
      await ask(operation.method, pathOf(operation), {
        token: asker.token,
        body: JSON.stringify({ ...body, [field]: id }),
      })
    const answer = await send(foreign)
    expect(codeOf(answer)).toBe('not_found')
    expect(seen(answer)).toEqual(seen(await send(absentId)))
  })

  it('is not to be had with a permission for one’s own', async () => {
    const [asker, owner] = [await newUser(), await newUser()]
    const speak = async ({ token }: User) =>
      (await call<{ audio_url: string }>('POST', '/voice/speech', { token, body: { text: 'Mine.', voice: 'slt' } }))
        .body
    const [own, foreign] = [new URL((await speak(asker)).audio_url), new URL((await speak(owner)).audio_url)]
    const answer = await ask('GET', `${foreign.pathname}${own.search}`)
    expect(codeOf(answer)).toBe('not_found')
    expect(seen(answer)).toEqual(seen(await ask('GET', `/voice/audio/${absentId}${own.search}`)))
    expect((await ask('GET', `${foreign.pathname}${foreign.search}`)).status).toBe(200)
  })
})

const badIds = [
  '1',
  'null',
  absentId.replace('0000', '000A'),
  absentId.replaceAll('-', ''),
  `{${absentId}}`,
  `urn:uuid:${absentId}`,
  `${absentId}%00`,
  `${absentId}%0A`,
  '0190000٠-0000-7000-8000-000000000000',
  'a'.repeat(5_000),
]

describe('an id that is not a canonical UUID', () => {
  it.each(withId)('is refused without a flight: $name', async (operation) => {
    const { token } = await newUser()
    const body = operation.takesBody ? JSON.stringify(plainBodies(operation)[0]) : undefined
    for (const id of badIds) {
      const answer = await ask(operation.method, pathOf(operation, id), { token, body })
      expect([id, codeOf(answer), answer.flights]).toEqual([id, 'invalid_parameter', 0])
      expect(undocumented(operation, answer)).toEqual([])
    }
  })
})
