import { env } from 'cloudflare:workers'
import { describe, expect, inject, it, vi } from 'vitest'
import { providers, type Provider } from '#src/auth/providers/verified-identity.ts'
import type { Env } from '#src/config.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { ask, codeOf } from '#test/setup/ask.ts'
import { call } from '#test/setup/client.ts'
import { Browser, choose, newVerifier, returned, returnTo, type Callback } from '#test/setup/redirect.ts'

const newPerson = () => `new:${crypto.randomUUID()}`

/** A browser whose attempt has come back from the provider, and what it came back with. */
async function attempt(provider: Provider, replaced: Partial<Env> = {}) {
  const { verifier, challenge } = await newVerifier()
  const browser = new Browser(replaced)
  const { headers } = await browser.start(provider, { code_challenge: challenge })
  const callback = await choose(headers.get('Location') ?? '', newPerson())
  return { verifier, browser, callback }
}

const withParameters = ({ method, parameters }: Callback, more: Record<string, string>): Callback => ({
  method,
  parameters: { ...parameters, ...more },
})

const other: Readonly<Record<Provider, Provider>> = { google: 'facebook', facebook: 'google', apple: 'google' }

/** Counts what is asked of the providers; the answers stay what they are. */
function watchProviders() {
  const spy = vi.spyOn(globalThis, 'fetch')
  return () => {
    const asked = spy.mock.calls.map(([input]) => new URL(input instanceof Request ? input.url : input.toString()))
    spy.mockRestore()
    return asked.filter(({ pathname }) => pathname.endsWith('token')).length
  }
}

async function expectPage(answer: Awaited<ReturnType<typeof ask>>, status: number, code: string) {
  expect([answer.status, answer.headers.get('Content-Type')]).toEqual([status, 'text/html; charset=utf-8'])
  expect(answer.text).toContain(`<small>${code}</small>`)
  expect(answer.headers.get('Content-Security-Policy')).toMatch(/^default-src 'none'; .*frame-ancestors 'none'/)
  expect(answer.headers.get('Cache-Control')).toBe('no-store')
}

