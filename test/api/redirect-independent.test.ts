import { describe, expect, inject, it } from 'vitest'
import type { Authenticated, RegistrationRequired } from '#src/auth/shapes.ts'
import type { Env } from '#src/config.ts'
import { registration } from '#test/setup/client.ts'
import { callWith } from '#test/setup/worker-with.ts'
import { Browser, newVerifier, returned, returnTo, type Callback } from '#test/setup/redirect.ts'

const { clientId, clientSecret, issuer } = inject('independent')

const variables: Partial<Env> = {
  GOOGLE_CLIENT_ID: clientId,
  GOOGLE_CLIENT_SECRET: clientSecret,
  GOOGLE_ENDPOINTS: JSON.stringify({
    issuer,
    authorization: `${issuer}/auth`,
    token: `${issuer}/token`,
    jwks: `${issuer}/jwks`,
    revocation: `${issuer}/token/revocation`,
  }),
}

/** A browser at the provider: it keeps its cookies, follows where it is sent, and stops where that leads back to us. */
class Visitor {
  readonly #cookies = new Map<string, string>()

  /** Types a login, agrees, and is sent back; without a login it cancels on the first page. */
  async choose(authorizationUrl: string, login: string | undefined): Promise<Callback> {
    let page = await this.#go(authorizationUrl)
    if (login === undefined) page = await this.#go(linkIn(page, /href="([^"]*\/abort)"/))
    else {
      page = await this.#go(linkIn(page, /action="([^"]+)"/), { prompt: 'login', login, password: 'any' })
      if (typeof page === 'string') page = await this.#go(linkIn(page, /action="([^"]+)"/), { prompt: 'consent' })
    }
    if (typeof page === 'string') throw new Error(`not sent back: ${page}`)
    return { method: 'GET', parameters: Object.fromEntries(page.searchParams) }
  }

  async #go(to: string, fields?: Record<string, string>): Promise<string | URL> {
    const url = new URL(to, issuer)
    if (url.origin !== issuer) return url
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { Cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(fields === undefined ? {} : { method: 'POST', body: new URLSearchParams(fields) }),
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      this.#cookies.set(name, value)
    }
    const [text, next] = [await response.text(), response.headers.get('Location')]
    return next === null ? text : await this.#go(next)
  }
}

function linkIn(page: string | URL, pattern: RegExp): string {
  const found = pattern.exec(String(page))?.[1]
  if (found === undefined) throw new Error(`no such link in: ${String(page)}`)
  return found
}

const newLogin = () => `robin-${crypto.randomUUID()}`

async function begin(query: Record<string, string>, replaced: Partial<Env> = {}) {
  const browser = new Browser({ ...variables, ...replaced })
  const { headers } = await browser.start('google', query)
  return { browser, authorizationUrl: headers.get('Location') ?? '' }
}

async function exchanged<Body>(code: string | undefined, verifier: string) {
  return await callWith<Body>(variables, 'POST', '/auth/exchange', { body: { code, code_verifier: verifier } })
}

describe('a redirect to a provider that is none of ours', () => {
  it('signs somebody up, and in again as the same person, with a code and with a cookie', async () => {
    const [login, { verifier, challenge }] = [newLogin(), await newVerifier()]
    const first = await begin({ code_challenge: challenge })
    const back = await first.browser.callBack('google', await new Visitor().choose(first.authorizationUrl, login))
    const offered = await exchanged<RegistrationRequired>(returned(back)['code'], verifier)
    expect(offered.body).toMatchObject({
      status: 'registration_required',
      suggested: { first_name: 'Robin', last_name: 'Quill', email: `${login}@gmail.com` },
    })
    const made = await callWith<Authenticated>(variables, 'POST', '/auth/register', {
      body: registration(offered.body.registration_ticket),
    })
    expect(made.status).toBe(201)
    const second = await begin({ code_challenge: challenge })
    const known = await second.browser.callBack('google', await new Visitor().choose(second.authorizationUrl, login))
    const again = await exchanged<Authenticated>(returned(known)['code'], verifier)
    expect([again.status, again.body.user.id]).toEqual([200, made.body.user.id])
    const third = await begin({ session_mode: 'cookie' })
    const kept = await third.browser.callBack('google', await new Visitor().choose(third.authorizationUrl, login))
    expect([kept.status, kept.headers.get('Location')]).toEqual([303, returnTo])
    expect(JSON.parse((await third.browser.visit('GET', '/auth/session')).text)).toMatchObject({
      user_id: made.body.user.id,
    })
  })

  it('is named by its answer, and an answer that names another is refused', async () => {
    const { browser, authorizationUrl } = await begin({ session_mode: 'cookie' })
    const callback = await new Visitor().choose(authorizationUrl, newLogin())
    expect(callback.parameters['iss']).toBe(issuer)
    const parameters = { ...callback.parameters, iss: 'https://accounts.google.com' }
    expect((await browser.callBack('google', { ...callback, parameters })).status).toBe(400)
  })

  it('comes back when somebody cancels there', async () => {
    const { browser, authorizationUrl } = await begin({ session_mode: 'cookie' })
    const callback = await new Visitor().choose(authorizationUrl, undefined)
    expect(returned(await browser.callBack('google', callback))).toEqual({ error: 'access_denied' })
  })

  it('takes neither a code that it did not give, nor one twice, nor one of another attempt', async () => {
    const [login, { challenge }] = [newLogin(), await newVerifier()]
    const { browser, authorizationUrl } = await begin({ code_challenge: challenge })
    const { parameters } = await new Visitor().choose(authorizationUrl, login)
    const invented = await browser.callBack('google', {
      method: 'GET',
      parameters: { ...parameters, code: 'invented' },
    })
    const other = await begin({ code_challenge: challenge })
    const swapped = await new Visitor().choose(other.authorizationUrl, newLogin())
    // The code is good; the verifier that goes with it is another attempt's.
    const stolen = await other.browser.callBack('google', {
      method: 'GET',
      parameters: { ...swapped.parameters, code: parameters['code'] ?? '' },
    })
    const last = await begin({ code_challenge: challenge })
    const callback = await new Visitor().choose(last.authorizationUrl, login)
    const once = await last.browser.callBack('google', callback)
    const twice = await last.browser.callBack('google', callback)
    expect([invented.status, stolen.status, once.status, twice.status]).toEqual([401, 401, 303, 400])
  })

  it('is a fault of ours where it does not take our secret', async () => {
    const { browser, authorizationUrl } = await begin(
      { session_mode: 'cookie' },
      { GOOGLE_CLIENT_SECRET: 'another-secret-of-somebody' },
    )
    const answer = await browser.callBack('google', await new Visitor().choose(authorizationUrl, newLogin()))
    expect(answer.status).toBe(503)
  })
})
