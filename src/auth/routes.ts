import { createRoute } from '@hono/zod-openapi'
import { deviceOf } from '#src/auth/device.ts'
import { linkIdentity, listIdentities, unlinkIdentity } from '#src/auth/identities.ts'
import { issueNonce } from '#src/auth/nonce.ts'
import { reauthenticate, refreshSession } from '#src/auth/refresh.ts'
import { register } from '#src/auth/register.ts'
import { getSecurityLog } from '#src/auth/security-log.ts'
import { getSession, listSessions, logout, revokeSession } from '#src/auth/sessions.ts'
import {
  IdentityList,
  IdentitySummary,
  LoginReply,
  LoginRequest,
  LogoutQuery,
  Nonce,
  FreshProof,
  ProviderProof,
  Refreshed,
  RegisterReply,
  RegisterRequest,
  SecurityLog,
  SessionPage,
  SessionState,
} from '#src/auth/shapes.ts'
import { checkSessionMode, inMode, renewed } from '#src/auth/session-mode.ts'
import { signIn } from '#src/auth/sign-in.ts'
import { jsonBodyBytes, open, presentedToken, session } from '#src/http/access.ts'
import { callerOf, scopeOf } from '#src/http/context.ts'
import { IdParams } from '#src/http/fields.ts'
import { jsonBody, jsonContent } from '#src/http/openapi.ts'
import { PageQuery } from '#src/http/page.ts'
import { newRouter } from '#src/http/router.ts'
import { dropSessionCookie, isByCookie } from '#src/http/session-cookie.ts'

const tag = 'Sign-in'

const login = createRoute({
  ...open(tag, {
    limiter: 'AUTH_LIMITER',
    bodyBytes: jsonBodyBytes,
    problems: [
      'invalid_identity_token',
      'registration_refused',
      'forbidden',
      'upstream_unavailable',
      'upstream_nonsense',
      'key_unavailable',
    ],
  }),
  method: 'post',
  path: '/auth/login',
  summary: "Trade a provider's token for a session, or for a registration ticket",
  request: { body: jsonBody(LoginRequest) },
  responses: { 200: jsonContent(LoginReply, 'A session, or what a new person needs to register.') },
})

const signUp = createRoute({
  ...open(tag, {
    limiter: 'AUTH_LIMITER',
    bodyBytes: jsonBodyBytes,
    problems: [
      'invalid_ticket',
      'ticket_used',
      'already_registered',
      'email_unavailable',
      'registration_refused',
      'forbidden',
    ],
  }),
  method: 'post',
  path: '/auth/register',
  summary: 'Make an account from a registration ticket',
  request: { body: jsonBody(RegisterRequest) },
  responses: { 201: jsonContent(RegisterReply, 'The account, and its first session.') },
})

const readSession = createRoute({
  ...session(tag),
  method: 'get',
  path: '/auth/session',
  summary: 'The session that was presented',
  responses: { 200: jsonContent(SessionState, 'Whose it is, and until when.') },
})

const signOut = createRoute({
  ...session(tag),
  method: 'post',
  path: '/auth/logout',
  summary: 'End this session, the others, or all',
  request: { query: LogoutQuery },
  responses: { 204: { description: 'They have ended, everywhere.' } },
})

const list = createRoute({
  ...session(tag, { problems: ['invalid_cursor'] }),
  method: 'get',
  path: '/auth/sessions',
  summary: 'Your live sessions',
  request: { query: PageQuery },
  responses: { 200: jsonContent(SessionPage, 'Newest first.') },
})

const readSecurityLog = createRoute({
  ...session(tag, { problems: ['invalid_cursor'] }),
  method: 'get',
  path: '/auth/security-log',
  summary: 'What happened to your account',
  request: { query: PageQuery },
  responses: { 200: jsonContent(SecurityLog, 'Newest first, with the state of the chain of hashes.') },
})

const revoke = createRoute({
  ...session(tag, { problems: ['not_found'] }),
  method: 'delete',
  path: '/auth/sessions/{id}',
  summary: 'End one of your sessions',
  request: { params: IdParams },
  responses: { 204: { description: 'It has ended, everywhere.' } },
})

const getNonce = createRoute({
  ...open(tag, { limiter: 'AUTH_LIMITER' }),
  method: 'post',
  path: '/auth/nonce',
  summary: 'A nonce for one native sign-in',
  responses: { 200: jsonContent(Nonce, 'Hand it to the provider as it is, or as SHA-256 in hex; it is good once.') },
})

