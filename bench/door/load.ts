import { Agent, get } from 'node:http'

/** A URL with the headers that it is asked with, as fast as the answers come. */
export interface Target {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** Asks once and reads the answer to its end; throws for anything but 200. */
export async function askOnce(target: Target, agent: Agent): Promise<string> {
  return await new Promise((resolve, reject) => {
    const request = get(target.url, { agent, headers: target.headers }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () =>
        response.statusCode === 200
          ? resolve(text)
          : reject(new Error(`${target.url} answered ${response.statusCode}: ${text}`)),
      )
      response.on('error', reject)
    })
    request.on('error', reject)
  })
}

/** Connections to one Worker, kept open between requests. */
export const keepAlive = (connections: number) => new Agent({ keepAlive: true, maxSockets: connections })

/** Asks a number of times, one after the other; the milliseconds that each took. */
export async function timesOf(target: Target, agent: Agent, count: number): Promise<readonly number[]> {
  const times: number[] = []
  for (let at = 0; at < count; at += 1) {
    const startedAt = performance.now()
    await askOnce(target, agent)
    times.push(performance.now() - startedAt)
  }
  return times
}

/** Asks over so many connections at once for a while; the requests answered in a second. */
export async function rateOf(target: Target, agent: Agent, connections: number, milliseconds: number): Promise<number> {
  const startedAt = performance.now()
  let answered = 0
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (performance.now() - startedAt < milliseconds) {
        await askOnce(target, agent)
        answered += 1
      }
    }),
  )
  return (answered * 1_000) / (performance.now() - startedAt)
}
