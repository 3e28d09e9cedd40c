import { HTTPException } from 'hono/http-exception'
import { accountRoutes } from '#src/accounts/routes.ts'
import { problemPage } from '#src/http/html-page.ts'
import { providerRoutes } from '#src/auth/provider-routes.ts'
import { redirectRoutes } from '#src/auth/redirect-routes.ts'
import { authRoutes } from '#src/auth/routes.ts'
import { configOf, ConfigError } from '#src/config.ts'
import { openAiRoutes } from '#src/conversations/openai-routes.ts'
import { conversationRoutes } from '#src/conversations/routes.ts'
import { transcriptRoutes } from '#src/conversations/transcript-routes.ts'
import { turnRoutes } from '#src/conversations/turn-routes.ts'
import { openApiDocument } from '#src/http/openapi.ts'
import { Problem, problemResponse } from '#src/http/problem.ts'
import { logRequests } from '#src/http/request-log.ts'
import { allowedOrigins, secureHeaders } from '#src/http/response-headers.ts'
import { newRouter } from '#src/http/router.ts'
import { droppedSessionCookie, isByCookie, isSafe } from '#src/http/session-cookie.ts'
import { answerUnmatched, keepPathsApart } from '#src/http/unmatched.ts'
import { operationsRoutes } from '#src/operations/routes.ts'
import { memoryRoutes } from '#src/memories/routes.ts'
import { personaRoutes } from '#src/personas/routes.ts'
import { privacyRoutes } from '#src/privacy/routes.ts'
import { usageRoutes } from '#src/usage/routes.ts'
import { voiceOpenAiRoutes } from '#src/voice/openai-routes.ts'
import { voiceRoutes } from '#src/voice/routes.ts'
import manifest from '../package.json' with { type: 'json' }

/** The whole service: what every request passes through, then one router for each slice. */
export const app = newRouter()

app.use(logRequests)
app.use(secureHeaders)
app.use(async (c, next) => {
  c.set('config', configOf(c.env))
  await next()
})
app.use(allowedOrigins)
app.use(keepPathsApart(() => app.routes))

app.route('/', operationsRoutes)
app.route('/', authRoutes)
app.route('/', redirectRoutes)
app.route('/', providerRoutes)
app.route('/', accountRoutes)
app.route('/', privacyRoutes)
app.route('/', personaRoutes)
// Before `/conversations/{id}`, which its paths would be.
app.route('/', transcriptRoutes)
app.route('/', conversationRoutes)
app.route('/', memoryRoutes)
app.route('/', turnRoutes)
app.route('/', openAiRoutes)
app.route('/', voiceRoutes)
app.route('/', voiceOpenAiRoutes)
app.route('/', usageRoutes)

/** The contract, as it stands in `openapi.json` and is served. */
export const contract = openApiDocument(app, manifest.version)
app.get('/openapi.json', (c) => c.json(contract, 200, { 'Cache-Control': 'public, max-age=300' }))

app.onError((error, c) => {
  const problem = problemFor(error)
  c.set('failure', problem)
  // A cookie whose session has ended would keep this browser from what is public, and no script can take it away. What
  // changes something may have lost to another request that was given a new one.
  const isDeadCookie = problem.code === 'unauthenticated' && isSafe(c) && isByCookie(c)
  const answered = isDeadCookie ? problem.with({ 'Set-Cookie': droppedSessionCookie }) : problem
  return c.get('isPage') === true ? problemPage(answered) : problemResponse(answered, c.get('isOpenAiDialect'))
})

app.notFound(answerUnmatched(app.routes))

function problemFor(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof ConfigError)
    return new Problem('not_configured', 'The configuration of the service is not valid.', { cause: error })
  if (error instanceof HTTPException && error.status === 400) return new Problem('malformed_body')
  return new Problem('internal', undefined, { cause: error })
}
