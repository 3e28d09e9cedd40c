import { describe, expect, it } from 'vitest'
import { providers } from '#src/auth/providers/verified-identity.ts'
import type { Authenticated, RegistrationRequired } from '#src/auth/shapes.ts'
import { call, registration } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import {
  Browser,
  choose,
  documents,
  hiddenFields,
  newVerifier,
  returned,
  returnTo,
  typed,
} from '#test/setup/redirect.ts'

const newPerson = () => `new:${crypto.randomUUID()}`

async function exchange<Body = Authenticated>(code: string | undefined, verifier: string, more = {}) {
  return await call<Body>('POST', '/auth/exchange', { body: { code, code_verifier: verifier, ...more } })
}

/** Somebody new to us, registered by a client that asks them itself. */
async function registered(provider: (typeof providers)[number], person: string): Promise<Authenticated['user']> {
  const { verifier, challenge } = await newVerifier()
  const answer = await new Browser().signIn(provider, person, { code_challenge: challenge })
  const { body } = await exchange<RegistrationRequired>(returned(answer)['code'], verifier)
  expect(body).toMatchObject({ status: 'registration_required' })
  const made = await call<Authenticated>('POST', '/auth/register', { body: registration(body.registration_ticket) })
  expect(made.status).toBe(201)
  return made.body.user
}

describe.each(providers)('a redirect to %s', (provider) => {
  it('begins with a state, a challenge and a cookie of its own', async () => {
    const { challenge } = await newVerifier()
    const answer = await new Browser().start(provider, { code_challenge: challenge })
    const url = new URL(answer.headers.get('Location') ?? '')
    expect([answer.status, answer.flights, url.searchParams.get('redirect_uri')]).toEqual([
      303,
      0,
      `https://neuraform.test/auth/${provider}/callback`,
    ])
    expect(url.searchParams.get('state')).toMatch(/^[\w-]{43}$/)
    expect(url.searchParams.get('code_challenge_method')).toBe('S256')
    expect(url.searchParams.get('code_challenge')).not.toBe(challenge)
    expect(url.searchParams.get('nonce') ?? 'none').toMatch(provider === 'facebook' ? /^none$/ : /^[\w-]{43}$/)
    const [cookie = '', ...others] = answer.headers.getSetCookie()
    const sameSite = provider === 'apple' ? 'None' : 'Lax'
    expect(others).toEqual([])
    expect(cookie).toMatch(
      new RegExp(`^__Host-nf_state_[\\w-]{12}=[\\w.-]+; Path=/; Secure; HttpOnly; SameSite=${sameSite}; Max-Age=600$`),
    )
    expect(cookie.length).toBeLessThan(4_096)
    expect(cookie).not.toContain(url.searchParams.get('state'))
  })

  it('ends with a code that its verifier trades once for a session, or for a ticket of somebody new', async () => {
    const person = newPerson()
    const user = await registered(provider, person)
    const { verifier, challenge } = await newVerifier()
    const browser = new Browser()
    const answer = await browser.signIn(provider, person, { code_challenge: challenge })
    const { code, ...others } = returned(answer)
    expect([answer.status, others, browser.cookies.size]).toEqual([303, {}, 0])
    expect((await exchange(code, (await newVerifier()).verifier)).body).toMatchObject({ code: 'invalid_code' })
    const { status, body } = await exchange(code, verifier)
    expect([status, body.user.id, body.user.auth_provider]).toEqual([200, user.id, provider])
    expect((await call('GET', '/auth/session', { token: body.session_token })).status).toBe(200)
    const again = await exchange(code, verifier)
    expect([again.status, again.body]).toMatchObject([401, { code: 'invalid_code' }])
  })

  it('gives one session to twenty who trade the same code at once', async () => {
    const person = newPerson()
    await registered(provider, person)
    const { verifier, challenge } = await newVerifier()
    const { code } = returned(await new Browser().signIn(provider, person, { code_challenge: challenge }))
    const answers = await Promise.all(Array.from({ length: 20 }, async () => await exchange(code, verifier)))
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      200,
      ...Array.from({ length: 19 }, () => 401),
    ])
  })

  it('lets a callback that comes twenty times at once through once', async () => {
    const { challenge } = await newVerifier()
    const browser = new Browser()
    const { headers } = await browser.start(provider, { code_challenge: challenge })
    const callback = await choose(headers.get('Location') ?? '', newPerson())
    const cookies = [...browser.cookies]
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const tab = new Browser()
        for (const [name, value] of cookies) tab.cookies.set(name, value)
        return await tab.callBack(provider, callback)
      }),
    )
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      303,
      ...Array.from({ length: 19 }, () => 400),
    ])
  })

  it('puts the session of somebody known into a cookie alone', async () => {
    const person = newPerson()
    const user = await registered(provider, person)
    const browser = new Browser()
    const answer = await browser.signIn(provider, person, { session_mode: 'cookie' })
    expect([answer.status, answer.headers.get('Location')]).toEqual([303, returnTo])
    expect(answer.headers.getSetCookie().at(-1)).toMatch(
      /^__Host-nf_session=nf_[\w-]{51}; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=15552000$/,
    )
    const session = await browser.visit('GET', '/auth/session')
    expect(JSON.parse(session.text)).toMatchObject({ user_id: user.id })
    const earlier = browser.cookieHeader
    await browser.signIn(provider, person, { session_mode: 'cookie' })
    const stale = new Browser()
    expect((await stale.visit('GET', '/auth/session', undefined, { Cookie: earlier })).status).toBe(401)
  })

  it('shows somebody new a page that registers them, and comes back with a code', async () => {
    const { verifier, challenge } = await newVerifier()
    const browser = new Browser(documents)
    const page = await browser.signIn(provider, newPerson(), { code_challenge: challenge })
    expect([page.status, page.headers.get('Content-Type'), browser.cookies.size]).toEqual([
      200,
      'text/html; charset=utf-8',
      0,
    ])
    expect(page.headers.get('Content-Security-Policy')).toContain("form-action 'self' http://localhost:5173")
    expect(page.headers.get('Referrer-Policy')).toBe('same-origin')
    const fields = { ...hiddenFields(page.text), ...typed }
    const own = { Origin: 'https://neuraform.test' }
    const done = await browser.visit('POST', '/auth/registration', fields, own)
    const { status, body } = await exchange(returned(done)['code'], verifier)
    expect([done.status, status, body.user.first_name, body.user.auth_provider]).toEqual([303, 200, 'Robin', provider])
    // Registering began none of its own, which nobody would hold where the code is never traded.
    expect(await asOwner('select id from user_sessions where user_id = $1', [body.user.id])).toHaveLength(1)
    expect((await browser.visit('POST', '/auth/registration', fields, own)).status).toBe(409)
  })

  it('shows the page in cookie mode, too, and ends it with the cookie', async () => {
    const browser = new Browser(documents)
    const page = await browser.signIn(provider, newPerson(), { session_mode: 'cookie' })
    const fields = { ...hiddenFields(page.text), ...typed }
    const done = await browser.visit('POST', '/auth/registration', fields, { Origin: 'https://neuraform.test' })
    expect([done.status, done.headers.get('Location'), [...browser.cookies.keys()]]).toEqual([
      303,
      returnTo,
      ['__Host-nf_session'],
    ])
    expect((await browser.visit('GET', '/auth/session')).status).toBe(200)
  })

  it('comes back with a word when somebody cancels', async () => {
    const { challenge } = await newVerifier()
    const browser = new Browser()
    const { headers } = await browser.start(provider, { code_challenge: challenge })
    const callback = await choose(headers.get('Location') ?? '', undefined)
    const answer = await browser.callBack(provider, callback)
    expect([answer.status, returned(answer), browser.cookies.size]).toEqual([303, { error: 'access_denied' }, 0])
  })
})

