import type { IncomingHttpHeaders } from 'node:http'
import type * as z from 'zod'

/** One request as a handler sees it: the body is complete and within the limit. */
export interface Ask {
  readonly url: URL
  /** What the path has in the place of the route's `{names}`. */
  readonly parameters: Readonly<Record<string, string>>
  readonly headers: IncomingHttpHeaders
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The bytes read as UTF-8. */
  readonly text: string
}

/** What a handler answers. A string or bytes go out with their exact length, an iterable as it comes. */
export interface Reply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | AsyncIterable<string | Uint8Array>
}

export type Handler = (ask: Ask) => Reply | Promise<Reply>

/** One vendor's share of the outside world: its routes, and its own way to say that something is wrong. */
export interface Part {
  readonly summary: string
  /** Unknown paths below these are refused in this part's words. */
  readonly prefixes: readonly string[]
  /** The longest body that its routes take; 1 MiB unless told. */
  readonly bodyBytesMost?: number
  /** By method and path; a segment `{name}` takes any one. */
  readonly routes: Readonly<Record<`${'GET' | 'POST' | 'DELETE'} /${string}`, Handler>>
  readonly describeFailure: (failure: Failure) => unknown
  readonly close?: () => Promise<void>
}

/** A request that is refused; the part that it was meant for puts it in its vendor's words. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly status: number
  readonly code: string
  readonly param: string | null

  constructor(status: number, code: string, message: string, param: string | null = null) {
    super(message)
    this.status = status
    this.code = code
    this.param = param
  }
}

/** A JSON reply. */
export function json(value: unknown, init: Omit<Reply, 'body'> = {}): Reply {
  return { ...init, headers: { 'content-type': 'application/json', ...init.headers }, body: JSON.stringify(value) }
}

/** The request's JSON body in the schema's shape; an absent one counts as `{}`. Throws Failure 400, naming the field. */
export function jsonBody<T extends z.ZodType>(ask: Ask, schema: T): z.output<T> {
  return inShape(parseJson(ask.text), schema)
}

/** The request's form in the schema's shape, as `queryParameters` takes a query. Throws Failure 400, naming the field. */
export function formBody<T extends z.ZodType>(ask: Ask, schema: T): z.output<T> {
  const type = ask.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/x-www-form-urlencoded') {
    throw new Failure(400, 'invalid_request', 'The body must be application/x-www-form-urlencoded.')
  }
  return inShape(namedOnce(new URLSearchParams(ask.text)), schema)
}

/** The request's multipart form (RFC 7578) in the schema's shape: files are `File`. Throws Failure 400, naming the field. */
export async function multipartBody<T extends z.ZodType>(ask: Ask, schema: T): Promise<z.output<T>> {
  const type = ask.headers['content-type'] ?? ''
  if (!type.toLowerCase().startsWith('multipart/form-data')) {
    throw new Failure(400, 'invalid_request', 'The body must be multipart/form-data.')
  }
  const form = await new Response(ask.bytes, { headers: { 'content-type': type } }).formData().catch(() => undefined)
  if (form === undefined) throw new Failure(400, 'invalid_request', 'The body is not multipart/form-data.')
  return inShape(Object.fromEntries(form), schema)
}

/**
 * The request's query in the schema's shape: an empty parameter counts as absent, and one that comes twice is refused
 * (RFC 6749 §3.1). Throws Failure 400, naming the field.
 */
export function queryParameters<T extends z.ZodType>(ask: Ask, schema: T): z.output<T> {
  return inShape(namedOnce(ask.url.searchParams), schema)
}

function namedOnce(parameters: URLSearchParams): Record<string, string> {
  const given = [...parameters].filter(([, value]) => value !== '')
  const named = new Map(given)
  if (named.size !== given.length) throw new Failure(400, 'invalid_request', 'A parameter comes twice.')
  return Object.fromEntries(named)
}

function inShape<T extends z.ZodType>(value: unknown, schema: T): z.output<T> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const param = issue === undefined || issue.path.length === 0 ? null : issue.path.join('.')
  throw new Failure(400, 'invalid_value', `${param ?? 'body'}: ${issue?.message ?? 'is not valid'}`, param)
}

function parseJson(text: string): unknown {
  if (text.trim() === '') return {}
  try {
    return JSON.parse(text)
  } catch {
    throw new Failure(400, 'invalid_json', 'The body is not JSON.')
  }
}
