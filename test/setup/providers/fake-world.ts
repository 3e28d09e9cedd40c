import { vi } from 'vitest'

/** One request that the Worker sent to a private provider. */
export interface Asked {
  readonly url: URL
  readonly method: string
  readonly headers: Headers
  readonly form: URLSearchParams
  readonly init: RequestInit | undefined
}

export type Answering = (asked: Asked) => Response | Promise<Response>

const trueFetch = globalThis.fetch
const hosts = new Map<string, Answering>()

/** Makes `fetch` answer for one origin; every other one stays what it is, until `vi.mocked(fetch).mockRestore()`. */
export function answerFor(origin: string, answer: Answering): void {
  hosts.set(origin, answer)
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input.toString())
    const host = hosts.get(url.origin)
    if (host === undefined) return await trueFetch(input, init)
    return await host({
      url,
      init,
      method: init?.method ?? 'GET',
      headers: new Headers(init?.headers),
      form: init?.body instanceof URLSearchParams ? init.body : new URLSearchParams(),
    })
  })
}
