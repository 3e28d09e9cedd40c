import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Authenticated, RegistrationRequired } from '#src/auth/shapes.ts'
import { call, googleToken, registration, registrationTicket, signIn, type Answer } from '#test/setup/client.ts'
import { subjectOf } from '#test/setup/google-tokens.ts'
import { asOwner, tablesThatHoldEach } from '#test/setup/owner-database.ts'
import { foundProvider } from '#test/setup/providers/private-provider.ts'
import { noTrace, subjectHashOf, tracesOf } from '#test/setup/traces.ts'
import { callWith } from '#test/setup/worker-with.ts'

type Registered = Authenticated | { code: string }

const outcome = ({ status, body }: Answer<Registered>) => `${status} ${'code' in body ? body.code : body.status}`
const register = async (ticket: string, birthdate: unknown) =>
  await call<Registered>('POST', '/auth/register', { body: { ...registration(ticket), birthdate } })

const refusal = {
  type: 'urn:neuraform:problem:registration_refused',
  title: 'An account cannot be created.',
  status: 403,
  code: 'registration_refused',
}

/** The day so many years and days from today by UTC. */
function day(years: number, days = 0): string {
  const date = new Date()
  date.setUTCFullYear(date.getUTCFullYear() - years, date.getUTCMonth(), date.getUTCDate() + days)
  return date.toISOString().slice(0, 10)
}

const adult = '1990-06-15'
const child = day(11)

afterEach(() => {
  vi.useRealTimers()
})

/** Registers somebody new with this birthdate on a day of the past or the future. */
async function registerOn(now: string, birthdate: string, variables: Record<string, string> = {}): Promise<string> {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(now) })
  const google = await foundProvider('google')
  const { body } = await google.signIn(await google.token())
  const ticket = 'registration_ticket' in body ? body.registration_ticket : ''
  const answer = await callWith<Registered>({ ...google.variables, ...variables }, 'POST', '/auth/register', {
    body: { ...registration(ticket), birthdate },
  })
  vi.mocked(fetch).mockRestore()
  return outcome(answer)
}

describe('the age of somebody who registers', () => {
  it.each([
    ['on the 13th birthday', '2026-11-24T12:00:00Z', '2013-11-24', '201 authenticated'],
    ['a day before it', '2026-11-24T12:00:00Z', '2013-11-25', '403 registration_refused'],
    ['in the first moment of it by UTC', '2026-11-24T00:00:00Z', '2013-11-24', '201 authenticated'],
    ['in the last moment before it by UTC', '2026-11-23T23:59:59Z', '2013-11-24', '403 registration_refused'],
    ['born on 29 February, on 28 February', '2025-02-28T12:00:00Z', '2012-02-29', '403 registration_refused'],
    ['born on 29 February, on 1 March', '2025-03-01T12:00:00Z', '2012-02-29', '201 authenticated'],
    ['on 29 February, born the day before', '2028-02-29T12:00:00Z', '2015-02-28', '201 authenticated'],
    ['on 29 February, born on 1 March', '2028-02-29T12:00:00Z', '2015-03-01', '403 registration_refused'],
    ['born today', '2026-11-24T12:00:00Z', '2026-11-24', '403 registration_refused'],
    ['born tomorrow', '2026-11-24T12:00:00Z', '2026-11-25', '422 invalid_body'],
  ])('counts in days by UTC: %s', async (_, now, birthdate, expected) => {
    expect(await registerOn(now, birthdate)).toBe(expected)
  })

  it('is held against the operator’s own minimum', async () => {
    const minimum = { MINIMUM_AGE: '16' }
    expect(await registerOn('2026-11-24T12:00:00Z', '2010-11-25', minimum)).toBe('403 registration_refused')
    expect(await registerOn('2026-11-24T12:00:00Z', '2010-11-24', minimum)).toBe('201 authenticated')
  })

  it('does not depend on the time zone that they name', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
    for (const timezone of ['Pacific/Kiritimati', 'Etc/GMT+12']) {
      const body = { ...registration(await registrationTicket()), timezone, birthdate: day(13, 1) }
      expect(outcome(await call<Registered>('POST', '/auth/register', { body }))).toBe('403 registration_refused')
    }
  })

  it('leaves two dates in clear, rounded up to the first of a month', async () => {
    const answer = await call<Authenticated>('POST', '/auth/register', {
      body: { ...registration(await registrationTicket()), birthdate: '2004-02-29' },
    })
    const dates = await asOwner(
      'select opens_16_on::text as opens_16_on, opens_18_on::text as opens_18_on from users where id = $1',
      [answer.body.user.id],
    )
    expect(dates).toEqual([{ opens_16_on: '2020-03-01', opens_18_on: '2022-03-01' }])
  })
})

