import type { ServerResponse } from 'node:http'
import type { Reply } from '#scripts/upstream/part.ts'

/** Sends a reply at the pace of whoever reads it, and stops when they leave. */
export async function send(outgoing: ServerResponse, { status = 200, headers = {}, body }: Reply): Promise<void> {
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
