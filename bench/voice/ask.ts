import { once } from 'node:events'
import { Agent, request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'

/** A Worker, and the headers that it is asked with. */
export interface Asked {
  readonly origin: string
  readonly headers: Readonly<Record<string, string>>
}

/** What came, and after how many milliseconds. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** When the first byte behind those that were to be left out was there. */
  readonly firstMs: number
  readonly lastMs: number
}

interface Request {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  /** The bytes at the start of the body that do not count as its first. */
  readonly leaveOut?: number
}

/** Connections that are kept open between requests, as many as there are requests at once. */
const agent = new Agent({ keepAlive: true, maxSockets: 256 })

/** Asks once and reads the answer to its end, whatever its status. */
export async function ask(asked: Asked, wish: Request): Promise<Answer> {
  const startedAt = performance.now()
  const response = await open(asked, wish)
  const pieces: Buffer[] = []
  let [length, firstMs] = [0, Number.NaN]
  for await (const piece of response as AsyncIterable<Buffer>) {
    pieces.push(piece)
    length += piece.length
    if (Number.isNaN(firstMs) && length > (wish.leaveOut ?? 0)) firstMs = performance.now() - startedAt
  }
  const { statusCode: status = 0, headers } = response
  return { status, headers, body: Buffer.concat(pieces, length), firstMs, lastMs: performance.now() - startedAt }
}

/** Asks and hands over the answer with its body unread, which whoever asked then takes at their own pace. */
export async function open({ origin, headers }: Asked, wish: Request): Promise<IncomingMessage> {
  const sent = request(new URL(wish.path, origin), {
    agent,
    method: wish.method,
    headers: {
      ...(wish.body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
      ...wish.headers,
    },
  })
  sent.end(wish.body)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  return response
}

/** A request that has a text spoken: as a line with its track, or as audio alone. */
export const speech = (text: string, wants: 'line' | 'audio') => ({
  method: 'POST' as const,
  path: '/voice/speech',
  body: JSON.stringify({ text, voice: 'alloy', format: 'wav' }),
  headers: { Accept: wants === 'audio' ? 'audio/*' : 'application/json' },
})

/** The answer, if it is a 200; throws otherwise. */
export function expectOk(answer: Answer): Answer {
  if (answer.status !== 200) throw new Error(`answered ${answer.status}: ${answer.body.toString('utf8', 0, 300)}`)
  return answer
}

/** Lets the connections go. */
export const closeConnections = () => agent.destroy()
