import type { Answer } from '#scripts/demo/steps.ts'

/** An answer of the API with its parsed body. */
export interface ApiAnswer<Body> extends Answer {
  readonly body: Body
  readonly headers: Headers
}

interface CallOptions {
  readonly token?: string | undefined
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

/** Calls the API as an app does. The demo names the part of the body that it uses. */
export async function callApi<Body>(
  origin: string,
  method: string,
  path: string,
  { token, body, headers }: CallOptions = {},
): Promise<ApiAnswer<Body>> {
  const response = await fetch(path.startsWith('http') ? path : `${origin}${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
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
}

interface StreamPart {
  readonly type: string
  readonly delta?: string
  readonly messageMetadata?: { readonly flights?: number; readonly state?: string }
}

/** Says something in a conversation and reads the reply while it is made; `onText` hears each piece. */
export async function streamTurn(
  origin: string,
  token: string,
  conversationId: string,
  content: string,
  onText: (delta: string) => void,
): Promise<StreamedReply> {
  const startedAt = performance.now()
  const response = await fetch(`${origin}/conversations/${conversationId}/turns`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json',
      'Idempotency-Key': crypto.randomUUID(),
    },
    body: JSON.stringify({ content }),
  })
  let text = ''
  let firstTextMilliseconds = Number.NaN
  let flights = Number.NaN
  for await (const part of partsOf(response)) {
    if (part.delta !== undefined) {
      if (text === '') firstTextMilliseconds = performance.now() - startedAt
      text += part.delta
      onText(part.delta)
    }
    flights = part.messageMetadata?.flights ?? flights
  }
  return { status: response.status, flights, text, firstTextMilliseconds }
}

async function* partsOf(response: Response): AsyncGenerator<StreamPart> {
  let pending = ''
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    pending += chunk
    const events = pending.split('\n\n')
    pending = events.pop() ?? ''
    for (const event of events) {
      const data = /^data: (.*)$/m.exec(event)?.[1]
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- parts of another shape carry none of these
      if (data !== undefined && data !== '[DONE]') yield JSON.parse(data) as StreamPart
    }
  }
}