describe.each(providers)('a callback of %s', (provider) => {
  it('without the state that this browser began with is refused, and its code is never exchanged', async () => {
    const { browser, callback, verifier } = await attempt(provider)
    const stranger = (await attempt(provider)).browser
    const altered = new Browser()
    for (const [name, value] of browser.cookies) altered.cookies.set(name, `${value.slice(0, -3)}AAA`)
    const { state = '', ...stateless } = callback.parameters
    const bad: [Browser, Callback][] = [
      [browser, { ...callback, parameters: stateless }],
      [browser, withParameters(callback, { state: '' })],
      [browser, withParameters(callback, { state: `${state.slice(0, -1)}${state.endsWith('A') ? 'B' : 'A'}` })],
      [browser, withParameters(callback, { state: state.slice(0, 12) })],
      [stranger, callback],
      [new Browser(), callback],
      [altered, callback],
    ]
    const asked = watchProviders()
    for (const [from, presented] of bad) {
      const kept = new Browser()
      for (const [name, value] of from.cookies) kept.cookies.set(name, value)
      await expectPage(await kept.callBack(provider, presented), 400, 'invalid_state')
    }
    expect(asked()).toBe(0)
    const { code } = returned(await browser.callBack(provider, callback))
    const good = await call('POST', '/auth/exchange', { body: { code, code_verifier: verifier } })
    expect(good.status).toBe(200)
  })

  it('with two cookies of the state, or after ten minutes, is refused', async () => {
    const { browser, callback } = await attempt(provider)
    const doubled = { Cookie: `${browser.cookieHeader}; ${browser.cookieHeader}` }
    const path = `/auth/${provider}/callback`
    const query = new URLSearchParams(callback.parameters)
    const answer =
      callback.method === 'GET'
        ? await new Browser().visit('GET', `${path}?${query.toString()}`, undefined, doubled)
        : await new Browser().visit('POST', path, { ...callback.parameters }, doubled)
    await expectPage(answer, 400, 'invalid_state')
    vi.useFakeTimers({ now: Date.now() + 601_000, toFake: ['Date'] })
    const late = await browser.callBack(provider, callback)
    vi.useRealTimers()
    await expectPage(late, 400, 'invalid_state')
  })

  it('is refused the second time', async () => {
    const { browser, callback } = await attempt(provider)
    const again = new Browser()
    for (const [name, value] of browser.cookies) again.cookies.set(name, value)
    expect((await browser.callBack(provider, callback)).status).toBe(303)
    const asked = watchProviders()
    await expectPage(await again.callBack(provider, callback), 400, 'invalid_state')
    expect(asked()).toBe(0)
  })

  it('is refused at another provider’s URL, and in the other way of coming back', async () => {
    const { browser, callback } = await attempt(provider)
    const asked = watchProviders()
    const elsewhere = new Browser()
    for (const [name, value] of browser.cookies) elsewhere.cookies.set(name, value)
    await expectPage(await elsewhere.callBack(other[provider], { ...callback, method: 'GET' }), 400, 'invalid_state')
    const method = callback.method === 'GET' ? 'POST' : 'GET'
    await expectPage(await browser.callBack(provider, { ...callback, method }), 400, 'invalid_state')
    expect(asked()).toBe(0)
  })

  it('of another issuer, without a code, or with a parameter twice is refused', async () => {
    const asked = watchProviders()
    for (const iss of ['https://evil.test', '', 'https://accounts.google.com.evil.test']) {
      const { browser, callback } = await attempt(provider)
      await expectPage(await browser.callBack(provider, withParameters(callback, { iss })), 400, 'invalid_state')
    }
    const { browser, callback } = await attempt(provider)
    await expectPage(await browser.callBack(provider, withParameters(callback, { code: '' })), 400, 'invalid_state')
    expect(asked()).toBe(0)
    if (provider === 'apple') return
    const twice = `/auth/${provider}/callback?${new URLSearchParams(callback.parameters).toString()}&code=x`
    await expectPage(await browser.visit('GET', twice), 400, 'malformed_body')
  })

  it('with a code of somebody else’s attempt is refused', async () => {
    const [victim, attacker] = [await attempt(provider), await attempt(provider)]
    const mixed = withParameters(attacker.callback, { code: victim.callback.parameters['code'] ?? '' })
    const answer = await attacker.browser.callBack(provider, mixed)
    await expectPage(answer, 401, 'invalid_identity_token')
  })

  it('that names an error of its own tells the client no more than that', async () => {
    const { browser, callback } = await attempt(provider)
    const { state = '' } = callback.parameters
    const parameters = { state, error: 'server_error', error_description: '<script>alert(1)</script>' }
    const answer = await browser.callBack(provider, { ...callback, parameters })
    expect(returned(answer)).toEqual({ error: 'provider_error' })
  })
})

const tokenPaths: Readonly<Record<Provider, string>> = {
  google: '/google/token',
  apple: '/apple/token',
  facebook: '/facebook/graph/v25.0/oauth/access_token',
}

async function plant(fault: Record<string, unknown>) {
  await fetch(`${inject('stack').upstreamOrigin}/identity/faults`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(fault),
  })
}

describe.each(providers)('a token endpoint of %s', (provider) => {
  it.each([
    ['status', 503, 'upstream_unavailable'],
    ['hang', 503, 'upstream_unavailable'],
    ['cut', 503, 'upstream_unavailable'],
    ['html', 502, 'upstream_nonsense'],
    ['redirect', 502, 'upstream_nonsense'],
    ['large', 502, 'upstream_nonsense'],
  ])('that fails (%s) is asked once, and the person may begin again', async (kind, status, code) => {
    const replaced = { PROVIDER_DEADLINE_MS: '1000' }
    const { browser, callback } = await attempt(provider, replaced)
    const again = new Browser(replaced)
    for (const [name, value] of browser.cookies) again.cookies.set(name, value)
    await plant({ path: tokenPaths[provider], kind, match: callback.parameters['code'] })
    const asked = watchProviders()
    await expectPage(await browser.callBack(provider, callback), status, code)
    expect([asked(), browser.cookies.size]).toEqual([1, 0])
    await expectPage(await again.callBack(provider, callback), 400, 'invalid_state')
    const { challenge } = await newVerifier()
    expect((await new Browser().signIn(provider, newPerson(), { code_challenge: challenge })).status).toBe(303)
  })
})

