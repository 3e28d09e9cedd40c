import { createParser } from 'eventsource-parser'
import { z } from 'zod'
import type { Talker } from '#bench/door/person.ts'
import type { Place } from '#bench/durability/place.ts'

/** How something is said: as a message that is kept, as a turn that is waited for, or as one that is heard as it is made. */
export type Way = 'message' | 'turn' | 'stream'

/** Something that the service has acknowledged: what was said, and of a turn what was answered. */
export interface Acknowledged {
  readonly content: string
  readonly way: Way
  readonly reply: string | undefined
}

const Turn = z.object({
  id: z.uuid(),
  state: z.enum(['complete', 'interrupted']),
  reply: z.object({ content: z.string() }).nullable(),
})
const Part = z.object({ type: z.string(), delta: z.string().optional(), finishReason: z.string().optional() })

const mostTries = 500
const pauseMs = 60

/** Somebody who says one thing after the other, and says each again under the same key until it is acknowledged. */
export class DurableClient {
  readonly acknowledged: Acknowledged[] = []
  readonly talker: Talker
  readonly conversationId: string
  readonly #place: Place
  #cut = new AbortController()

  constructor(place: Place, talker: Talker, conversationId: string) {
    this.#place = place
    this.talker = talker
    this.conversationId = conversationId
  }

  /** The client goes away in the middle of what it asks, and comes back. */
  cut(): void {
    this.#cut.abort()
  }

  async say(content: string, way: Way): Promise<void> {
    const reply = await this.#acknowledge(content, way, crypto.randomUUID())
    this.acknowledged.push({ content, way, reply })
  }

  async #acknowledge(content: string, way: Way, key: string): Promise<string | undefined> {
    if (way === 'message') return await this.#append(content, key)
    return way === 'turn' ? await this.#take(content, key) : await this.#hear(content, key)
  }

  async #append(content: string, key: string): Promise<undefined> {
    await this.#untilSaid(async () => {
      const response = await this.#post('messages', { role: 'user', content }, { 'Idempotency-Key': key })
      return response.status === 201 ? { said: undefined } : undefined
    })
  }

  async #take(content: string, key: string): Promise<string> {
    let interrupted: string | undefined
    return await this.#untilSaid(async () => {
      const asked = interrupted === undefined ? 'turns' : `turns/${interrupted}/continue`
      const body = interrupted === undefined ? { content } : undefined
      const response = await this.#post(asked, body, { Accept: 'application/json', 'Idempotency-Key': key })
      // One that somebody else went on with, or that ended meanwhile, is asked for anew.
      interrupted = undefined
      if (response.status !== 200) return undefined
      const turn = Turn.parse(await response.json())
      if (turn.state === 'complete') return { said: turn.reply?.content ?? '' }
      interrupted = turn.id
      return undefined
    })
  }

  async #hear(content: string, key: string): Promise<string> {
    let [heard, lastId, isInterrupted] = ['', undefined as string | undefined, false]
    return await this.#untilSaid(async () => {
      const turnId = lastId?.split('.')[0]
      const asked = isInterrupted && turnId !== undefined ? `turns/${turnId}/continue` : 'turns'
      const headers = { 'Idempotency-Key': key, ...(lastId === undefined ? {} : { 'Last-Event-ID': lastId }) }
      const response = await this.#post(asked, asked === 'turns' ? { content } : undefined, headers)
      isInterrupted = false
      if (response.status !== 200 || response.body === null) return undefined
      let finish: string | undefined
      const parser = createParser({
        onEvent: ({ id, data }) => {
          if (data === '[DONE]') return
          const part = Part.parse(JSON.parse(data))
          if (id !== undefined) {
            lastId = id
            const until = Number(id.split('.')[1])
            const delta = part.delta ?? ''
            // The id says where a piece ends: what stood from its beginning on is said anew.
            heard = heard.slice(0, until - delta.length) + delta
          }
          if (part.type === 'finish') finish = part.finishReason
        },
      })
      for await (const text of response.body.pipeThrough(new TextDecoderStream())) parser.feed(text)
      if (finish === 'stop') return { said: heard }
      isInterrupted = finish !== undefined
      return undefined
    })
  }

  async #untilSaid<T>(ask: () => Promise<{ said: T } | undefined>): Promise<T> {
    for (let tries = 0; tries < mostTries; tries += 1) {
      this.#cut = new AbortController()
      const answer = await ask().catch(() => undefined)
      if (answer !== undefined) return answer.said
      await new Promise((resolve) => setTimeout(resolve, pauseMs * Math.random() * 2))
    }
    throw new Error('nothing was acknowledged, however often it was said')
  }

  async #post(path: string, body: object | undefined, headers: Record<string, string>): Promise<Response> {
    return await fetch(`${this.#place.origin()}/conversations/${this.conversationId}/${path}`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${this.talker.token}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([this.#cut.signal, AbortSignal.timeout(60_000)]),
    })
  }
}
