import { createRoute, z } from '@hono/zod-openapi'
import { deviceOf } from '#src/auth/device.ts'
import { exchangeCode } from '#src/auth/one-time-code.ts'
import { registrationPage } from '#src/auth/registration-form.ts'
import type { Provider } from '#src/auth/providers/verified-identity.ts'
import { dropStateCookie, type BegunRedirect } from '#src/auth/redirect-state.ts'
import { endRedirect, startLink, startRedirect } from '#src/auth/redirect.ts'
import { registerByPage, RegistrationForm, sealWish, wishOf } from '#src/auth/registration-page.ts'
import { checkSessionMode, inMode } from '#src/auth/session-mode.ts'
import { ExchangeRequest, LinkRequest, LinkStarted, LoginReply, ProviderParams, StartQuery } from '#src/auth/shapes.ts'
import { jsonBodyBytes, open, session } from '#src/http/access.ts'
import { callerOf, scopeOf, type AppContext } from '#src/http/context.ts'
import { fieldsOf, readForm } from '#src/http/form-body.ts'
import { jsonBody, jsonContent } from '#src/http/openapi.ts'
import { Problem, type ProblemCode } from '#src/http/problem.ts'
import { newRouter } from '#src/http/router.ts'
import { setSessionCookie } from '#src/http/session-cookie.ts'

const tag = 'Sign-in in a browser'
const formBytes = 32 * 1_024

const page = { content: { 'text/html': { schema: z.string() } } }
const redirected = { description: 'Onwards.', headers: z.object({ Location: z.string() }) }
const asking: readonly ProblemCode[] = ['upstream_unavailable', 'upstream_nonsense', 'invalid_identity_token']

const start = createRoute({
  ...open(tag, { limiter: 'AUTH_LIMITER' }),
  method: 'get',
  path: '/auth/{provider}/start',
  summary: 'Send the browser to a provider',
  request: { params: ProviderParams, query: StartQuery },
  responses: { 303: { ...redirected, description: 'To the provider, with a cookie of this attempt.' } },
})

const ended = {
  200: { ...page, description: 'The page on which somebody new registers.' },
  303: { ...redirected, description: 'Back to `return_to`, with `code` or `error`.' },
}
const callbackAccess = open(tag, {
  limiter: 'AUTH_LIMITER',
  problems: ['invalid_state', 'registration_refused', 'forbidden', 'key_unavailable', 'malformed_body', ...asking],
})

const callback = createRoute({
  ...callbackAccess,
  method: 'get',
  path: '/auth/{provider}/callback',
  summary: 'Where a provider sends the browser back to',
  request: { params: ProviderParams },
  responses: ended,
})

const postedCallback = createRoute({
  ...open(tag, {
    limiter: 'AUTH_LIMITER',
    problems: [...callbackAccess['x-problems'], 'payload_too_large', 'unsupported_media_type'],
  }),
  method: 'post',
  path: '/auth/{provider}/callback',
  summary: 'The same for a provider whose page posts a form (Apple)',
  request: { params: ProviderParams },
  responses: ended,
})

const exchange = createRoute({
  ...open(tag, {
    limiter: 'AUTH_LIMITER',
    bodyBytes: jsonBodyBytes,
    problems: ['invalid_code', 'registration_refused', 'forbidden', 'key_unavailable'],
  }),
  method: 'post',
  path: '/auth/exchange',
  summary: 'Trade the code of a redirect for a session, or for a registration ticket',
  request: { body: jsonBody(ExchangeRequest) },
  responses: { 200: jsonContent(LoginReply, 'As `POST /auth/login` answers.') },
})

const link = createRoute({
  ...session(tag, {
    limiter: 'AUTH_LIMITER',
    bodyBytes: jsonBodyBytes,
    problems: ['fresh_sign_in_needed'],
  }),
  method: 'post',
  path: '/auth/{provider}/link',
  summary: 'Begin a redirect that adds a way to sign in',
  request: { params: ProviderParams, body: jsonBody(LinkRequest) },
  responses: { 200: jsonContent(LinkStarted, 'Where the browser goes, with the cookie of this answer.') },
})

