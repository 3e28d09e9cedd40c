import type { IncomingMessage, ServerResponse } from 'node:http'
import { Failure, json, type Ask, type Handler, type Part, type Reply } from '#scripts/upstream/part.ts'

const bodyBytesMost = 1_048_576

/** Answers every request from the parts' routes, and counts by path those that reached a route. */
export function createDispatcher(parts: readonly Part[], calls: Map<string, number>) {
  return async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const url = URL.parse(`http://127.0.0.1${incoming.url}`) ?? new URL('http://127.0.0.1/')
    const part = partOf(parts, url.pathname)
    try {
      const handler = handlerFor(parts, incoming.method ?? 'GET', url.pathname)
      calls.set(url.pathname, (calls.get(url.pathname) ?? 0) + 1)
      await send(outgoing, await handler(await ask(incoming, url)))
    } catch (error) {
      if (outgoing.headersSent) return void outgoing.destroy()
      if (outgoing.destroyed) return
      const failure = asFailure(error)
      incoming.resume()
      await send(outgoing, json(part?.describeFailure(failure) ?? { error: failure.message }, failure))
    }
  }
}

function partOf(parts: readonly Part[], path: string): Part | undefined {
  return (
    parts.find((part) => Object.keys(part.routes).some((route) => route.endsWith(` ${path}`))) ??
    parts.find((part) => part.prefixes.some((prefix) => path.startsWith(prefix)))
  )
}

function handlerFor(parts: readonly Part[], method: string, path: string): Handler {
  const routes = new Map<string, Handler>(parts.flatMap((part) => Object.entries(part.routes)))
  const handler = routes.get(`${method} ${path}`)
  if (handler !== undefined) return handler
  const isKnownPath = [...routes.keys()].some((route) => route.endsWith(` ${path}`))
  if (isKnownPath) throw new Failure(405, 'method_not_allowed', `${path} does not take ${method}.`)
  throw new Failure(404, 'not_found', `Unknown path: ${method} ${path}`)
}

async function ask(incoming: IncomingMessage, url: URL): Promise<Ask> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
    bytes += chunk.length
    if (bytes > bodyBytesMost) throw new Failure(413, 'too_large', `The body is over ${bodyBytesMost} bytes.`)
    chunks.push(chunk)
  }
  return { url, headers: incoming.headers, text: Buffer.concat(chunks).toString('utf8') }
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
