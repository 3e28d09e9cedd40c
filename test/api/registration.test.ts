import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Profile } from '#src/accounts/shapes.ts'
import type { Authenticated } from '#src/auth/shapes.ts'
import { readTicket } from '#src/auth/ticket.ts'
import { configOf } from '#src/config.ts'
import { issueSealedToken } from '#src/vault/sealed-token.ts'
import { call, newUser, registration, registrationTicket, type Answer } from '#test/setup/client.ts'
import { subjectOf } from '#test/setup/google-tokens.ts'
import { ownTicket } from '#test/setup/own-ticket.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { noTrace, tracesOf } from '#test/setup/traces.ts'

type Registered = Authenticated | { code: string }

const register = async (body: Record<string, unknown>) => await call<Registered>('POST', '/auth/register', { body })
const outcome = ({ status, body }: Answer<Registered>) => `${status} ${'code' in body ? body.code : body.status}`

afterEach(() => {
  vi.useRealTimers()
})

describe('registering', () => {
  it('of the tests’ own accounts says of a person what a sign-in would have said', async () => {
    const person = `new:${crypto.randomUUID()}`
    const read = async (ticket: string) => await readTicket(configOf(env), ticket)
    const [own, handedOut] = [await read(await ownTicket(person)), await read(await registrationTicket({ person }))]
    const use = { id: expect.any(String), kind: 'registration', expiresAt: expect.any(Date) }
    expect([own, handedOut]).toEqual([
      { ...handedOut, use },
      { ...own, use },
    ])
    expect(Math.abs(own.use.expiresAt.getTime() - handedOut.use.expiresAt.getTime())).toBeLessThan(60_000)
  })

  it('makes the account with its first session in one flight', async () => {
    const person = `new:${crypto.randomUUID()}`
    const wish = {
      ...registration(await registrationTicket({ person })),
      timezone: 'Europe/Copenhagen',
      language_preference: 'da-DK',
      avatar_url: 'https://images.example.com/robin.png',
    }
    const { status, body, headers } = await call<Authenticated>('POST', '/auth/register', { body: wish })
    expect(status).toBe(201)
    expect(body).toEqual({
      status: 'authenticated',
      session_token: expect.stringMatching(/^nf_/),
      expires_at: expect.any(String),
      user: {
        id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
        first_name: 'Robin',
        last_name: 'Quill',
        email: expect.stringMatching(/^robin\..*@gmail\.com$/),
        avatar_url: wish.avatar_url,
        timezone: 'Europe/Copenhagen',
        language_preference: 'da-DK',
        auth_provider: 'google',
        notification_preferences: {},
        ui_preferences: {},
        terms_accepted_at: body.user.created_at,
        privacy_policy_accepted_at: body.user.created_at,
        created_at: body.user.created_at,
        updated_at: body.user.created_at,
      },
    })
    expect(headers.get('Server-Timing')).toBe('db;desc="1 flight"')
    const profile = await call<Profile>('GET', '/auth/profile', { token: body.session_token })
    expect(profile.body).toEqual({ ...body.user, birthdate: '1990-06-15' })
  })

  it('keeps the versions of terms and privacy policy that were accepted', async () => {
    const ticket = await registrationTicket()
    const versions = { terms_version: 'terms:7.0_beta-1', privacy_version: '2026-11-24' }
    const { body } = await call<Authenticated>('POST', '/auth/register', {
      body: { ...registration(ticket), ...versions },
    })
    expect(await asOwner('select terms_version, privacy_version from users where id = $1', [body.user.id])).toEqual([
      versions,
    ])
  })

  it('takes somebody whose provider knows no email', async () => {
    const person = `new:${crypto.randomUUID()}`
    const ticket = await registrationTicket({ person, omit: ['email', 'email_verified'] })
    const { body } = await call<Authenticated>('POST', '/auth/register', { body: registration(ticket) })
    expect(body.user.email).toBeNull()
    expect(
      await asOwner('select email, email_index, is_email_verified from users where id = $1', [body.user.id]),
    ).toEqual([{ email: null, email_index: null, is_email_verified: false }])
  })

  const names = {
    'an emoji family joined by ZWJ': '👩‍👩‍👧‍👦',
    'right-to-left letters': 'مريم בת־שבע',
    'letters of four bytes': '𠮷野 𝒜𝒹𝒶',
    'combining marks, not composed': 'Ame\u0301lie Zo\u0308e',
    'a zero-width non-joiner': 'نام\u200cها',
    'quotes, markup and SQL': `O'Neil "Bobby" <b>; drop table users; --`,
    'a backslash and a line break': 'a\\u0000\nb',
    'the longest name': 'ł'.repeat(100),
    'one letter': '林',
  }

  it.each(Object.entries(names))('keeps a name as it is: %s', async (_, name) => {
    const wish = { ...registration(await registrationTicket()), first_name: name, last_name: name }
    const { body } = await call<Authenticated>('POST', '/auth/register', { body: wish })
    const profile = await call<Profile>('GET', '/auth/profile', { token: body.session_token })
    expect([body.user.first_name, profile.body.first_name, profile.body.last_name]).toEqual([name, name, name])
  })

  it('takes white space around a name away', async () => {
    const wish = { ...registration(await registrationTicket()), first_name: ' \t Ada \n' }
    expect((await call<Authenticated>('POST', '/auth/register', { body: wish })).body.user.first_name).toBe('Ada')
  })
})

