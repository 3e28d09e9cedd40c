import type { IncomingMessage, ServerResponse } from 'node:http'
import { Failure, json, type Ask, type Part, type Reply } from '#scripts/upstream/part.ts'
import { createRouter } from '#scripts/upstream/router.ts'

const bodyBytesMost = 1_048_576

/** Answers every request from the parts' routes, and counts by path those that reached a route. */
export function createDispatcher(parts: readonly Part[], calls: Map<string, number>) {
  const router = createRouter(parts)
  return async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const url = URL.parse(`http://127.0.0.1${incoming.url}`) ?? new URL('http://127.0.0.1/')
    try {
      const { handler, parameters } = router.find(incoming.method ?? 'GET', url.pathname)
      calls.set(url.pathname, (calls.get(url.pathname) ?? 0) + 1)
      const text = await readBody(incoming)
      await send(outgoing, await handler({ url, parameters, headers: incoming.headers, text }))
    } catch (error) {
      if (outgoing.headersSent) return void outgoing.destroy()
      if (outgoing.destroyed) return
      const failure = asFailure(error)
      incoming.resume()
      const words = router.partOf(url.pathname)?.describeFailure(failure)
      await send(outgoing, json(words ?? { error: failure.message }, failure))
    }
  }
}

async function readBody(incoming: IncomingMessage): Promise<Ask['text']> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
    bytes += chunk.length
    if (bytes > bodyBytesMost) throw new Failure(413, 'too_large', `The body is over ${bodyBytesMost} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error
  console.error(error)
  return new Failure(500, 'internal_error', 'The local upstream failed; its log says why.')
}

async function send(outgoing: ServerResponse, { status = 200, headers = {}, body }: Reply): Promise<void> {
  if (typeof body === 'string' || body instanceof Uint8Array) {
    outgoing.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body)
    return
  }
  outgoing.writeHead(status, headers)
  for await (const chunk of body) {
    if (outgoing.destroyed) break
    if (!outgoing.write(chunk)) await drained(outgoing)
  }
  outgoing.end()
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      outgoing.off('drain', done).off('close', done)
      resolve()
    }
    outgoing.once('drain', done).once('close', done)
  })
}
