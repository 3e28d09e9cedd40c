import { z } from '@hono/zod-openapi'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

interface Definition {
  readonly status: ContentfulStatusCode
  readonly title: string
  readonly retryAfterSeconds?: number
}

/** Every failure that a client can be told of. It feeds throwing, rendering, the OpenAPI document and docs/problems.md. */
export const problems = {
  malformed_body: { status: 400, title: 'The request body could not be read.' },
  invalid_parameter: { status: 400, title: 'A path, query or header parameter is not valid.' },
  invalid_cursor: { status: 400, title: 'The cursor is not valid for this list.' },
  invalid_state: { status: 400, title: 'This sign-in was not begun here, or has ended: begin again.' },
  unauthenticated: { status: 401, title: 'A valid session token is needed.' },
  invalid_identity_token: { status: 401, title: 'The identity token was not accepted.' },
  invalid_ticket: { status: 401, title: 'The registration ticket is not valid.' },
  invalid_code: { status: 401, title: 'The one-time code is not valid.' },
  forbidden: { status: 403, title: 'This is not allowed.' },
  registration_refused: { status: 403, title: 'An account cannot be created.' },
  not_found: { status: 404, title: 'There is nothing here.' },
  method_not_allowed: { status: 405, title: 'This path does not answer to that method.' },
  conflict: { status: 409, title: 'The request conflicts with what exists.' },
  ticket_used: { status: 409, title: 'This was used before; it is good once.' },
  already_registered: { status: 409, title: 'This identity has an account already: sign in.' },
  identity_unavailable: { status: 409, title: 'This identity cannot be linked.' },
  email_unavailable: { status: 409, title: 'This email address cannot be used for a new account.' },
  turn_stopped: { status: 409, title: 'The turn was stopped before its first word.' },
  turn_in_progress: { status: 409, title: 'The reply to this request is still being made.', retryAfterSeconds: 2 },
  payload_too_large: { status: 413, title: 'The request body is too large.' },
  unsupported_media_type: { status: 415, title: 'The request body is of a type that is not taken here.' },
  range_not_satisfiable: { status: 416, title: 'The range lies outside the audio.' },
  invalid_body: { status: 422, title: 'The request body is not valid.' },
  last_identity: { status: 422, title: 'The only way to sign in cannot be taken away.' },
  idempotency_key_reused: { status: 422, title: 'The Idempotency-Key was used for another request.' },
  speech_refused: { status: 422, title: 'The voice cannot speak this text.' },
  fresh_sign_in_needed: { status: 428, title: 'Sign in again to do this.' },
  too_many_requests: { status: 429, title: 'Too many requests.', retryAfterSeconds: 60 },
  quota_exceeded: { status: 429, title: 'What you may use in a day is used up.', retryAfterSeconds: 3_600 },
  internal: { status: 500, title: 'Something went wrong on our side.' },
  upstream_nonsense: { status: 502, title: 'A service that we depend on gave an answer that makes no sense.' },
  not_configured: { status: 503, title: 'This feature is not configured.', retryAfterSeconds: 300 },
  unavailable: { status: 503, title: 'The service cannot answer at the moment.', retryAfterSeconds: 2 },
  upstream_unavailable: { status: 503, title: 'A service that we depend on cannot be reached.', retryAfterSeconds: 5 },
  key_unavailable: { status: 503, title: 'The key for this data is not available.', retryAfterSeconds: 60 },
  deadline_exceeded: { status: 504, title: 'The answer took too long.', retryAfterSeconds: 2 },
} as const satisfies Record<string, Definition>

export type ProblemCode = keyof typeof problems

// Object.keys forgets the names that a literal has; the registry is closed (`as const`), so they are all of them.
function keysOf<T extends object>(record: T): (keyof T & string)[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return Object.keys(record) as (keyof T & string)[]
}

/** Every code; the registry above is what it is made from. */
export const problemCodes = z.enum(keysOf(problems))