const refresh = createRoute({
  // A token that was replaced would be counted anew.
  ...session(tag, { limiter: 'AUTH_LIMITER', isLimitedByAddress: true }),
  method: 'post',
  path: '/auth/refresh',
  summary: 'Replace the token of this session',
  responses: { 200: jsonContent(Refreshed, 'The new token; the old one works on for a moment.') },
})

const renew = createRoute({
  ...session(tag, {
    limiter: 'AUTH_LIMITER',
    bodyBytes: jsonBodyBytes,
    problems: ['invalid_identity_token', 'upstream_unavailable', 'upstream_nonsense'],
  }),
  method: 'post',
  path: '/auth/reauthenticate',
  summary: 'Sign in again within this session',
  request: { body: jsonBody(FreshProof) },
  responses: { 200: jsonContent(Refreshed, 'The new token; the old one has ended.') },
})

const identityList = createRoute({
  ...session(tag),
  method: 'get',
  path: '/auth/identities',
  summary: 'Your ways to sign in',
  responses: { 200: jsonContent(IdentityList, 'Newest first.') },
})

const link = createRoute({
  ...session(tag, {
    limiter: 'AUTH_LIMITER',
    bodyBytes: jsonBodyBytes,
    problems: [
      'invalid_identity_token',
      'identity_unavailable',
      'fresh_sign_in_needed',
      'upstream_unavailable',
      'upstream_nonsense',
    ],
  }),
  method: 'post',
  path: '/auth/identities',
  summary: 'Add a way to sign in',
  request: { body: jsonBody(ProviderProof) },
  responses: { 201: jsonContent(IdentitySummary, 'It signs in to this account from now on.') },
})

const unlink = createRoute({
  ...session(tag, { limiter: 'AUTH_LIMITER', problems: ['not_found', 'last_identity', 'fresh_sign_in_needed'] }),
  method: 'delete',
  path: '/auth/identities/{id}',
  summary: 'Take a way to sign in away',
  request: { params: IdParams },
  responses: { 204: { description: 'It has gone, and so have the sessions that it began, but for this one.' } },
})

export const authRoutes = newRouter()
  .openapi(login, async (c) => {
    const request = c.req.valid('json')
    checkSessionMode(c, request.session_mode)
    const answer = await signIn(scopeOf(c), request, deviceOf(c, request.device_info))
    return c.json(answer.status === 'authenticated' ? inMode(c, request.session_mode, answer) : answer, 200)
  })
  .openapi(signUp, async (c) => {
    const request = c.req.valid('json')
    checkSessionMode(c, request.session_mode)
    const answer = await register(scopeOf(c), request, deviceOf(c, request.device_info))
    return c.json(inMode(c, request.session_mode, answer), 201)
  })
  .openapi(readSession, async (c) => c.json(await getSession(callerOf(c)), 200))
  .openapi(signOut, async (c) => {
    const { scope } = c.req.valid('query')
    await logout(callerOf(c), scope)
    if (scope !== 'others' && isByCookie(c)) dropSessionCookie(c)
    return c.body(null, 204)
  })
  .openapi(list, async (c) => c.json(await listSessions(callerOf(c), c.req.valid('query')), 200))
  .openapi(readSecurityLog, async (c) => c.json(await getSecurityLog(callerOf(c), c.req.valid('query')), 200))
  .openapi(revoke, async (c) => {
    await revokeSession(callerOf(c), c.req.valid('param').id)
    return c.body(null, 204)
  })
  .openapi(getNonce, async (c) => c.json(await issueNonce(scopeOf(c)), 200))
  .openapi(refresh, async (c) => c.json(renewed(c, await refreshSession(callerOf(c), presentedToken(c) ?? '')), 200))
  .openapi(renew, async (c) => c.json(renewed(c, await reauthenticate(callerOf(c), c.req.valid('json'))), 200))
  .openapi(identityList, async (c) => c.json(await listIdentities(callerOf(c)), 200))
  .openapi(link, async (c) => c.json(await linkIdentity(callerOf(c), c.req.valid('json')), 201))
  .openapi(unlink, async (c) => {
    await unlinkIdentity(callerOf(c), c.req.valid('param').id)
    return c.body(null, 204)
  })
