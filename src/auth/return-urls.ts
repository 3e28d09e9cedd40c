import type { Config } from '#src/config.ts'
import { Problem } from '#src/http/problem.ts'

/**
 * The URL that a sign-in in a browser returns to. It must be one of `ALLOWED_RETURN_URLS`, character for character; of a
 * desktop app's loopback address (`http://127.0.0.1/…` or `http://[::1]/…` in the list) any port is the same
 * (RFC 8252 §7.3). Throws `invalid_parameter`, or `invalid_body` where that is where it stood.
 */
export function allowedReturnUrl(
  config: Config,
  wanted: string,
  code: 'invalid_parameter' | 'invalid_body' = 'invalid_parameter',
): string {
  const isAllowed = config.ALLOWED_RETURN_URLS.some((allowed) => wanted === allowed || isSameLoopback(allowed, wanted))
  if (isAllowed) return wanted
  throw new Problem(code, undefined, {
    errors: [{ pointer: '/return_to', detail: 'must be one of the allowed return URLs' }],
  })
}

const loopback = /^http:\/\/(127\.0\.0\.1|\[::1\])(:[1-9]\d{0,4})?(\/[\w./~-]*)$/

function isSameLoopback(allowed: string, wanted: string): boolean {
  const [, host, port, path] = loopback.exec(allowed) ?? []
  const [, wantedHost, wantedPort, wantedPath] = loopback.exec(wanted) ?? []
  if (host === undefined || wantedHost === undefined || port !== undefined) return false
  return host === wantedHost && path === wantedPath && Number((wantedPort ?? ':80').slice(1)) <= 65_535
}

/** The URL with parameters added, for an app's own scheme, too. */
export function withParameters(url: string, parameters: Readonly<Record<string, string>>): string {
  const [beforeFragment = ''] = url.split('#')
  return `${beforeFragment}${beforeFragment.includes('?') ? '&' : '?'}${new URLSearchParams(parameters).toString()}`
}
