/// <reference types="@cloudflare/vitest-pool-workers/types" />
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import type { Env } from '#src/config.ts'
import worker from '#src/index.ts'
import { envWith } from '#test/setup/env-with.ts'

/** One answer as it went over the wire. */
export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The crossings that its head states; undefined where it states none. */
  readonly flights: number | undefined
}

interface Asking {
  readonly token?: string | undefined
  /** Sent as it is; a type of its own in `headers` goes before `application/json`. */
  readonly body?: BodyInit | undefined
  readonly headers?: HeadersInit
  /** Bindings or variables in place of the tests' own. */
  readonly replaced?: Partial<Env>
}

/** Sends the Worker a request byte for byte, from an address of its own, and waits for what it deferred. */
export async function ask(method: string, path: string, asking: Asking = {}): Promise<Answered> {
  const headers = new Headers(asking.headers)
  if (!headers.has('CF-Connecting-IP')) headers.set('CF-Connecting-IP', crypto.randomUUID())
  if (asking.token !== undefined) headers.set('Authorization', `Bearer ${asking.token}`)
  if (asking.body !== undefined && !headers.has('Content-Type')) headers.set('Content-Type', 'application/json')
  const context = createExecutionContext()
  const request = new Request(`https://neuraform.test${path}`, { method, headers, body: asking.body ?? null })
  const bindings = asking.replaced === undefined ? env : envWith(asking.replaced)
  const response = await worker.fetch(request, bindings, context)
  const text = new TextDecoder('latin1').decode(await response.arrayBuffer())
  await waitOnExecutionContext(context)
  const stated = /^db;desc="(\d+) flights?"$/.exec(response.headers.get('Server-Timing') ?? '')?.[1]
  return {
    status: response.status,
    headers: response.headers,
    text,
    flights: stated === undefined ? undefined : Number(stated),
  }
}

/** The code of a problem; undefined for any other answer. */
export function codeOf({ headers, text }: Answered): string | undefined {
  const isProblem = headers.get('Content-Type') === 'application/problem+json'
  return isProblem ? (JSON.parse(text) as { code: string }).code : undefined
}
