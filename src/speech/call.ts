import type { Config } from '#src/config.ts'
import { readBounded } from '#src/http/bounded-body.ts'
import { withDeadline } from '#src/http/deadline.ts'
import { Problem } from '#src/http/problem.ts'

/** The most that one line of speech may have. */
export const mostAudioBytes = 20 * 1_024 * 1_024
const mostAnswerBytes = 4 * 1_024 * 1_024

interface VoiceCall {
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Posted as JSON; without one it is a GET. */
  readonly body?: Readonly<Record<string, unknown>>
  readonly signal?: AbortSignal
}

/** Calls the voice vendor. Resolves with an answer of 2xx, within SPEECH_DEADLINE_MS. Throws as the port says. */
export async function callVoice(config: Config, { path, headers, body, signal }: VoiceCall): Promise<Response> {
  const { SPEECH_BASE_URL: baseUrl, SPEECH_DEADLINE_MS: deadlineMs } = config
  if (baseUrl === undefined) throw new Problem('not_configured', 'SPEECH_BASE_URL is not set.')
  const abort = new AbortController()
  signal?.addEventListener('abort', () => abort.abort(), { once: true })
  const call = fetch(`${baseUrl.replace(/\/$/, '')}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    redirect: 'manual',
    signal: abort.signal,
    headers: { ...headers, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const response = await reached(withDeadline(call, deadlineMs, () => abort.abort()))
  if (response.ok) return response
  await response.body?.cancel()
  throw refusal(response)
}

async function reached<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof Problem) throw error
    throw new Problem('upstream_unavailable', 'The voice cannot be reached.', { cause: error })
  }
}

function refusal({ status, headers }: Response): Problem {
  const cause = new Error(`the voice answered ${status}`)
  // 404 is a voice that is not there.
  if (status === 400 || status === 404 || status === 422) return new Problem('speech_refused', undefined, { cause })
  const seconds = Number(headers.get('Retry-After'))
  const wait = Number.isInteger(seconds) && seconds > 0 && seconds < 3_600 ? { retryAfterSeconds: seconds } : {}
  return new Problem('upstream_unavailable', 'The voice refused.', { cause, ...wait })
}

/** The whole answer of the vendor as JSON. Throws as the port says. */
export async function readJson(config: Config, response: Response): Promise<unknown> {
  const reading = readBounded(response.body, mostAnswerBytes)
  const bytes = await reached(withDeadline(reading, config.SPEECH_DEADLINE_MS, () => undefined))
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes))
  } catch (error) {
    throw nonsense('not JSON', error)
  }
}

/** The answer's bytes as they come, bounded in number and in the time between two pieces. Throws as the port says. */
export async function* readPieces(
  config: Config,
  response: Response,
  mostBytes = mostAudioBytes,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const tooMuch = () => nonsense('more than anybody says')
  if (Number(response.headers.get('Content-Length') ?? 0) > mostBytes) {
    await response.body?.cancel()
    throw tooMuch()
  }
  if (response.body === null) return
  const reader = response.body.getReader()
  let length = 0
  try {
    while (true) {
      const { done, value } = await reached(withDeadline(reader.read(), config.SPEECH_DEADLINE_MS, () => undefined))
      if (done) return
      length += value.length
      if (length > mostBytes) throw tooMuch()
      if (value.length > 0) yield value
    }
  } finally {
    // Also where whoever reads needs no more: the vendor is not to go on.
    await reader.cancel().catch(() => undefined)
  }
}

/** What the vendor said is not what its interface promises. */
export const nonsense = (reason: string, cause?: unknown) =>
  new Problem('upstream_nonsense', 'The voice did not answer with audio.', { cause: new Error(reason, { cause }) })
