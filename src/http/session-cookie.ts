import type { AppContext } from '#src/http/context.ts'
import { Problem } from '#src/http/problem.ts'

const name = '__Host-nf_session'

/** The values that a request's cookies of one name have: a browser may be made to send several. */
export function cookiesNamed(header: string | undefined, wanted: string): readonly string[] {
  return (header ?? '').split(';').flatMap((pair) => {
    const [key = '', ...value] = pair.split('=')
    return key.trim() === wanted ? [value.join('=').trim()] : []
  })
}

/** The session tokens that the request's cookies hold. */
export const sessionCookies = (c: AppContext) => cookiesNamed(c.req.header('Cookie'), name)

/**
 * The cookie that carries a session in a browser (RFC 6265bis §4.1.3.2): for this host alone, out of scripts' reach, and
 * gone when the session must end at the latest.
 */
export function setSessionCookie(c: AppContext, token: string, seconds: number): void {
  c.header('Set-Cookie', `${name}=${token}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${seconds}`, {
    append: true,
  })
}

/** What takes the session's cookie back. */
export const droppedSessionCookie = `${name}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0`

/** Takes the session's cookie back. */
export function dropSessionCookie(c: AppContext): void {
  c.header('Set-Cookie', droppedSessionCookie, { append: true })
}

/**
 * Refuses what a page of a foreign origin may have sent: a request that changes something and comes with a cookie, or asks for
 * one, must say that it comes from an origin of `ALLOWED_ORIGINS` or from the service's own. Throws `forbidden`.
 */
export function requireOwnOrigin(c: AppContext): void {
  if (!isFromOwnOrigin(c)) throw new Problem('forbidden', 'A cookie is taken only from pages of the allowed origins.')
}

/** Whether the browser says that a page of an origin of `ALLOWED_ORIGINS`, or of the service's own, made the request. */
export function isFromOwnOrigin(c: AppContext): boolean {
  const origin = c.req.header('Origin')
  if (origin === undefined || origin === 'null' || c.req.header('Sec-Fetch-Site') === 'cross-site') return false
  const { ALLOWED_ORIGINS: allowed, PUBLIC_ORIGIN: own } = c.get('config')
  return allowed.includes(origin) || (own !== undefined && origin === new URL(own).origin)
}

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD'])

/** Whether a request only reads (RFC 9110 §9.2.1). */
export const isSafe = (c: AppContext) => safeMethods.has(c.req.method)

/** Whether the session of this request came in a cookie: a header, where there is one, goes first. */
export const isByCookie = (c: AppContext) => c.req.header('Authorization') === undefined && sessionCookies(c).length > 0
