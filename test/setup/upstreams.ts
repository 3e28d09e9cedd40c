import { onTestFinished, vi } from 'vitest'

type Answer = (call: number, init: RequestInit | undefined) => Response | Promise<Response>

/** What the Worker asked of a faked upstream. */
export interface Asked<Body> {
  /** Its requests' bodies, in order. */
  readonly bodies: readonly Body[]
  /** Its requests' signals, in order: aborted once nobody needs the answer. */
  readonly signals: readonly (AbortSignal | null | undefined)[]
}

/** A prompt in the chat-completions protocol. */
export interface Prompt {
  readonly model: string
  readonly stream: boolean
  readonly messages: readonly { readonly role: string; readonly content: string }[]
}

/** Puts another model in the place of the local companion until the test ends; the rest of the world stays. */
export const fakeModel = (answer: Answer) => fakeUpstream<Prompt>('/chat/completions', answer)

/** Puts another voice in the place of the local one until the test ends; without an answer it only listens in. */
export const fakeVoice = (answer?: Answer) => fakeUpstream<Record<string, unknown>>('/offline/speech', answer)

/** Puts another answer in the place of an upstream's whose URL holds that, until the test ends. */
export const fakeUpstreamAt = (part: string, answer: Answer) => fakeUpstream(part, answer)

/** Puts a voice in the place of any vendor's that speaks the OpenAI dialect, until the test ends. */
export const fakeSpeech = (answer: Answer) => fakeUpstream<Record<string, unknown>>('/v1/audio/speech', answer)

function fakeUpstream<Body>(path: string, answer: Answer | undefined): Asked<Body> {
  const asked = { bodies: [] as Body[], signals: [] as (AbortSignal | null | undefined)[] }
  // What was put in another upstream's place stays.
  const beside = globalThis.fetch
  vi.stubGlobal('fetch', async (input: RequestInfo | URL, init?: RequestInit) => {
    if (!String(input).includes(path)) return await beside(input, init)
    asked.signals.push(init?.signal)
    asked.bodies.push(JSON.parse(String(init?.body ?? 'null')) as Body)
    return answer === undefined ? await beside(input, init) : await answer(asked.bodies.length, init)
  })
  onTestFinished(() => void vi.unstubAllGlobals())
  return asked
}

/** One line of the chat-completions protocol with a piece of text; `finish` says why it is the last. */
export const chunkOf = (content: string, finish: string | null = null) =>
  `data: ${JSON.stringify({ choices: [{ delta: { content }, finish_reason: finish }] })}\n\n`

/** The lines that end a reply well. */
export const endOfReply = `${chunkOf('', 'stop')}data: [DONE]\n\n`

/** A reply that is written by hand: nothing comes until it is said, and nothing ends until it is ended. */
export interface SteeredReply {
  readonly response: Response
  write(lines: string | Uint8Array): void
  close(): void
  cut(): void
}

export function steerReply(): SteeredReply {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  const body = new ReadableStream<Uint8Array>({
    start: (own) => {
      controller = own
    },
  })
  return {
    response: new Response(body, { headers: { 'Content-Type': 'text/event-stream' } }),
    write: (lines) => controller?.enqueue(typeof lines === 'string' ? new TextEncoder().encode(lines) : lines),
    close: () => controller?.close(),
    cut: () => controller?.error(new Error('the connection was cut')),
  }
}

/** A whole reply in these pieces. */
export function replyOf(...pieces: string[]): Response {
  return new Response(pieces.map((piece) => chunkOf(piece)).join('') + endOfReply)
}