describe('what is refused at registration', () => {
  const unacceptable: Record<string, Record<string, unknown>> = {
    'no ticket': { registration_ticket: undefined },
    'no first name': { first_name: undefined },
    'a blank first name': { first_name: ' \u3000\t' },
    'a first name of 101 characters': { first_name: 'a'.repeat(101) },
    'a name with NUL': { last_name: 'a\0b' },
    'a name with a lone surrogate': { last_name: 'a\ud83d' },
    'a name that is a number': { last_name: 7 },
    'no birthdate': { birthdate: undefined },
    'a terms version with a space': { terms_version: 'terms 7' },
    'a terms version beyond ASCII': { terms_version: 'βeta' },
    'an address as the terms version': { terms_version: 'robin@quill.test' },
    'a token as the privacy version': { privacy_version: 'nf_0123456789' },
    'a privacy version of 41 characters': { privacy_version: '7'.repeat(41) },
    'no terms version': { terms_version: undefined },
    'an empty terms version': { terms_version: '' },
    'terms accepted by a boolean': { terms_version: true },
    'no privacy version': { privacy_version: undefined },
    'an unknown time zone': { timezone: 'Mars/Olympus' },
    'an unknown language': { language_preference: 'not a language' },
    'an avatar that runs': { avatar_url: 'javascript:alert(1)' },
    'a device that is a text': { device_info: 'phone' },
    'a subject of the client': { sub: '110169484474386276334' },
    'a provider user id of the client': { provider_user_id: '110169484474386276334' },
    'an email of the client': { email: 'victim@gmail.com' },
    'a provider of the client': { provider: 'google' },
    'an id of the client': { id: '0198f000-0000-7000-8000-000000000009' },
    'a role of the client': { role: 'admin' },
    'an is_active of the client': { is_active: true },
    'an is_email_verified of the client': { is_email_verified: true },
  }

  it.each(Object.entries(unacceptable))('is %s, with nothing written and the ticket still good', async (_, change) => {
    const person = `new:${crypto.randomUUID()}`
    const wish = registration(await registrationTicket({ person }))
    const refused = await register({ ...wish, ...change })
    expect([outcome(refused), refused.headers.get('Server-Timing')]).toEqual([
      '422 invalid_body',
      'db;desc="0 flights"',
    ])
    expect(await tracesOf({ sub: await subjectOf(person), email: '' })).toEqual(noTrace)
    expect(outcome(await register(wish))).toBe('201 authenticated')
  })

  it('is a ticket that nobody issued, or that was issued for something else', async () => {
    const { token } = await newUser()
    const payload = {
      id: crypto.randomUUID(),
      expires_at: Math.floor(Date.now() / 1_000) + 600,
      provider: 'google',
      issuer: 'https://accounts.google.com',
      subject: '110169484474386276334',
      email: 'victim@gmail.com',
      is_email_verified: true,
    }
    const config = configOf(env)
    const tickets = [
      'ticket',
      token,
      '....',
      'a'.repeat(8_000),
      crypto.randomUUID(),
      await issueSealedToken(config, 'cursor', payload, 600),
      await issueSealedToken(config, 'audio', payload, 600),
      await issueSealedToken(config, 'registration', { ...payload, subject: 7 }, 600),
      await issueSealedToken({ ...config, TOKEN_SIGNING_KEY: new Uint8Array(32) }, 'registration', payload, 600),
    ]
    for (const ticket of tickets) {
      const answer = await register(registration(ticket))
      expect([outcome(answer), answer.headers.get('Server-Timing')]).toEqual([
        '401 invalid_ticket',
        'db;desc="0 flights"',
      ])
    }
  })

  it('is a ticket that was altered anywhere', async () => {
    const ticket = await registrationTicket()
    const segments = ticket.split('.')
    const altered = segments.flatMap((segment, position) =>
      segment === ''
        ? []
        : [segments.with(position, (segment.startsWith('A') ? 'B' : 'A') + segment.slice(1)).join('.')],
    )
    const answers = await Promise.all(
      [...altered, ticket.slice(0, -4), `${ticket}A`, ticket.toLowerCase()].map((one) => register(registration(one))),
    )
    expect(new Set(answers.map(outcome))).toEqual(new Set(['401 invalid_ticket']))
    expect(outcome(await register(registration(ticket)))).toBe('201 authenticated')
  })

  it('is a ticket older than ten minutes', async () => {
    const [early, late] = [await registrationTicket(), await registrationTicket()]
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 590_000 })
    expect(outcome(await register(registration(early)))).toBe('201 authenticated')
    vi.setSystemTime(Date.now() + 11_000)
    expect(outcome(await register(registration(late)))).toBe('401 invalid_ticket')
  })

  it('is a ticket that has been used, also for other names', async () => {
    const ticket = await registrationTicket()
    expect(outcome(await register(registration(ticket)))).toBe('201 authenticated')
    expect(outcome(await register(registration(ticket)))).toBe('409 ticket_used')
    expect(outcome(await register({ ...registration(ticket), first_name: 'Mallory' }))).toBe('409 ticket_used')
  })
})

