import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import type { IdentityList, Refreshed } from '#src/auth/shapes.ts'
import {
  call,
  freshNonce,
  googleToken,
  newUser,
  registration,
  registrationTicket,
  type Answer,
} from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { Browser, newVerifier, returned } from '#test/setup/redirect.ts'

const trials = Number(env['RACE_TRIALS'] ?? 1)
const atOnce = 20

type Said = Answer<{ code?: string; status?: string; id?: string }>

/** Asks twenty times at once; what each was told, and how often. */
async function race(ask: (number: number) => Promise<Said>) {
  const answers = await Promise.all(Array.from({ length: atOnce }, async (_, number) => await ask(number)))
  return Object.fromEntries(
    Map.groupBy(answers, ({ status, body }) => `${status} ${body?.code ?? ''}`.trim())
      .entries()
      .map(([told, { length }]) => [told, length]),
  )
}

/** Runs a race again and again, and says in a line how often each outcome was. */
async function manyTimes(name: string, run: () => Promise<Readonly<Record<string, number>>>): Promise<void> {
  const outcomes = new Map<string, number>()
  for (let trial = 0; trial < trials; trial += 1) {
    const told = Object.entries(await run())
      .map(([answer, count]) => `${count} × ${answer}`)
      .toSorted()
      .join(', ')
    outcomes.set(told, (outcomes.get(told) ?? 0) + 1)
  }
  const counted = [...outcomes].map(([told, count]) => `${count} × (${told})`).join('; ')
  // oxlint-disable-next-line no-console -- the figures that the test is about
  console.info(`race: ${name}, ${trials} trials of ${atOnce}: ${counted}`)
}

const countOf = async (text: string, value: string) =>
  (await asOwner<{ count: number }>(`select count(*)::int as count ${text}`, [value]))[0]?.count
const broken = async (userId: string) =>
  await asOwner(
    `select u.id from users u where u.id = $1 and (
       not exists (select from identities i where i.user_id = u.id) or not exists (select from user_keys k where k.user_id = u.id))`,
    [userId],
  )
const somebody = () => `new:${crypto.randomUUID()}`
const register = async (ticket: string) =>
  await call<{ code?: string }>('POST', '/auth/register', { body: registration(ticket) })
const login = async (body: Record<string, unknown>) =>
  await call<{ code?: string }>('POST', '/auth/login', { body: { provider: 'google', ...body } })
const link = async (token: string, proof: string) =>
  await call<{ code?: string }>('POST', '/auth/identities', { token, body: { provider: 'google', token: proof } })
const identitiesOf = async (token: string) =>
  (await call<IdentityList>('GET', '/auth/identities', { token })).body.items

