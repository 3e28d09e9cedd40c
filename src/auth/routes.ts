import { createRoute } from '@hono/zod-openapi'
import { deviceOf } from '#src/auth/device.ts'
import { register } from '#src/auth/register.ts'
import { getSecurityLog } from '#src/auth/security-log.ts'
import { getSession, listSessions, logout, revokeSession } from '#src/auth/sessions.ts'
import {
  Authenticated,
  LoginAnswer,
  LoginRequest,
  LogoutQuery,
  RegisterRequest,
  SecurityLog,
  SessionPage,
  SessionState,
} from '#src/auth/shapes.ts'
import { signIn } from '#src/auth/sign-in.ts'
import { jsonBodyBytes, open, session } from '#src/http/access.ts'
import { callerOf, scopeOf } from '#src/http/context.ts'
import { IdParams } from '#src/http/fields.ts'
import { jsonBody, jsonContent } from '#src/http/openapi.ts'
import { PageQuery } from '#src/http/page.ts'
import { newRouter } from '#src/http/router.ts'

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
      'key_unavailable',
    ],
  }),
  method: 'post',
  path: '/auth/login',
  summary: "Trade a provider's token for a session, or for a registration ticket",
  request: { body: jsonBody(LoginRequest) },
  responses: { 200: jsonContent(LoginAnswer, 'A session, or what a new person needs to register.') },
})

const signUp = createRoute({
  ...open(tag, {
    limiter: 'AUTH_LIMITER',
    bodyBytes: jsonBodyBytes,
    problems: ['invalid_ticket', 'ticket_used', 'already_registered', 'email_unavailable', 'registration_refused'],
  }),
  method: 'post',
  path: '/auth/register',
  summary: 'Make an account from a registration ticket',
  request: { body: jsonBody(RegisterRequest) },
  responses: { 201: jsonContent(Authenticated, 'The account, and its first session.') },
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

export const authRoutes = newRouter()
  .openapi(login, async (c) => {
    const request = c.req.valid('json')
    return c.json(await signIn(scopeOf(c), request, deviceOf(c, request.device_info)), 200)
  })
  .openapi(signUp, async (c) => {
    const request = c.req.valid('json')
    return c.json(await register(scopeOf(c), request, deviceOf(c, request.device_info)), 201)
  })
  .openapi(readSession, async (c) => c.json(await getSession(callerOf(c)), 200))
  .openapi(signOut, async (c) => {
    await logout(callerOf(c), c.req.valid('query').scope)
    return c.body(null, 204)
  })
  .openapi(list, async (c) => c.json(await listSessions(callerOf(c), c.req.valid('query')), 200))
  .openapi(readSecurityLog, async (c) => c.json(await getSecurityLog(callerOf(c), c.req.valid('query')), 200))
  .openapi(revoke, async (c) => {
    await revokeSession(callerOf(c), c.req.valid('param').id)
    return c.body(null, 204)
  })
