/// <reference types="@cloudflare/vitest-pool-workers/types" />
import { createExecutionContext, createScheduledController, waitOnExecutionContext } from 'cloudflare:test'
import { onTestFinished } from 'vitest'
import type { Env } from '#src/config.ts'
import worker from '#src/index.ts'
import type { Answer } from '#test/setup/client.ts'
import { envWith } from '#test/setup/env-with.ts'
import { asOwner } from '#test/setup/owner-database.ts'

interface CallOptions {
  readonly token?: string
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

/** Calls the Worker with some bindings or variables replaced, and waits for what it deferred. */
export async function callWith<Body = Record<string, never>>(
  replaced: Partial<Env>,
  method: string,
  path: string,
  { token, body, headers }: CallOptions = {},
): Promise<Answer<Body>> {
  const context = createExecutionContext()
  const request = new Request(`https://neuraform.test${path}`, {
    method,
    headers: {
      'CF-Connecting-IP': crypto.randomUUID(),
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const response = await worker.fetch(request, envWith(replaced), context)
  await waitOnExecutionContext(context)
  return { status: response.status, headers: response.headers, body: await response.json<Body>() }
}

interface Upload {
  readonly token: string
  readonly body: BodyInit
  readonly headers: Record<string, string>
}

const parsed = async (response: Response): Promise<unknown> =>
  /json/.test(response.headers.get('Content-Type') ?? '') ? await response.json() : await response.arrayBuffer()

/** Posts bytes as they are, with some bindings or variables replaced. */
export async function uploadWith<Body>(
  replaced: Partial<Env>,
  path: string,
  { token, body, headers }: Upload,
): Promise<Answer<Body>> {
  const context = createExecutionContext()
  const request = new Request(`https://neuraform.test${path}`, {
    method: 'POST',
    headers: { 'CF-Connecting-IP': crypto.randomUUID(), Authorization: `Bearer ${token}`, ...headers },
    body,
    ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
  })
  const response = await worker.fetch(request, envWith(replaced), context)
  await waitOnExecutionContext(context)
  return { status: response.status, headers: response.headers, body: (await parsed(response)) as Body }
}

/** Runs one of the Worker's scheduled events to its end, with some bindings or variables replaced. */
export async function runSchedule(replaced: Partial<Env> = {}, cron = '*/5 * * * *'): Promise<void> {
  await asOwner('select pg_advisory_lock_shared(1)')
  try {
    const context = createExecutionContext()
    await worker.scheduled(createScheduledController({ cron }), envWith(replaced), context)
    await waitOnExecutionContext(context)
  } finally {
    await asOwner('select pg_advisory_unlock_shared(1)')
  }
}

/** No other file sweeps until the test ends: what this one leaves half done stays so. */
export async function sweepAlone(): Promise<void> {
  await asOwner('select pg_advisory_lock(1)')
  onTestFinished(async () => void (await asOwner('select pg_advisory_unlock(1)')))
}
