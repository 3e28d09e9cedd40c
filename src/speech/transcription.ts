import { z } from 'zod'
import type { Config } from '#src/config.ts'
import { readBounded } from '#src/http/bounded-body.ts'
import { withDeadline } from '#src/http/deadline.ts'
import { Problem } from '#src/http/problem.ts'
import { contentTypeOf, type AudioFormat } from '#src/speech/audio-format.ts'

const Transcription = z.object({ text: z.string().max(100_000) })
const mostAnswerBytes = 1_024 * 1_024

/**
 * What was said, by an OpenAI-compatible `POST /audio/transcriptions`. Throws `not_configured`, `speech_refused` for audio that
 * it does not take, `upstream_unavailable`, `upstream_nonsense` or `deadline_exceeded`.
 */
export async function transcribe(config: Config, audio: Blob, format: AudioFormat): Promise<string> {
  const { TRANSCRIPTION_BASE_URL: baseUrl, TRANSCRIPTION_MODEL: model, TRANSCRIPTION_API_KEY: key } = config
  if (baseUrl === undefined || model === undefined) {
    throw new Problem('not_configured', 'No transcription is configured: TRANSCRIPTION_BASE_URL, TRANSCRIPTION_MODEL.')
  }
  const form = new FormData()
  form.set('model', model)
  form.set('response_format', 'json')
  // The vendor goes by the name's ending.
  form.set('file', new File([audio], `recording.${endings[format]}`, { type: contentTypeOf[format] }))
  const abort = new AbortController()
  const call = post(`${baseUrl.replace(/\/$/, '')}/audio/transcriptions`, form, key, abort.signal)
  return await withDeadline(call, config.TRANSCRIPTION_DEADLINE_MS, () => abort.abort())
}

const endings: Readonly<Record<AudioFormat, string>> = { wav: 'wav', mp3: 'mp3', opus: 'ogg', webm: 'webm', mp4: 'm4a' }

async function post(url: string, body: FormData, key: string | undefined, signal: AbortSignal): Promise<string> {
  try {
    const headers = key === undefined ? {} : { Authorization: `Bearer ${key}` }
    const response = await fetch(url, { method: 'POST', redirect: 'manual', signal, headers, body })
    const bytes = await readBounded(response.body, mostAnswerBytes)
    if (response.status === 400 || response.status === 422) throw new Problem('speech_refused')
    if (!response.ok) throw new Problem('upstream_unavailable', 'The transcription was refused.')
    const text = Transcription.safeParse(parseJson(bytes)).data?.text
    if (text === undefined) throw new Problem('upstream_nonsense', 'The transcription makes no sense.')
    return text.toWellFormed().replaceAll('\0', '')
  } catch (error) {
    if (error instanceof Problem) throw error
    throw new Problem('upstream_unavailable', 'The transcription cannot be reached.', { cause: error })
  }
}

function parseJson(bytes: Uint8Array | undefined): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return undefined
  }
}
