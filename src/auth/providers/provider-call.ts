import type * as z from 'zod'
import type { Config } from '#src/config.ts'
import { readBounded } from '#src/http/bounded-body.ts'
import { withDeadline } from '#src/http/deadline.ts'
import { Problem } from '#src/http/problem.ts'

const mostBytes = 64 * 1_024

/** One request to a provider. Secrets go into `bearer` or `form`, which no log and no cache of URLs ever sees. */
interface ProviderRequest {
  readonly url: URL | string
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly bearer?: string
  readonly form?: Readonly<Record<string, string>>
}

/** What a provider answered: 2xx, or a refusal (4xx). `body` is its JSON, undefined where it is empty. */
export interface ProviderAnswer {
  readonly isRefused: boolean
  readonly body: unknown
}

/**
 * Asks a provider once, within `PROVIDER_DEADLINE_MS` and 64 KiB, and follows no redirect. Throws
 * `upstream_unavailable` when it cannot be reached, is late, is overloaded (429, 5xx) or is cut off, and
 * `upstream_nonsense` for a redirect, too much, or what is not JSON.
 */
export async function callProvider(config: Config, request: ProviderRequest): Promise<ProviderAnswer> {
  const abort = new AbortController()
  try {
    return await withDeadline(send(request, abort.signal), config.PROVIDER_DEADLINE_MS, () => abort.abort())
  } catch (error) {
    if (error instanceof Problem && error.code !== 'deadline_exceeded') throw error
    throw new Problem('upstream_unavailable', undefined, { cause: error })
  }
}

async function send({ url, method, bearer, form }: ProviderRequest, signal: AbortSignal): Promise<ProviderAnswer> {
  const response = await fetch(url.toString(), {
    method,
    redirect: 'manual',
    signal,
    headers: {
      Accept: 'application/json',
      ...(bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` }),
    },
    ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
  })
  if (response.ok || (response.status >= 400 && response.status < 500 && !isTransient(response.status))) {
    return { isRefused: !response.ok, body: await readJson(response) }
  }
  await response.body?.cancel()
  const cause = new Error(`the provider answered ${response.status}`)
  if (response.status < 400) throw new Problem('upstream_nonsense', undefined, { cause })
  throw new Problem('upstream_unavailable', undefined, { cause, ...retryAfterOf(response) })
}

const isTransient = (status: number) => status === 408 || status === 425 || status === 429

async function readJson(response: Response): Promise<unknown> {
  const bytes = await readBounded(response.body, mostBytes)
  if (bytes === undefined) throw new Problem('upstream_nonsense', undefined, { cause: new Error('too much') })
  if (bytes.length === 0) return undefined
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)) as unknown
  } catch (error) {
    throw new Problem('upstream_nonsense', undefined, { cause: error })
  }
}

function retryAfterOf(response: Response): { retryAfterSeconds?: number } {
  const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN)
  return Number.isInteger(seconds) && seconds > 0 && seconds <= 3_600 ? { retryAfterSeconds: seconds } : {}
}

/** The body of an answer in the shape that it must have. Throws `upstream_nonsense`. */
export function parseAnswer<T extends z.ZodType>(schema: T, { body }: ProviderAnswer): z.output<T> {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  throw new Problem('upstream_nonsense', undefined, { cause: parsed.error })
}
