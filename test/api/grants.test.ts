import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Authenticated, IdentitySummary, RegistrationRequired } from '#src/auth/shapes.ts'
import { readTicket } from '#src/auth/ticket.ts'
import { configOf, type Env } from '#src/config.ts'
import { ask } from '#test/setup/ask.ts'
import { appleHandover, askUpstream, newUser, registration } from '#test/setup/client.ts'
import { eventually } from '#test/setup/eventually.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { runSchedule, sweepAlone } from '#test/setup/worker-with.ts'

const client = 'com.example.companion'
const somebody = () => `new:${crypto.randomUUID()}`

/** Apple takes nothing back: nobody listens where it should. */
const appleIsDown: Partial<Env> = {
  APPLE_ENDPOINTS: JSON.stringify({
    ...(JSON.parse(String(env.APPLE_ENDPOINTS)) as object),
    revocation: 'http://127.0.0.1:1/',
  }),
}

/** What Apple was given back of a person. */
async function givenBack(person: string) {
  const { revocations } = await askUpstream<{ revocations: { person: string; client: string }[] }>(
    '/identity/revocations',
  )
  return revocations.filter((one) => one.person === person).map((one) => one.client)
}

interface Sent {
  readonly token?: string
  readonly body?: unknown
  readonly replaced?: Partial<Env>
}

async function send<Body>(method: string, path: string, { token, body, replaced }: Sent) {
  const { status, text } = await ask(method, path, {
    token,
    body: body === undefined ? undefined : JSON.stringify(body),
    ...(replaced === undefined ? {} : { replaced }),
  })
  return { status, body: (text === '' ? null : JSON.parse(text)) as Body }
}

const unlink = async (token: string, id: string, replaced: Partial<Env> = {}) =>
  (await send('DELETE', `/auth/identities/${id}`, { token, replaced })).status
const handOver = async (person: string) => ({ provider: 'apple', ...(await appleHandover({ person })) })

async function offered(person: string): Promise<string> {
  const { body } = await send<RegistrationRequired>('POST', '/auth/login', { body: await handOver(person) })
  return body.registration_ticket
}

async function register(person: string) {
  const body = registration(await offered(person))
  return (await send<Authenticated>('POST', '/auth/register', { body })).body
}

/** Somebody of Google's with an identity of Apple's beside it. */
async function linked(person: string) {
  const { token } = await newUser()
  const body = await handOver(person)
  return { token, id: (await send<IdentitySummary>('POST', '/auth/identities', { token, body })).body.id }
}

const queued = async (id: string) =>
  await asOwner<{ attempts: number; pause: number }>(
    'select attempts, extract(epoch from due_at - now())::int as pause from grants_to_revoke where id = $1',
    [id],
  )
const makeDue = async (id: string) => await asOwner("update grants_to_revoke set due_at = 'epoch' where id = $1", [id])
const idOf = async (ticket: string) => (await readTicket(configOf(env), ticket)).use.id

beforeEach(sweepAlone)