/** One thing that is wrong with a request: where (RFC 6901 JSON Pointer) and what. */
const Fault = z.strictObject({ pointer: z.string(), detail: z.string() })
export type Fault = z.output<typeof Fault>

/** RFC 9457 problem details. */
export const ProblemDocument = z
  .strictObject({
    type: z.string().openapi({ example: 'urn:neuraform:problem:not_found' }),
    title: z.string(),
    status: z.int(),
    code: problemCodes,
    detail: z.string().optional(),
    errors: z.array(Fault).optional(),
    error: z
      .strictObject({ message: z.string(), type: z.string(), param: z.string().nullable(), code: z.string() })
      .optional()
      .openapi({ description: 'The same as the OpenAI API says it, on the routes of that dialect.' }),
  })
  .openapi('Problem')
export type ProblemDocument = z.output<typeof ProblemDocument>

interface ProblemOptions {
  readonly cause?: unknown
  readonly errors?: readonly Fault[]
  readonly retryAfterSeconds?: number
  /** Headers that this failure needs beside those of its status. */
  readonly headers?: Readonly<Record<string, string>>
}

/** A failure that the client may know. `detail` is sent: it never holds SQL, a token or a person's words. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly detail: string | undefined
  readonly errors: readonly Fault[] | undefined
  readonly retryAfterSeconds: number | undefined
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ProblemCode, detail?: string, options: ProblemOptions = {}) {
    super(code, { cause: options.cause })
    const definition: Definition = problems[code]
    this.code = code
    this.detail = detail
    this.errors = options.errors
    this.headers = options.headers ?? {}
    this.retryAfterSeconds = options.retryAfterSeconds ?? definition.retryAfterSeconds
  }

  get title(): string {
    return problems[this.code].title
  }

  get status(): ContentfulStatusCode {
    return problems[this.code].status
  }

  /** The same failure with more headers on its answer. */
  with(headers: Readonly<Record<string, string>>): Problem {
    const { code, detail, errors, retryAfterSeconds } = this
    return new Problem(code, detail, {
      cause: this.cause,
      headers: { ...this.headers, ...headers },
      ...(errors === undefined ? {} : { errors }),
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    })
  }
}

/** The RFC 9457 body of a problem. It is the same for the same cause: the request's id travels in a header only. */
function problemDocument(problem: Problem): ProblemDocument {
  return {
    type: `urn:neuraform:problem:${problem.code}`,
    title: problem.title,
    status: problem.status,
    code: problem.code,
    ...(problem.detail === undefined ? {} : { detail: problem.detail }),
    ...(problem.errors === undefined ? {} : { errors: [...problem.errors] }),
  }
}

/** What a client of the OpenAI API looks for in a failure. */
export function openAiErrorOf(problem: Problem): NonNullable<ProblemDocument['error']> {
  const [fault] = problem.errors ?? []
  return {
    message: [problem.title, problem.detail, fault === undefined ? undefined : `${fault.pointer}: ${fault.detail}`]
      .filter((part) => part !== undefined)
      .join(' '),
    type: openAiTypes[problem.status] ?? (problem.status < 500 ? 'invalid_request_error' : 'server_error'),
    param: fault?.pointer ?? null,
    code: problem.code,
  }
}

const openAiTypes: Readonly<Record<number, string>> = { 401: 'authentication_error', 429: 'rate_limit_error' }

/** The whole answer to a problem, with the headers that its status asks for. */
export function problemResponse(problem: Problem, isOpenAiDialect = false): Response {
  const headers = new Headers({
    'Content-Type': 'application/problem+json',
    'Cache-Control': 'no-store',
    ...problem.headers,
  })
  if (problem.status === 401) headers.set('WWW-Authenticate', 'Bearer realm="neuraform"')
  if (problem.retryAfterSeconds !== undefined) headers.set('Retry-After', String(problem.retryAfterSeconds))
  const document = { ...problemDocument(problem), ...(isOpenAiDialect ? { error: openAiErrorOf(problem) } : {}) }
  return new Response(JSON.stringify(document), { status: problem.status, headers })
}