describe.concurrent('twenty at once', { timeout: 3_600_000 }, () => {
  it('make one account of an identity, and each ends with a session or hears that there is one', async () => {
    await manyTimes('registrations of one identity', async () => {
      const token = await googleToken({ person: somebody() })
      const ticketOf = async () =>
        (await call<{ registration_ticket: string }>('POST', '/auth/login', { body: { provider: 'google', token } }))
          .body.registration_ticket
      const tickets = await Promise.all(Array.from({ length: atOnce }, ticketOf))
      const told = await race(async (number) => await register(tickets[number] ?? ''))
      expect(told).toEqual({ 201: 1, '409 already_registered': atOnce - 1 })
      const again = await call<{ user: { id: string } }>('POST', '/auth/login', { body: { provider: 'google', token } })
      expect(await broken(again.body.user.id)).toEqual([])
      expect(await countOf('from identities where user_id = $1', again.body.user.id)).toBe(1)
      return told
    })
  })

  it('redeem a ticket once', async () => {
    await manyTimes('redemptions of one ticket', async () => {
      const ticket = await registrationTicket()
      const told = await race(async () => await register(ticket))
      const { 201: made, '409 ticket_used': used = 0, '409 already_registered': known = 0, ...others } = told
      expect([made, used + known, others]).toEqual([1, atOnce - 1, {}])
      return told
    })
  })

  it('spend a nonce once', async () => {
    const { person, user } = await newUser()
    await manyTimes('sign-ins with one nonce', async () => {
      const before = await countOf('from user_sessions where user_id = $1', user.id)
      const nonce = await freshNonce()
      const token = await googleToken({ person, nonce })
      const told = await race(async () => await login({ token, nonce }))
      expect(told).toEqual({ 200: 1, '401 invalid_identity_token': atOnce - 1 })
      expect(await countOf('from user_sessions where user_id = $1', user.id)).toBe((before ?? 0) + 1)
      return told
    })
  })

  it('trade the code of a redirect once', async () => {
    const person = somebody()
    const [provider, { verifier, challenge }] = ['google', await newVerifier()] as const
    await register(await registrationTicket({ person }))
    await manyTimes('trades of one code', async () => {
      const { code } = returned(await new Browser().signIn(provider, person, { code_challenge: challenge }))
      const told = await race(async () => {
        const body = { code, code_verifier: verifier }
        return await call<{ code?: string }>('POST', '/auth/exchange', { body })
      })
      expect(told).toEqual({ 200: 1, '401 invalid_code': atOnce - 1 })
      return told
    })
  })

  it('renew a sign-in once', async () => {
    const { person, ...user } = await newUser()
    let { token } = user
    await manyTimes('renewals of one session', async () => {
      const proofs = await Promise.all(
        Array.from({ length: atOnce }, async () => {
          const nonce = await freshNonce()
          return { nonce, token: await googleToken({ person, nonce }) }
        }),
      )
      let next = token
      const told = await race(async (number) => {
        const body = { provider: 'google', ...proofs[number] }
        const answer = await call<{ code?: string; session_token?: string }>('POST', '/auth/reauthenticate', {
          token,
          body,
        })
        next = answer.body.session_token ?? next
        return answer
      })
      expect(told).toEqual({ 200: 1, '401 unauthenticated': atOnce - 1 })
      token = next
      return told
    })
  })

  it('link an identity to one of them', async () => {
    await manyTimes('links of one identity', async () => {
      const people = await Promise.all(Array.from({ length: 4 }, async () => await newUser()))
      const proof = await googleToken({ person: somebody() })
      const told = await race(async (number) => await link(people[number % 4]?.token ?? '', proof))
      expect(told).toEqual({ 201: 1, '409 identity_unavailable': atOnce - 1 })
      await Promise.all(people.map(async ({ user }) => expect(await broken(user.id)).toEqual([])))
      return told
    })
  })

  it('are given one token by a refresh', async () => {
    let { token } = await newUser()
    await manyTimes('refreshes of one session', async () => {
      const tokens = new Set<string>()
      const told = await race(async () => {
        const answer = await call<Refreshed & { code?: string }>('POST', '/auth/refresh', { token })
        tokens.add(answer.body.session_token ?? '')
        return { ...answer, body: {} }
      })
      expect([told, tokens.size]).toEqual([{ 200: atOnce }, 1])
      token = [...tokens][0] ?? ''
      expect((await call('GET', '/auth/session', { token })).status).toBe(200)
      return told
    })
  })

  it('leave somebody a way to sign in when they take the last two away', async () => {
    await manyTimes('unlinkings of the last two', async () => {
      // Somebody new each time: what one session may ask in a minute is limited.
      const { token, user } = await newUser()
      expect((await link(token, await googleToken({ person: somebody() }))).status).toBe(201)
      const ids = (await identitiesOf(token)).map(({ id }) => id)
      const told = await race(
        async (number) => await call<{ code?: string }>('DELETE', `/auth/identities/${ids[number % 2]}`, { token }),
      )
      const { 204: gone, '404 not_found': missing = 0, '422 last_identity': kept = 0, ...others } = told
      expect([gone, missing + kept, others]).toEqual([1, atOnce - 1, {}])
      expect([(await identitiesOf(token)).length, await broken(user.id)]).toEqual([1, []])
      return told
    })
  })
})
