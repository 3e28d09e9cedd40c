import type { MiddlewareHandler } from 'hono'
import { scopeOf, type AppContext, type AppEnv } from '#src/http/context.ts'
import { readJsonBody } from '#src/http/json-body.ts'
import { Problem, type ProblemCode } from '#src/http/problem.ts'
import { limitRate, type Limiter } from '#src/http/rate-limit.ts'
import { isSafe, requireOwnOrigin, sessionCookies } from '#src/http/session-cookie.ts'
import { checkSessionToken } from '#src/vault/session-token.ts'

type Guard = MiddlewareHandler<AppEnv>

interface Access {
  readonly tags: string[]
  readonly security: Record<string, string[]>[]
  readonly middleware: Guard[]
  /** What this route may answer beside its own problems; the OpenAPI document is made from it. */
  readonly 'x-problems': readonly ProblemCode[]
  /** Whether a browser that navigates here is told of a problem on a page. */
  readonly 'x-pages': boolean
}

interface AccessOptions {
  readonly limiter?: Limiter
  /** Whether the address is counted also where a token is presented: for what gives out another token. */
  readonly isLimitedByAddress?: boolean
  /** The most bytes that a JSON body may have; 0 for a route that takes none. */
  readonly bodyBytes?: number
  readonly problems?: readonly ProblemCode[]
  /** A route that browsers navigate to: whoever accepts HTML is told of problems on a page. */
  readonly isForPeople?: boolean
  /** A route of the OpenAI dialect: its problems hold that API's `error` beside their own members. */
  readonly isOpenAiDialect?: boolean
}

export const jsonBodyBytes = 64 * 1_024

const always = ['invalid_parameter', 'too_many_requests', 'internal', 'unavailable', 'not_configured'] as const
const withDatabase = ['deadline_exceeded'] as const
const withBody = ['malformed_body', 'payload_too_large', 'unsupported_media_type', 'invalid_body'] as const

/** A route for anybody. */
export function open(tag: string, options: AccessOptions = {}): Access {
  return access(tag, options, [], [])
}

/** A route for whoever presents a live session; a token that nobody issued is refused without a flight. */
export function session(tag: string, options: AccessOptions = {}): Access {
  return access(tag, options, [requireSessionToken], ['unauthenticated', 'forbidden', 'key_unavailable'])
}

/** A route for anybody that shows more to a live session; a credential that is presented must be good. */
export function openOrSession(tag: string, options: AccessOptions = {}): Access {
  return {
    ...access(tag, options, [allowSessionToken], ['unauthenticated']),
    security: [{}, { session: [] }, { cookie: [] }],
  }
}

function access(tag: string, options: AccessOptions, guards: Guard[], refusals: ProblemCode[]): Access {
  const {
    limiter = 'API_LIMITER',
    bodyBytes = 0,
    problems = [],
    isForPeople = false,
    isOpenAiDialect = false,
  } = options
  return {
    tags: [tag],
    security: guards.length === 0 ? [] : [{ session: [] }, { cookie: [] }],
    middleware: [
      ...(isForPeople ? [showPages] : []),
      ...(isOpenAiDialect ? [speakOpenAi] : []),
      ...guards,
      limitRate(limiter, options.isLimitedByAddress),
      ...(bodyBytes === 0 ? [] : [readJsonBody(bodyBytes)]),
    ],
    'x-pages': isForPeople,
    'x-problems': [...always, ...withDatabase, ...refusals, ...(bodyBytes === 0 ? [] : withBody), ...problems],
  }
}

/** Whether a person reads the answer: browsers name HTML when they navigate, and nothing else does. */
export const wantsPage = (c: AppContext) => /\btext\/html\b/i.test(c.req.header('Accept') ?? '')

const showPages: Guard = async (c, next) => {
  if (wantsPage(c)) c.set('isPage', true)
  await next()
}

const speakOpenAi: Guard = async (c, next) => {
  c.set('isOpenAiDialect', true)
  await next()
}

const requireSessionToken: Guard = async (c, next) => {
  const token = presentedToken(c)
  const tokenHash = token === undefined ? undefined : checkSessionToken(c.get('config'), token)
  if (tokenHash === undefined) throw new Problem('unauthenticated')
  c.set('caller', { ...scopeOf(c), tokenHash, session: undefined })
  await next()
}

const allowSessionToken: Guard = async (c, next) => {
  if (c.req.header('Authorization') === undefined && sessionCookies(c).length === 0) await next()
  else await requireSessionToken(c, next)
}

/**
 * The token of the `Authorization` header; where there is none, that of the one session cookie. Throws `forbidden` for a
 * cookie that a page of a foreign origin may have sent along to change something.
 */
export function presentedToken(c: AppContext): string | undefined {
  const header = c.req.header('Authorization')
  if (header !== undefined) return bearerToken(header)
  const cookies = sessionCookies(c)
  if (cookies.length !== 1) return undefined
  if (!isSafe(c)) requireOwnOrigin(c)
  return cookies[0]
}

/** The token of an `Authorization: Bearer` header (RFC 6750 §2.1); undefined for anything else, two headers included. */
export function bearerToken(header: string | undefined): string | undefined {
  return /^bearer ([\w-]{1,200})$/i.exec(header ?? '')?.[1]
}
