import { createRoute, z } from '@hono/zod-openapi'
import { deviceOf, heldTokenHash } from '#src/auth/device.ts'
import { exchangeCode } from '#src/auth/one-time-code.ts'
import { registrationPage } from '#src/auth/registration-form.ts'
import { providerOf } from '#src/auth/providers/registry.ts'
import type { Provider } from '#src/auth/providers/verified-identity.ts'
import { dropStateCookie, type BegunRedirect } from '#src/auth/redirect-state.ts'
import { endRedirect, startLink, startRedirect } from '#src/auth/redirect.ts'
import { registerByPage, RegistrationForm, sealWish, wishOf } from '#src/auth/registration-page.ts'
import { checkSessionMode, inMode } from '#src/auth/session-mode.ts'
import { ExchangeRequest, LinkRequest, LinkStarted, LoginReply, ProviderParams, StartQuery } from '#src/auth/shapes.ts'
import { jsonBodyBytes, open, session } from '#src/http/access.ts'
import { callerOf, scopeOf, type AppContext } from '#src/http/context.ts'
import { fieldsOf, readForm } from '#src/http/form-body.ts'
import { formBody, jsonBody, jsonContent } from '#src/http/openapi.ts'
import { Problem, type Fault, type ProblemCode } from '#src/http/problem.ts'
import { newRouter } from '#src/http/router.ts'
import { setSessionCookie } from '#src/http/session-cookie.ts'

const tag = 'Sign-in in a browser'
const formBytes = 32 * 1_024

/** RFC 6749 §4.1.2 as a form (OAuth 2.0 Form Post Response Mode); `user` is Apple's, at the first sign-in alone. */
const PostedCallback = z.strictObject({
  state: z.string(),
  code: z.string().optional(),
  error: z.string().optional(),
  iss: z.string().optional(),
  user: z.string().optional(),
})

const page = { content: { 'text/html': { schema: z.string() } } }
const redirected = { description: 'Onwards.', headers: z.object({ Location: z.string() }) }
const asking: readonly ProblemCode[] = ['upstream_unavailable', 'upstream_nonsense', 'invalid_identity_token']

const start = createRoute({
  ...open(tag, { limiter: 'AUTH_LIMITER', isForPeople: true }),
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
const callbackOptions = {
  limiter: 'AUTH_LIMITER',
  isForPeople: true,
  problems: ['invalid_state', 'registration_refused', 'forbidden', 'key_unavailable', 'malformed_body', ...asking],
} as const

const callback = createRoute({
  ...open(tag, callbackOptions),
  method: 'get',
  path: '/auth/{provider}/callback',
  summary: 'Where a provider sends the browser back to',
  request: { params: ProviderParams },
  responses: ended,
})

const postedCallback = createRoute({
  ...open(tag, {
    ...callbackOptions,
    problems: [...callbackOptions.problems, 'payload_too_large', 'unsupported_media_type'],
  }),
  ...formBody(PostedCallback),
  method: 'post',
  path: '/auth/{provider}/callback',
  summary: 'The same for a provider whose page posts a form, as Apple does',
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
    isForPeople: true,
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
  ...formBody(RegistrationForm),
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
    const answer = await exchangeCode(scopeOf(c), request, deviceOf(c, request.device_info))
    return c.json(answer.status === 'authenticated' ? inMode(c, request.session_mode, answer) : answer, 200)
  })
  .openapi(link, async (c) => {
    const { provider } = c.req.valid('param')
    const begun = await startLink(callerOf(c), provider, c.req.valid('json').return_to)
    c.header('Set-Cookie', begun.cookie, { append: true })
    return c.json({ authorization_url: begun.authorizationUrl.href }, 200)
  })
  .openapi(start, async (c) => {
    const { provider } = c.req.valid('param')
    const begun = await startRedirect(scopeOf(c), provider, c.req.valid('query'), heldTokenHash(c))
    return toProvider(c, begun)
  })
  .openapi(callback, async (c) => {
    const { provider } = c.req.valid('param')
    requireMode(provider, 'query')
    return await endCallback(c, provider, fieldsOf(new URL(c.req.url).searchParams))
  })
  .openapi(postedCallback, async (c) => {
    const { provider } = c.req.valid('param')
    requireMode(provider, 'form_post')
    return await endCallback(c, provider, await readForm(c, formBytes))
  })
  .openapi(registration, async (c) => await endRegistration(c))

function toProvider(c: AppContext, { authorizationUrl, cookie }: BegunRedirect): Response {
  c.header('Set-Cookie', cookie, { append: true })
  return c.redirect(authorizationUrl.href, 303)
}

/** What comes in the other way than the provider's own was put there by somebody else. Throws `invalid_state`. */
function requireMode(provider: Provider, mode: 'query' | 'form_post'): void {
  if (providerOf(provider).responseMode !== mode) throw new Problem('invalid_state')
}

async function endCallback(c: AppContext, provider: Provider, parameters: Readonly<Record<string, string>>) {
  const scope = scopeOf(c)
  const dropped = dropStateCookie(provider, parameters['state'] ?? '')
  const end = await endRedirect(scope, provider, parameters, c.req.header('Cookie'), deviceOf(c, undefined)).catch(
    (error: unknown) => {
      throw error instanceof Problem ? error.with({ 'Set-Cookie': dropped }) : error
    },
  )
  c.header('Set-Cookie', dropped, { append: true })
  if (end.kind === 'return') return toClient(c, end.url, end.sessionToken)
  const sealedWish = await sealWish(scope.config, end.pending)
  return withCookies(c, await registrationPage(scope.config, { ...end.pending, sealedWish }))
}

function toClient(c: AppContext, url: string, sessionToken: string | undefined): Response {
  if (sessionToken !== undefined) setSessionCookie(c, sessionToken, c.get('config').SESSION_ABSOLUTE_SECONDS)
  return c.redirect(url, 303)
}

function withCookies(c: AppContext, response: Response): Response {
  for (const cookie of c.res.headers.getSetCookie()) response.headers.append('Set-Cookie', cookie)
  return response
}

// The form is good in this service's own page alone: whoever posts it from elsewhere would sign the visitor in.
async function endRegistration(c: AppContext): Promise<Response> {
  if (c.req.header('Origin') !== c.get('config').PUBLIC_ORIGIN) throw new Problem('forbidden')
  const scope = scopeOf(c)
  const fields = await readForm(c, formBytes)
  const form = RegistrationForm.safeParse(fields)
  if (!form.success) {
    const faults = form.error.issues.map(({ path, message }) => ({ pointer: `/${path.join('/')}`, detail: message }))
    return await pageAgain(c, fields, faults)
  }
  try {
    const { url, sessionToken } = await registerByPage(scope, form.data, deviceOf(c, undefined))
    return toClient(c, url, sessionToken)
  } catch (error) {
    if (error instanceof Problem && error.code === 'invalid_body') return await pageAgain(c, fields, error.errors ?? [])
    throw error
  }
}

async function pageAgain(
  c: AppContext,
  fields: Readonly<Record<string, string>>,
  faults: readonly Fault[],
): Promise<Response> {
  const { wish: sealedWish = '', registration_ticket: ticket = '' } = fields
  return await registrationPage(c.get('config'), {
    wish: await wishOf(c.get('config'), sealedWish, ticket),
    ticket,
    sealedWish,
    suggested: { firstName: null, lastName: null },
    values: fields,
    faults,
  })
}