describe('the registration page', () => {
  const own = { Origin: 'https://neuraform.test' }
  const pageOf = async (query: Record<string, string> = {}) => {
    const browser = new Browser(documents)
    const page = await browser.signIn('google', newPerson(), { session_mode: 'cookie', ...query })
    const fields: Record<string, string> = { ...hiddenFields(page.text), ...typed }
    return { browser, fields }
  }

  it('is not there without documents to agree to: nobody agrees to nothing', async () => {
    const asked = await new Browser().start('google', { session_mode: 'cookie', registration: 'hosted' })
    const ended = await new Browser().signIn('google', newPerson(), { session_mode: 'cookie' })
    expect([asked.status, ended.status, ended.headers.getSetCookie().join().includes('nf_session')]).toEqual([
      503,
      503,
      false,
    ])
  })

  it('says what is wrong beside what was typed, as text', async () => {
    const { browser, fields } = await pageOf()
    for (const [name, value] of [
      ['first_name', ''],
      ['birthdate', '2011-02-30'],
      ['birthdate', '1800-01-01'],
    ] as const) {
      const again = await browser.visit(
        'POST',
        '/auth/registration',
        { ...fields, last_name: '"><script>', [name]: value },
        own,
      )
      expect([again.status, again.text.includes('role="alert"'), again.text.includes('<script>')]).toEqual([
        422,
        true,
        false,
      ])
    }
    expect((await browser.visit('POST', '/auth/registration', fields, own)).status).toBe(303)
  })

  it('is no use from another page, with another ticket, or altered', async () => {
    const [mine, other] = [await pageOf(), await pageOf()]
    for (const origin of [
      {},
      { Origin: 'null' },
      { Origin: 'https://evil.test' },
      { Origin: 'https://neuraform.test.evil.test' },
    ]) {
      expect((await mine.browser.visit('POST', '/auth/registration', mine.fields, origin)).status).toBe(403)
    }
    for (const fields of [
      { ...mine.fields, wish: other.fields['wish'] ?? '' },
      { ...mine.fields, registration_ticket: other.fields['registration_ticket'] ?? '' },
      { ...mine.fields, wish: 'x' },
    ]) {
      expect((await mine.browser.visit('POST', '/auth/registration', fields, own)).status).toBe(401)
    }
    const child = { ...mine.fields, birthdate: new Date().toISOString().slice(0, 10) }
    const refused = await mine.browser.visit('POST', '/auth/registration', child, own)
    expect([refused.status, refused.headers.get('Content-Type')]).toEqual([403, 'text/html; charset=utf-8'])
    expect((await mine.browser.visit('POST', '/auth/registration', mine.fields, own)).status).toBe(409)
  })

  it('is refused as JSON to whoever is no browser', async () => {
    const { browser, fields } = await pageOf()
    const answer = await browser.visit('POST', '/auth/registration', fields, { Accept: 'application/json' })
    expect([answer.status, answer.headers.get('Content-Type')]).toEqual([403, 'application/problem+json'])
  })
})
