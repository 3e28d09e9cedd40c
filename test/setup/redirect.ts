import type { Provider } from '#src/auth/providers/verified-identity.ts'
import type { Env } from '#src/config.ts'
import { ask, type Answered } from '#test/setup/ask.ts'

export const returnTo = 'http://localhost:5173/signed-in'

const html = 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8'

/** What a provider sent a browser back with. */
export interface Callback {
  readonly method: 'GET' | 'POST'
  readonly parameters: Readonly<Record<string, string>>
}

/** A code verifier and its challenge (RFC 7636 §4.2). */
export async function newVerifier(): Promise<{ verifier: string; challenge: string }> {
  const verifier = crypto.randomUUID() + crypto.randomUUID()
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))
  const challenge = new Uint8Array(digest).toBase64({ alphabet: 'base64url', omitPadding: true })
  return { verifier, challenge }
}

/** A browser that keeps the cookies of the Worker, and shows what it is answered. */
export class Browser {
  readonly cookies = new Map<string, string>()

  private readonly replaced: Partial<Env>

  constructor(replaced: Partial<Env> = {}) {
    this.replaced = replaced
  }

  get cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  async visit(method: string, path: string, fields?: Record<string, string>, headers: Record<string, string> = {}) {
    const answer = await ask(method, path, {
      replaced: this.replaced,
      headers: {
        Accept: html,
        ...(this.cookies.size === 0 ? {} : { Cookie: this.cookieHeader }),
        ...(fields === undefined ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' }),
        ...headers,
      },
      ...(fields === undefined ? {} : { body: new URLSearchParams(fields).toString() }),
    })
    this.keep(answer.headers)
    return answer
  }

  /** Takes the cookies of an answer. */
  keep(headers: Headers): void {
    for (const line of headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (line.includes('Max-Age=0')) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
  }

  async start(provider: Provider, query: Record<string, string>): Promise<Answered> {
    return await this.visit(
      'GET',
      `/auth/${provider}/start?${new URLSearchParams({ return_to: returnTo, ...query }).toString()}`,
    )
  }

  async callBack(provider: Provider, { method, parameters }: Callback): Promise<Answered> {
    const path = `/auth/${provider}/callback`
    if (method === 'POST') return await this.visit('POST', path, parameters, { Origin: 'https://appleid.apple.com' })
    return await this.visit('GET', `${path}?${new URLSearchParams(parameters).toString()}`)
  }

  /** The whole way, for somebody known to the provider by a label. */
  async signIn(provider: Provider, person: string, query: Record<string, string>): Promise<Answered> {
    const { headers } = await this.start(provider, query)
    return await this.callBack(provider, await choose(headers.get('Location') ?? '', person))
  }
}

/** Picks an account on the provider's page, or cancels there. */
export async function choose(authorizationUrl: string, person: string | undefined): Promise<Callback> {
  const url = new URL(authorizationUrl)
  if (person === undefined) url.searchParams.set('cancel', 'true')
  else
    for (const [name, value] of [
      ['prompt', 'none'],
      ['login_hint', person],
    ] as const)
      url.searchParams.set(name, value)
  const response = await fetch(url, { redirect: 'manual' })
  const location = response.headers.get('Location')
  const text = await response.text()
  if (location !== null) return { method: 'GET', parameters: Object.fromEntries(new URL(location).searchParams) }
  return { method: 'POST', parameters: hiddenFields(text) }
}

const entities: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
}

/** The hidden fields of the form of a page. */
export function hiddenFields(page: string): Record<string, string> {
  const inputs = page.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)
  return Object.fromEntries(
    [...inputs].map(([, name = '', value = '']) => [
      name,
      value.replaceAll(/&[#\w]+;/g, (one) => entities[one] ?? one),
    ]),
  )
}

/** The parameters with which an answer sends the browser back to the client. */
export function returned(answer: Answered): Record<string, string> {
  const location = answer.headers.get('Location') ?? ''
  if (!location.startsWith(returnTo)) throw new Error(`not sent back: ${answer.status} ${location} ${answer.text}`)
  return Object.fromEntries(new URL(location).searchParams)
}

/** What somebody types on the registration page. */
export const typed = { first_name: 'Robin', last_name: 'Quill', birthdate: '1990-06-15', agreed: 'yes' }

/** The documents that the registration page needs. */
export const documents = {
  TERMS_URL: 'https://example.com/terms',
  TERMS_VERSION: '2026-01',
  PRIVACY_URL: 'https://example.com/privacy',
  PRIVACY_VERSION: '2026-01',
}
