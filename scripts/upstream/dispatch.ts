import type { IncomingMessage, ServerResponse } from 'node:http'
import { sendFault, type Faults } from '#scripts/upstream/faults.ts'
import { Failure, json, type Ask, type Part } from '#scripts/upstream/part.ts'
import { createRouter } from '#scripts/upstream/router.ts'
import { send } from '#scripts/upstream/send.ts'

const usualBytesMost = 1_048_576

/** Answers every request from the parts' routes or as a test has planted it, and counts by path what reached a route. */
export function createDispatcher(parts: readonly Part[], calls: Map<string, number>, faults: Faults) {
  const router = createRouter(parts)
  return async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const url = URL.parse(`http://127.0.0.1${incoming.url}`) ?? new URL('http://127.0.0.1/')
    try {
      const { part, handler, parameters } = router.find(incoming.method ?? 'GET', url.pathname)
      calls.set(url.pathname, (calls.get(url.pathname) ?? 0) + 1)
      const bytes = await readBody(incoming, part.bodyBytesMost ?? usualBytesMost)
      const ask: Ask = {
        url,
        parameters,
        headers: incoming.headers,
        bytes,
        get text() {
          return bytes.toString('utf8')
        },
      }
      const fault = faults.take(ask)
      await (fault === undefined ? send(outgoing, await handler(ask)) : sendFault(outgoing, fault))
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

async function readBody(incoming: IncomingMessage, bytesMost: number): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
    bytes += chunk.length
    if (bytes > bytesMost) throw new Failure(413, 'too_large', `The body is over ${bytesMost} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error
  console.error(error)
  return new Failure(500, 'internal_error', 'The local upstream failed; its log says why.')
}
