import type { Config } from '#src/config.ts'
import { readBounded } from '#src/http/bounded-body.ts'
import { withDeadline } from '#src/http/deadline.ts'
import { Problem } from '#src/http/problem.ts'

const mostAudioBytes = 20 * 1_024 * 1_024

/** Posts JSON to the voice vendor and returns its answer's bytes, bounded in time and size. Throws as the port says. */
export async function callVoice(config: Config, path: string, body: Record<string, unknown>): Promise<Uint8Array> {
  const abort = new AbortController()
  return await withDeadline(post(config, path, body, abort.signal), config.SPEECH_DEADLINE_MS, () => abort.abort())
}

async function post(
  config: Config,
  path: string,
  body: Record<string, unknown>,
  signal: AbortSignal,
): Promise<Uint8Array> {
  if (config.SPEECH_BASE_URL === undefined) throw new Problem('not_configured', 'SPEECH_BASE_URL is not set.')
  try {
    const response = await fetch(`${config.SPEECH_BASE_URL.replace(/\/$/, '')}${path}`, {
      method: 'POST',
      redirect: 'manual',
      signal,
      headers: {
        'Content-Type': 'application/json',
        ...(config.SPEECH_API_KEY === undefined ? {} : { Authorization: `Bearer ${config.SPEECH_API_KEY}` }),
      },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw await refusal(response)
    return await readAudio(response)
  } catch (error) {
    if (error instanceof Problem) throw error
    throw new Problem('upstream_unavailable', 'The voice cannot be reached.', { cause: error })
  }
}

async function refusal(response: Response): Promise<Problem> {
  await response.body?.cancel()
  const cause = new Error(`the voice answered ${response.status}`)
  if (response.status === 400 || response.status === 422) return new Problem('speech_refused', undefined, { cause })
  return new Problem('upstream_unavailable', 'The voice refused.', { cause })
}

async function readAudio(response: Response): Promise<Uint8Array> {
  const declared = Number(response.headers.get('Content-Length') ?? 0)
  const bytes = declared > mostAudioBytes ? undefined : await readBounded(response.body, mostAudioBytes)
  if (bytes === undefined) throw new Problem('upstream_nonsense', 'The voice answered too much.')
  return bytes
}
