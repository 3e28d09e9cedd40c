import { exports } from 'cloudflare:workers'
import OpenAI from 'openai'

/** The official client, as an app would make it: another base URL, and a session token for a key. */
export const openAiClientOf = (apiKey: string) =>
  new OpenAI({
    apiKey,
    baseURL: 'https://neuraform.test/v1',
    maxRetries: 0,
    dangerouslyAllowBrowser: true,
    fetch: async (url, init) => {
      const headers = new Headers(init?.headers)
      headers.set('CF-Connecting-IP', crypto.randomUUID())
      return await exports.default.fetch(new Request(url, { ...(init as RequestInit), headers }))
    },
  })
