import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Answer } from '#test/setup/client.ts'
import { foundGoogle } from '#test/setup/private-google.ts'

const startOfTest = new Date()

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: startOfTest })
})
afterEach(() => {
  vi.useRealTimers()
  vi.mocked(fetch).mockRestore()
})

const passSeconds = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1_000)
const codeOf = ({ status, body }: Answer) => `${status} ${JSON.stringify(body).match(/"(?:code|status)":"(\w+)"/)?.[1]}`
const taken = '200 registration_required'
const refused = '401 invalid_identity_token'
const unverifiable = '503 upstream_unavailable'

describe('the keys that a provider publishes', () => {
  it('are fetched once for many sign-ins at once', async () => {
    const google = await foundGoogle()
    const answers = await Promise.all(Array.from({ length: 20 }, async () => await google.signIn(await google.token())))
    expect(answers.map(codeOf)).toEqual(Array.from({ length: 20 }, () => taken))
    expect(google.takeFetches()).toBe(1)
  })

  it('are fetched at most once in 30 s, whatever unknown keys are named', async () => {
    const google = await foundGoogle()
    const sendUnknown = async (count: number) => {
      const tokens = await Promise.all(Array.from({ length: count }, () => google.token({}, crypto.randomUUID())))
      return new Set((await Promise.all(tokens.map((token) => google.signIn(token)))).map(codeOf))
    }
    expect(await sendUnknown(50)).toEqual(new Set([refused]))
    expect(google.takeFetches()).toBe(1)
    passSeconds(29)
    expect(await sendUnknown(50)).toEqual(new Set([refused]))
    expect(google.takeFetches()).toBe(0)
    passSeconds(2)
    expect(await sendUnknown(50)).toEqual(new Set([refused]))
    expect(google.takeFetches()).toBe(1)
  })

  it('are kept for an hour while nobody names another', async () => {
    const google = await foundGoogle()
    await google.signIn(await google.token())
    passSeconds(3_590)
    expect(codeOf(await google.signIn(await google.token()))).toBe(taken)
    expect(google.takeFetches()).toBe(1)
    passSeconds(20)
    expect(codeOf(await google.signIn(await google.token()))).toBe(taken)
    expect(google.takeFetches()).toBe(1)
  })

  it('include a new one 30 s after the last fetch, and the older one as long as it is published', async () => {
    const google = await foundGoogle()
    const old = await google.token()
    await google.signIn(old)
    await google.rotate({ keepOlder: true })
    passSeconds(31)
    expect(codeOf(await google.signIn(await google.token()))).toBe(taken)
    expect(codeOf(await google.signIn(old))).toBe(taken)
    expect(google.takeFetches()).toBe(2)
  })

  it('include none that was taken back, once they were fetched again', async () => {
    const google = await foundGoogle()
    const old = await google.token()
    expect(codeOf(await google.signIn(old))).toBe(taken)
    await google.rotate({ keepOlder: false })
    passSeconds(31)
    expect(codeOf(await google.signIn(await google.token()))).toBe(taken)
    expect(codeOf(await google.signIn(old))).toBe(refused)
  })
})

/** Bytes without an end, and how many of them were read. */
function endless() {
  const read = { bytes: 0 }
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      read.bytes += 16_384
      controller.enqueue(new Uint8Array(16_384).fill(32))
    },
  })
  return { body, read }
}

type Broken = Record<string, (init: RequestInit | undefined, keySet: () => Response) => Response | Promise<Response>>

const broken: Broken = {
  'an error, though with keys in it': (_, keySet) => new Response(keySet().body, { status: 500 }),
  'an HTML page': () =>
    new Response('<!doctype html><p>Sign in to the Wi-Fi', { headers: { 'Content-Type': 'text/html' } }),
  'a redirect': (init, keySet) =>
    init?.redirect === 'manual'
      ? new Response(null, { status: 302, headers: { Location: 'https://a.test' } })
      : keySet(),
  'no content': () => new Response(null, { status: 204 }),
  'JSON of another shape': () => Response.json({ keys: { kty: 'RSA' } }),
  'more keys than anybody has': () => Response.json({ keys: Array.from({ length: 51 }, () => ({ kty: 'RSA' })) }),
  'good keys in ten megabytes': (_, keySet) =>
    new Response(
      keySet().body?.pipeThrough(
        new TransformStream({ start: (to) => to.enqueue(new Uint8Array(10_000_000).fill(32)) }),
      ),
    ),
  'bytes without an end': () => new Response(endless().body),
  'a lost connection': () => Promise.reject(new TypeError('network connection lost')),
  'nothing within its deadline': async (init) =>
    await new Promise((_, reject) => {
      init?.signal?.addEventListener('abort', () => reject(new Error('aborted')))
    }),
}

describe('a key set that cannot be fetched', () => {
  it.each(Object.entries(broken))(
    'answers 503 while nothing is kept, with one fetch in 30 s: %s',
    async (_, answer) => {
      const google = await foundGoogle()
      const token = await google.token()
      google.publish((init) => answer(init, () => google.keySet()))
      const answers = await Promise.all(Array.from({ length: 20 }, () => google.signIn(token)))
      expect(new Set(answers.map(codeOf))).toEqual(new Set([unverifiable]))
      expect(
        new Set(answers.map(({ headers }) => [headers.get('Retry-After'), headers.get('Server-Timing')].join())),
      ).toEqual(new Set(['5,db;desc="0 flights"']))
      expect(google.takeFetches()).toBe(1)
      google.publish()
      passSeconds(29)
      expect(codeOf(await google.signIn(token))).toBe(unverifiable)
      expect(google.takeFetches()).toBe(0)
      passSeconds(2)
      expect(codeOf(await google.signIn(token))).toBe(taken)
      expect(google.takeFetches()).toBe(1)
    },
  )

  it.each(Object.entries(broken))('leaves the keys of before in use: %s', async (_, answer) => {
    const google = await foundGoogle()
    await google.signIn(await google.token())
    expect(google.takeFetches()).toBe(1)
    google.publish((init) => answer(init, () => google.keySet()))
    passSeconds(3_700)
    const answers = await Promise.all(Array.from({ length: 10 }, async () => await google.signIn(await google.token())))
    expect(new Set(answers.map(codeOf))).toEqual(new Set([taken]))
    expect(google.takeFetches()).toBe(1)
  })

  it('leaves them in use for a day and no longer', async () => {
    const google = await foundGoogle()
    await google.signIn(await google.token())
    google.publish(() => new Response('down', { status: 500 }))
    passSeconds(86_390)
    expect(codeOf(await google.signIn(await google.token()))).toBe(taken)
    passSeconds(60)
    expect(codeOf(await google.signIn(await google.token()))).toBe(unverifiable)
  })

  it('is read no further than its bound', async () => {
    const google = await foundGoogle()
    const { body, read } = endless()
    google.publish(() => new Response(body))
    expect(codeOf(await google.signIn(await google.token()))).toBe(unverifiable)
    expect(read.bytes).toBeLessThan(200_000)
  })
})
