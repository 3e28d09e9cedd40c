import { z } from 'zod'
import type { Config } from '#src/config.ts'
import { readBounded } from '#src/http/bounded-body.ts'
import { withDeadline } from '#src/http/deadline.ts'
import { Problem } from '#src/http/problem.ts'
import { contentTypeOf, type AudioFormat } from '#src/speech/audio-format.ts'

const Transcription = z.object({ text: z.string().max(100_000) })
const mostAnswerBytes = 1_024 * 1_024
const utf8 = new TextEncoder()

/** Where to have audio transcribed. Throws `not_configured`. */
export function requireTranscription({ TRANSCRIPTION_BASE_URL: baseUrl, TRANSCRIPTION_MODEL: model }: Config): {
  readonly url: string
  readonly model: string
} {
  if (baseUrl === undefined || model === undefined) {
    throw new Problem('not_configured', 'No transcription is configured: TRANSCRIPTION_BASE_URL, TRANSCRIPTION_MODEL.')
  }
  return { url: `${baseUrl.replace(/\/$/, '')}/audio/transcriptions`, model }
}

/** Audio of so many bytes. */
interface Heard {
  readonly audio: ReadableStream<Uint8Array>
  readonly bytes: number
  readonly format: AudioFormat
}

/**
 * What was said, by an OpenAI-compatible `POST /audio/transcriptions`; the audio passes and is not held. Throws `not_configured`,
 * `speech_refused` for audio that it does not take, `upstream_unavailable`, `upstream_nonsense` or `deadline_exceeded`.
 */
export async function transcribe(config: Config, heard: Heard): Promise<string> {
  const { url, model } = requireTranscription(config)
  const abort = new AbortController()
  const call = post(url, formOf(model, heard), config.TRANSCRIPTION_API_KEY, abort.signal)
  return await withDeadline(call, config.TRANSCRIPTION_DEADLINE_MS, () => abort.abort())
}

interface Form {
  readonly contentType: string
  readonly body: ReadableStream<Uint8Array>
}

/** A form of RFC 7578, as it is sent. */
function formOf(model: string, { audio, bytes, format }: Heard): Form {
  const boundary = crypto.randomUUID()
  const field = (name: string, value: string) =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
  const before = utf8.encode(
    `${field('model', model)}${field('response_format', 'json')}--${boundary}\r\n` +
      // The vendor goes by the name's ending.
      `Content-Disposition: form-data; name="file"; filename="recording.${endings[format]}"\r\n` +
      `Content-Type: ${contentTypeOf[format]}\r\n\r\n`,
  )
  const after = utf8.encode(`\r\n--${boundary}--\r\n`)
  const { readable, writable } = new FixedLengthStream(before.length + bytes + after.length)
  void (async () => {
    const writer = writable.getWriter()
    try {
      await writer.write(before)
      for await (const piece of audio) await writer.write(piece)
      await writer.write(after)
      await writer.close()
    } catch (error) {
      await writer.abort(error).catch(() => undefined)
    }
  })()
  return { contentType: `multipart/form-data; boundary=${boundary}`, body: readable }
}

const endings: Readonly<Record<AudioFormat, string>> = { wav: 'wav', mp3: 'mp3', opus: 'ogg', webm: 'webm', mp4: 'm4a' }

async function post(url: string, form: Form, key: string | undefined, signal: AbortSignal): Promise<string> {
  try {
    const headers = {
      'Content-Type': form.contentType,
      ...(key === undefined ? {} : { Authorization: `Bearer ${key}` }),
    }
    const { body } = form
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
