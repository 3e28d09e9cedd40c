import type { Answer } from '#scripts/demo/steps.ts'

/** An answer of the API with its parsed body. */
export interface ApiAnswer<Body> extends Answer {
  readonly body: Body
  readonly headers: Headers
}

interface CallOptions {
  readonly token?: string | undefined
  readonly body?: unknown
  /** A body as it is. */
  readonly bytes?: string
  readonly headers?: Record<string, string>
}

/** Calls the API as an app does. The demo names the part of the body that it uses. */
export async function callApi<Body>(
  origin: string,
  method: string,
  path: string,
  { token, body, bytes, headers }: CallOptions = {},
): Promise<ApiAnswer<Body>> {
  const response = await fetch(path.startsWith('http') ? path : `${origin}${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(bytes === undefined ? {} : { body: new TextEncoder().encode(bytes) }),
  })
  return {
    status: response.status,
    flights: flightsOf(response),
    headers: response.headers,
    body: await bodyOf(response),
  }
}

/** The flights that `Server-Timing` says. */
function flightsOf(response: Response): number {
  return Number(/db;desc="(\d+) flight/.exec(response.headers.get('Server-Timing') ?? '')?.[1] ?? Number.NaN)
}

async function bodyOf<Body>(response: Response): Promise<Body> {
  if (!/json/.test(response.headers.get('Content-Type') ?? '')) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the step that asks for bytes names them
    return new Uint8Array(await response.arrayBuffer()) as Body
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a step that finds another shape fails, which is its purpose
  return (await response.json()) as Body
}

/** A reply as the stream brought it. */
export interface StreamedReply extends Answer {
  readonly text: string
  readonly firstTextMilliseconds: number
  readonly lastEventId: string | undefined
}

interface StreamPart {
  readonly type: string
  readonly delta?: string
  readonly messageMetadata?: { readonly flights?: number; readonly state?: string }
}

interface Saying {
  readonly token: string
  readonly conversationId: string
  readonly content: string
  /** Words that these are to stand beside. */
  readonly editOf?: string
  /** Says it once, however often it is sent. */
  readonly key?: string
  /** What was heard last, where the rest is to follow. */
  readonly lastEventId?: string
  /** Hears each piece; the connection is cut where it answers false. */
  readonly onText?: (delta: string) => boolean | void
}

/** Says something in a conversation and reads the reply while it is made. */
export async function streamTurn(origin: string, saying: Saying): Promise<StreamedReply> {
  const { token, conversationId, content, editOf, key = crypto.randomUUID(), lastEventId, onText } = saying
  const startedAt = performance.now()
  const response = await fetch(`${origin}/conversations/${conversationId}/turns`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json',
      'Idempotency-Key': key,
      ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),
    },
    body: JSON.stringify({ content, ...(editOf === undefined ? {} : { edit_of: editOf }) }),
  })
  const heard = { text: '', firstTextMilliseconds: Number.NaN, flights: Number.NaN, lastEventId }
  for await (const { id, part } of partsOf(response)) {
    heard.lastEventId = id ?? heard.lastEventId
    heard.flights = part.messageMetadata?.flights ?? heard.flights
    if (part.delta === undefined) continue
    if (heard.text === '') heard.firstTextMilliseconds = performance.now() - startedAt
    heard.text += part.delta
    if (onText?.(part.delta) === false) break
  }
  return { status: response.status, ...heard }
}

async function* partsOf(response: Response): AsyncGenerator<{ id: string | undefined; part: StreamPart }> {
  let pending = ''
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    pending += chunk
    const events = pending.split('\n\n')
    pending = events.pop() ?? ''
    for (const event of events) {
      const data = /^data: (.*)$/m.exec(event)?.[1]
      if (data === undefined || data === '[DONE]') continue
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- parts of another shape carry none of these
      yield { id: /^id: (.*)$/m.exec(event)?.[1], part: JSON.parse(data) as StreamPart }
    }
  }
}