describe('a birthdate that is none', () => {
  it.each([
    'infinity',
    '-infinity',
    'today',
    'now',
    'epoch',
    '0044-03-15 BC',
    '-000044-03-15',
    '0000-01-01',
    '0044-03-15',
    '1800-01-01',
    '1899-12-31',
    day(-1),
    day(0, 1),
    '9999-12-31',
    '10000-01-01',
    '2011-02-30',
    '2011-02-29',
    '1900-02-29',
    '2010-04-31',
    '2010-13-01',
    '2010-00-10',
    '2010-01-00',
    '2010-01-32',

    '2010-1-1',
    '20100101',
    '2010-01-01T00:00:00Z',
    '01/02/2010',
    ' 2010-01-01',
    '2010-01-01\n',
    '２０１０-01-01',
    '',
    20100101,
    null,
    true,
    ['2010-01-01'],
    { year: 2010 },
  ])('is refused as such, with the ticket still good: %j', async (birthdate) => {
    const ticket = await registrationTicket()
    const answer = await call<{ code: string; errors: { pointer: string }[] }>('POST', '/auth/register', {
      body: { ...registration(ticket), birthdate },
    })
    const pointers = new Set(answer.body.errors.map(({ pointer }) => pointer))
    expect([answer.status, answer.body.code, pointers]).toEqual([422, 'invalid_body', new Set(['/birthdate'])])
    expect(outcome(await register(ticket, adult))).toBe('201 authenticated')
  })

  it('is not a leap day of a leap year', async () => {
    expect(outcome(await register(await registrationTicket(), '2000-02-29'))).toBe('201 authenticated')
  })
})

describe('a refusal for age', () => {
  it('says nothing but that it is one', async () => {
    for (const birthdate of [child, day(0), day(12)]) {
      const { status, body, headers } = await register(await registrationTicket(), birthdate)
      expect([status, body, headers.get('Retry-After')]).toEqual([403, refusal, null])
    }
  })

  it('keeps nothing of the person but a keyed hash, in no table, store or log', async () => {
    const canary = crypto.randomUUID()
    const person = `new:${canary}`
    const claims = { email: `kid.${canary}@gmail.com`, given_name: `Given${canary}`, sub: `sub-${canary}` }
    const birthdate = '2016-02-29'
    const stored = async () => [(await env.SPEECH_INDEX?.list())?.keys, (await env.AUDIO?.list())?.objects]
    const before = await stored()
    const logs = [vi.spyOn(console, 'log'), vi.spyOn(console, 'error'), vi.spyOn(console, 'warn')]
    const body = {
      ...registration(await registrationTicket({ person, claims })),
      birthdate,
      first_name: `First${canary}`,
    }
    expect(outcome(await call<Registered>('POST', '/auth/register', { body }))).toBe('403 registration_refused')
    expect(await tracesOf(claims)).toEqual({ ...noTrace, login_tickets: 1 })
    expect(await tablesThatHoldEach([canary, birthdate])).toEqual([[], []])
    expect(await stored()).toEqual(before)
    const lines = JSON.stringify(logs.flatMap((log) => log.mock.calls))
    expect([lines.includes('registration_refused'), lines.includes(canary), lines.includes(birthdate)]).toEqual([
      true,
      false,
      false,
    ])
  })

  it('spends the ticket', async () => {
    const ticket = await registrationTicket()
    await register(ticket, child)
    expect(outcome(await register(ticket, adult))).toBe('409 ticket_used')
    expect(outcome(await register(ticket, child))).toBe('409 ticket_used')
  })

  it('holds for another birthdate and another ticket of the same person', async () => {
    const person = `new:${crypto.randomUUID()}`
    const [first, second] = [await registrationTicket({ person }), await registrationTicket({ person })]
    await register(first, child)
    const retry = await register(second, adult)
    expect([retry.status, retry.body]).toEqual([403, refusal])
    const { status, body } = await signIn(await googleToken({ person }))
    expect([status, body]).toEqual([403, refusal])
    expect((await tracesOf({ sub: await subjectOf(person), email: '' })).users).toBe(0)
  })

  it('lasts for a day by the database’s clock', async () => {
    const person = `new:${crypto.randomUUID()}`
    await register(await registrationTicket({ person }), child)
    const subjectHash = await subjectHashOf(await subjectOf(person))
    const shift = async (interval: string) => {
      await asOwner('update login_tickets set expires_at = expires_at - $1::interval where subject_hash = $2', [
        interval,
        subjectHash,
      ])
    }
    await shift('23 hours 59 minutes')
    expect((await signIn(await googleToken({ person }))).status).toBe(403)
    await shift('1 minute')
    const { body } = await call<RegistrationRequired>('POST', '/auth/login', {
      body: { provider: 'google', token: await googleToken({ person }) },
    })
    expect(outcome(await register(body.registration_ticket, adult))).toBe('201 authenticated')
  })

  it('leaves everybody else alone', async () => {
    await register(await registrationTicket(), child)
    expect(outcome(await register(await registrationTicket(), adult))).toBe('201 authenticated')
  })

  it('comes to one refusal and spent tickets when it is sought twenty times at once', async () => {
    const ticket = await registrationTicket()
    const answers = await Promise.all(Array.from({ length: 20 }, () => register(ticket, child)))
    expect(answers.map(outcome).toSorted()).toEqual([
      '403 registration_refused',
      ...Array.from({ length: 19 }, () => '409 ticket_used'),
    ])
  })
})

describe('the contract', () => {
  it('does not say how old somebody must be', async () => {
    const { body } = await call('GET', '/openapi.json')
    const text = JSON.stringify(body)
    expect(text).toContain('birthdate')
    expect(text.match(/\b13\b|thirteen|minimum.?age|too.?young|under.?age|years old|\bCOPPA\b/gi)).toBeNull()
  })
})