const registration = createRoute({
  ...open(tag, {
    limiter: 'AUTH_LIMITER',
    problems: [
      'malformed_body',
      'payload_too_large',
      'unsupported_media_type',
      'forbidden',
      'invalid_ticket',
      'ticket_used',
      'already_registered',
      'email_unavailable',
      'registration_refused',
    ],
  }),
  method: 'post',
  path: '/auth/registration',
  summary: 'What the registration page sends',
  responses: {
    303: { ...redirected, description: 'Back to `return_to`.' },
    422: { ...page, description: 'The page again, with what is wrong.' },
  },
})

export const redirectRoutes = newRouter()
  .openapi(exchange, async (c) => {
    const request = c.req.valid('json')
    checkSessionMode(c, request.session_mode)
    const answer = await exchangeCode(scopeOf(c), request, await deviceOf(c, request.device_info))
    return c.json(answer.status === 'authenticated' ? inMode(c, request.session_mode, answer) : answer, 200)
  })
  .openapi(link, async (c) => {
    const { provider } = c.req.valid('param')
    const begun = await startLink(callerOf(c), provider, c.req.valid('json').return_to)
    c.header('Set-Cookie', begun.cookie, { append: true })
    return c.json({ authorization_url: begun.authorizationUrl.href }, 200)
  })
  .openapi(start, async (c) => {
    const begun = await startRedirect(scopeOf(c), c.req.valid('param').provider, c.req.valid('query'))
    return toProvider(c, begun)
  })
  .openapi(callback, async (c) => {
    c.set('isPage', true)
    return await endCallback(c, c.req.valid('param').provider, fieldsOf(new URL(c.req.url).searchParams))
  })
  .openapi(postedCallback, async (c) => {
    c.set('isPage', true)
    return await endCallback(c, c.req.valid('param').provider, await readForm(c, formBytes))
  })
  .openapi(registration, async (c) => {
    c.set('isPage', true)
    return await endRegistration(c)
  })

function toProvider(c: AppContext, { authorizationUrl, cookie }: BegunRedirect): Response {
  c.header('Set-Cookie', cookie, { append: true })
  return c.redirect(authorizationUrl.href, 303)
}

async function endCallback(c: AppContext, provider: Provider, parameters: Readonly<Record<string, string>>) {
  const scope = scopeOf(c)
  const end = await endRedirect(scope, provider, parameters, c.req.header('Cookie'), await deviceOf(c, undefined))
  c.header('Set-Cookie', dropStateCookie(provider, parameters['state'] ?? ''), { append: true })
  if (end.kind === 'return') return toClient(c, end.url, end.sessionToken)
  const sealedWish = await sealWish(scope.config, end.pending)
  return withCookies(c, await registrationPage(scope.config, { ...end.pending, sealedWish }))
}

function toClient(c: AppContext, url: string, sessionToken: string | undefined): Response {
  if (sessionToken !== undefined) setSessionCookie(c, sessionToken, c.var.config.SESSION_ABSOLUTE_SECONDS)
  return c.redirect(url, 303)
}

function withCookies(c: AppContext, response: Response): Response {
  for (const cookie of c.res.headers.getSetCookie()) response.headers.append('Set-Cookie', cookie)
  return response
}

async function endRegistration(c: AppContext): Promise<Response> {
  if (c.req.header('Origin') !== c.var.config.PUBLIC_ORIGIN) throw new Problem('forbidden')
  const scope = scopeOf(c)
  const fields = await readForm(c, formBytes)
  const form = RegistrationForm.safeParse(fields)
  if (form.success) {
    const { url, sessionToken } = await registerByPage(scope, form.data, await deviceOf(c, undefined))
    return toClient(c, url, sessionToken)
  }
  const { wish: sealedWish = '', registration_ticket: ticket = '' } = fields
  return await registrationPage(scope.config, {
    wish: await wishOf(scope.config, sealedWish),
    ticket,
    sealedWish,
    suggested: { firstName: null, lastName: null },
    values: fields,
    faults: form.error.issues.map(({ path, message }) => ({ pointer: `/${path.join('/')}`, detail: message })),
  })
}