describe('a ticket', () => {
  it('is good for the identity that it was issued for, whoever presents it', async () => {
    const person = `new:${crypto.randomUUID()}`
    const ticket = await registrationTicket({ person })
    const { token } = await newUser()
    const { body } = await call<Authenticated>('POST', '/auth/register', { token, body: registration(ticket) })
    const identities = await asOwner('select subject from identities where user_id = $1', [body.user.id])
    expect(identities).toEqual([{ subject: await subjectOf(person) }])
  })

  it('makes one account with one session when it is redeemed twenty times at once', async () => {
    const person = `new:${crypto.randomUUID()}`
    const ticket = await registrationTicket({ person })
    const answers = await Promise.all(Array.from({ length: 20 }, () => register(registration(ticket))))
    expect(answers.map(outcome).toSorted()).toEqual([
      '201 authenticated',
      ...Array.from({ length: 19 }, () => '409 ticket_used'),
    ])
    const [counts] = await asOwner(
      `select count(distinct i.user_id)::int as users, count(distinct i.id)::int as identities, count(s.id)::int as sessions
       from identities i left join user_sessions s on s.user_id = i.user_id where i.subject = $1`,
      [await subjectOf(person)],
    )
    expect(counts).toEqual({ users: 1, identities: 1, sessions: 1 })
  })
})
