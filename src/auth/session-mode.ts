import type { Renewed } from '#src/auth/refresh.ts'
import type { Authenticated, AuthenticatedByCookie, LoginRequest, Refreshed } from '#src/auth/shapes.ts'
import type { AppContext } from '#src/http/context.ts'
import { isByCookie, requireOwnOrigin, setSessionCookie } from '#src/http/session-cookie.ts'

type SessionMode = LoginRequest['session_mode']

/** Refuses a sign-in that asks for a cookie from a page of a foreign origin: it would sign its visitor in as somebody else. */
export function checkSessionMode(c: AppContext, mode: SessionMode): void {
  if (mode === 'cookie') requireOwnOrigin(c)
}

/** A new session as its mode has it: the token in the body, or in the cookie alone. */
export function inMode(
  c: AppContext,
  mode: SessionMode,
  { session_token: token, ...answer }: Authenticated,
): Authenticated | AuthenticatedByCookie {
  if (mode === 'bearer') return { ...answer, session_token: token }
  setSessionCookie(c, token, c.get('config').SESSION_ABSOLUTE_SECONDS)
  return answer
}

/** A session's new token goes back the way that the old one came. */
export function renewed(c: AppContext, { token, expiresAt }: Renewed): Refreshed {
  const expires_at = expiresAt.toISOString()
  if (!isByCookie(c)) return { session_token: token, expires_at }
  setSessionCookie(c, token, c.get('config').SESSION_ABSOLUTE_SECONDS)
  return { expires_at }
}