describe('return_to', () => {
  const start = async (to: string, replaced: Partial<Env> = {}) => {
    const query = new URLSearchParams({ return_to: to, session_mode: 'cookie' })
    return await ask('GET', `/auth/google/start?${query.toString()}`, { replaced })
  }

  it.each([
    '//evil.test',
    String.raw`\evil.test`,
    String.raw`/\evil.test`,
    'https:evil.test',
    'https://evil.test/signed-in',
    'http://localhost:5173@evil.test/signed-in',
    'http://user@localhost:5173/signed-in',
    'http://localhost:5173/signed-in#x',
    'http://localhost:5173/signed-in?x=1',
    'http://localhost:5173/signed-in/',
    'http://localhost:5173/signed-in/../x',
    'http://localhost:5173/SIGNED-IN',
    'HTTP://LOCALHOST:5173/signed-in',
    'http://localhost.:5173/signed-in',
    'http://lοcalhost:5173/signed-in',
    'http://localhost:5174/signed-in',
    'https://localhost:5173/signed-in',
    ' http://localhost:5173/signed-in',
    'http://localhost:5173/signed-in\n',
    'http://127.0.0.1:70000/signed-in',
    'http://127.0.0.1:0/signed-in',
    'http://127.0.0.1:8080/signed-out',
    'http://127.0.0.1:8080/signed-in?x',
    'http://127.0.0.1:8080@evil.test/signed-in',
    'http://127.0.0.1:8080.evil.test/signed-in',
    'http://127.1:8080/signed-in',
    'http://[::1]:8080/signed-in',
    'com.example.companion:/signed-in/x',
    'com.example.companion://signed-in',
    'javascript:alert(1)',
    'data:text/html,x',
    '/signed-in',
  ])('is none that nobody allowed: %j', async (to) => {
    const answer = await start(to)
    expect([answer.status, codeOf(answer), answer.headers.getSetCookie(), answer.flights]).toEqual([
      400,
      'invalid_parameter',
      [],
      0,
    ])
  })

  it.each([
    returnTo,
    'http://127.0.0.1/signed-in',
    'http://127.0.0.1:49152/signed-in',
    'com.example.companion:/signed-in',
  ])('may be %s', async (to) => {
    expect((await start(to)).status).toBe(303)
  })

  it.each(['javascript:alert(1)', 'https://a.test/#x', 'https://u:p@a.test/', 'http://a.test/', '/a', 'data:,x'])(
    'cannot be configured as %s',
    async (to) => {
      expect((await start(to, { ALLOWED_RETURN_URLS: `${to},${returnTo}` })).status).toBe(503)
    },
  )
})

describe('a start', () => {
  it.each([
    ['', 400],
    ['return_to=x', 400],
    [`return_to=${returnTo}`, 400],
    [`return_to=${returnTo}&code_challenge=short`, 400],
    [`return_to=${returnTo}&session_mode=other`, 400],
    [`return_to=${returnTo}&session_mode=cookie&extra=1`, 400],
  ])('with %s is refused on a page', async (query, status) => {
    await expectPage(await new Browser().visit('GET', `/auth/google/start?${query}`), status, 'invalid_parameter')
  })

  it('at nobody’s URL, or without what it needs, is refused', async () => {
    const query = `?return_to=${returnTo}&session_mode=cookie`
    await expectPage(await new Browser().visit('GET', `/auth/github/start${query}`), 400, 'invalid_parameter')
    for (const replaced of [{ PUBLIC_ORIGIN: '' }, { GOOGLE_CLIENT_ID: '' }, { GOOGLE_CLIENT_SECRET: '' }]) {
      const answer = await new Browser(replaced).visit('GET', `/auth/google/start${query}`)
      await expectPage(answer, 503, 'not_configured')
    }
  })
})

it('leaves nothing of a code or a token in the database', async () => {
  const { browser, callback, verifier } = await attempt('google', { ...env })
  const { code } = returned(await browser.callBack('google', callback))
  expect(code?.length).toBeLessThan(4_000)
  await call('POST', '/auth/exchange', { body: { code, code_verifier: verifier } })
  const found = await asOwner('select from login_tickets t where position($1 in to_jsonb(t)::text) > 0', [code])
  expect(found).toEqual([])
})
