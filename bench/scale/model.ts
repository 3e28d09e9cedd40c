import { createServer } from 'node:http'

const reply = 'The lighthouse keeper says that it will stay dry until the evening, with a light wind from the west.'

/** Starts a model on 127.0.0.1 that always says the same, so that a turn has somebody to answer it. */
export async function startModel(): Promise<{ readonly baseUrl: string; close(): void }> {
  const server = createServer((request, response) => {
    request.resume()
    const deltas = reply.split(/(?<= )/).map((content) => ({ choices: [{ delta: { content } }] }))
    const last = {
      choices: [{ delta: {}, finish_reason: 'stop' }],
      usage: { prompt_tokens: 900, completion_tokens: 22 },
    }
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    response.end([...deltas, last].map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('') + 'data: [DONE]\n\n')
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the model has no port')
  return {
    baseUrl: `http://127.0.0.1:${address.port}`,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