describe('what a provider gave', () => {
  it('is given back when its identity is unlinked', async () => {
    const person = somebody()
    const { token, id } = await linked(person)
    expect(await unlink(token, id)).toBe(204)
    await eventually(async () => expect([await givenBack(person), await queued(id)]).toEqual([[client], []]))
  })

  it('waits where the provider is down, longer each time, and is then given back', async () => {
    const person = somebody()
    const { token, id } = await linked(person)
    await unlink(token, id, appleIsDown)
    const [first] = await queued(id)
    expect(first).toEqual({ attempts: 1, pause: expect.any(Number) })
    await makeDue(id)
    await runSchedule(appleIsDown)
    const [second] = await queued(id)
    expect([second?.attempts, (second?.pause ?? 0) > (first?.pause ?? 0) * 1.5]).toEqual([2, true])
    await runSchedule()
    expect(await givenBack(person)).toEqual([])
    await makeDue(id)
    await runSchedule()
    expect([await givenBack(person), await queued(id)]).toEqual([[client], []])
  })

  it('stays with whoever comes back meanwhile, by registering or by linking', async () => {
    for (const comeBack of [register, linked]) {
      const person = somebody()
      const { token, id } = await linked(person)
      await unlink(token, id, appleIsDown)
      expect(await queued(id)).toHaveLength(1)
      await comeBack(person)
      expect(await queued(id)).toEqual([])
      await runSchedule()
      expect(await givenBack(person)).toEqual([])
    }
  })

  it('stays for the day on which the identity goes, where its person came back without another one', async () => {
    const person = somebody()
    const { token, id } = await linked(person)
    await unlink(token, id, appleIsDown)
    const { token: idToken } = await appleHandover({ person })
    const { body: offer } = await send<RegistrationRequired>('POST', '/auth/login', {
      body: { provider: 'apple', token: idToken },
    })
    const made = await send<Authenticated>('POST', '/auth/register', { body: registration(offer.registration_ticket) })
    await runSchedule()
    expect(await asOwner("select id from grants_to_revoke where id = $1 and due_at = 'infinity'", [id])).toHaveLength(1)
    expect(await givenBack(person)).toEqual([])
    expect((await send('DELETE', '/auth/account', { token: made.body.session_token })).status).toBe(202)
    await runSchedule()
    expect([await givenBack(person), await queued(id)]).toEqual([[client], []])
  })

  it('of a registration that was left waits for the one that its person began after it', async () => {
    const person = somebody()
    const first = await idOf(await offered(person))
    await makeDue(first)
    const second = await offered(person)
    await runSchedule()
    expect(await givenBack(person)).toEqual([])
    await send('POST', '/auth/register', { body: registration(second) })
    expect([await queued(first), await queued(await idOf(second))]).toEqual([[], []])
  })

  it('is given back once nobody can register with it any more', async () => {
    const [gone, stayed] = [somebody(), somebody()]
    const [lost, spent] = [await idOf(await offered(gone)), await idOf(await offered(stayed))]
    const [waiting] = await queued(lost)
    expect([waiting?.attempts, (waiting?.pause ?? 0) > 600]).toEqual([0, true])
    expect(await queued(spent)).toHaveLength(1)
    await register(stayed)
    expect(await queued(spent)).toEqual([])
    await runSchedule()
    expect(await givenBack(gone)).toEqual([])
    await makeDue(lost)
    await runSchedule()
    expect([await givenBack(gone), await givenBack(stayed)]).toEqual([[client], []])
  })

  it('is given back at once for somebody who is too young', async () => {
    const person = somebody()
    const body = { ...registration(await offered(person)), birthdate: `${new Date().getUTCFullYear() - 5}-01-01` }
    expect((await send('POST', '/auth/register', { body })).status).toBe(403)
    await eventually(async () => expect(await givenBack(person)).toEqual([client]))
  })

  it('is given back when the account is erased, also later', async () => {
    const [one, other] = [somebody(), somebody()]
    const erase = async ({ session_token: token }: Authenticated) =>
      (await send('DELETE', '/auth/account', { token })).status
    expect(await erase(await register(one))).toBe(202)
    await runSchedule()
    expect(await givenBack(one)).toEqual([client])
    const leaving = await register(other)
    const [identity] = await asOwner<{ id: string }>('select id from identities where user_id = $1', [leaving.user.id])
    const id = identity?.id ?? ''
    expect(await erase(leaving)).toBe(202)
    await runSchedule(appleIsDown)
    expect(await givenBack(other)).toEqual([])
    expect(await queued(id)).toMatchObject([{ attempts: 1 }])
    await makeDue(id)
    await runSchedule()
    expect([await givenBack(other), await queued(id)]).toEqual([[client], []])
  })

  it('keeps nobody from being erased whose keys are lost', async () => {
    const { session_token: token, user } = await register(somebody())
    await asOwner('delete from user_keys where user_id = $1', [user.id])
    const log = vi.spyOn(console, 'log')
    expect((await send('DELETE', '/auth/account', { token })).status).toBe(202)
    expect(log.mock.calls.flat().join('\n')).toContain('"event":"grant_given_up"')
    expect(await asOwner('select id from users where id = $1', [user.id])).toEqual([])
  })

  it('is given up where it cannot be read any more', async () => {
    const { token, id } = await linked(somebody())
    await unlink(token, id, appleIsDown)
    await asOwner("update grants_to_revoke set sealed_grant = 'nonsense', due_at = now() where id = $1", [id])
    await runSchedule()
    expect(await queued(id)).toEqual([])
  })
})
