import { createServer } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

/** A language model that takes as long as it is told to for its first word, and then says some more. */
export interface SlowModel {
  /** The URL before `/chat/completions`. */
  readonly baseUrl: string
  close(): void
}

const words = 12
const pauseMs = 10

/** Starts it on a free port of 127.0.0.1. */
export async function startSlowModel(firstWordMs: number): Promise<SlowModel> {
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => void answer())
    const line = (choice: object, more = {}) =>
      response.write(`data: ${JSON.stringify({ choices: [{ index: 0, ...choice }], ...more })}\n\n`)
    const answer = async () => {
      await pause(firstWordMs)
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      for (let number = 0; number < words; number += 1) {
        line({ delta: { content: `word ${number}. ` }, finish_reason: null })
        await pause(pauseMs)
      }
      line({ delta: {}, finish_reason: 'stop' })
      response.end('data: [DONE]\n\n')
    }
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the model has no port')
  return {
    baseUrl: `http://127.0.0.1:${address.port}/v1`,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
