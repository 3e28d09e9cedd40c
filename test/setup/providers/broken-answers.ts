import type { Asked } from '#test/setup/providers/fake-world.ts'

/** Bytes without an end, and how many of them were read. */
export function endless() {
  const read = { bytes: 0 }
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      read.bytes += 16_384
      controller.enqueue(new Uint8Array(16_384).fill(32))
    },
  })
  return { body, read }
}

interface Broken {
  /** Answers in place of what would be a good answer. */
  readonly answer: (asked: Asked, good: () => Response) => Response | Promise<Response>
  /** What becomes of a request that cannot do without the answer. */
  readonly code: 'upstream_unavailable' | 'upstream_nonsense'
}

const afterSpaces = (spaces: number) =>
  new TransformStream<Uint8Array, Uint8Array>({ start: (to) => to.enqueue(new Uint8Array(spaces).fill(32)) })

/** What goes wrong between us and a provider, by name. */
export const brokenAnswers: Readonly<Record<string, Broken>> = {
  'an error, though with a good body': {
    answer: (_, good) => new Response(good().body, { status: 500 }),
    code: 'upstream_unavailable',
  },
  'too many requests': {
    answer: () => Response.json({ error: 'slow_down' }, { status: 429, headers: { 'Retry-After': '17' } }),
    code: 'upstream_unavailable',
  },
  'an HTML page': {
    answer: () => new Response('<!doctype html><p>Sign in to the Wi-Fi', { headers: { 'Content-Type': 'text/html' } }),
    code: 'upstream_nonsense',
  },
  'an HTML page that refuses': {
    answer: () => new Response('<!doctype html><p>Forbidden', { status: 403 }),
    code: 'upstream_nonsense',
  },
  'a redirect': {
    answer: ({ init }, good) =>
      init?.redirect === 'manual'
        ? new Response(null, { status: 302, headers: { Location: 'https://a.test' } })
        : good(),
    code: 'upstream_nonsense',
  },
  'no content': { answer: () => new Response(null, { status: 204 }), code: 'upstream_nonsense' },
  'JSON of another shape': { answer: () => Response.json({ keys: { kty: 'RSA' } }), code: 'upstream_nonsense' },
  'JSON that is no object': { answer: () => Response.json(['access_token']), code: 'upstream_nonsense' },
  'bytes that are no UTF-8': { answer: () => new Response(new Uint8Array([0xff, 0xfe])), code: 'upstream_nonsense' },
  'a good answer in ten megabytes': {
    answer: (_, good) => new Response(good().body?.pipeThrough(afterSpaces(10_000_000))),
    code: 'upstream_nonsense',
  },
  'bytes without an end': { answer: () => new Response(endless().body), code: 'upstream_nonsense' },
  'a lost connection': {
    answer: () => Promise.reject(new TypeError('network connection lost')),
    code: 'upstream_unavailable',
  },
  'an answer that is cut off': {
    answer: () =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(new TextEncoder().encode('{"id_token":')),
          pull: (controller) => controller.error(new Error('cut')),
        }),
      ),
    code: 'upstream_unavailable',
  },
  'nothing within the deadline': {
    answer: async ({ init }) =>
      await new Promise((_, reject) => {
        init?.signal?.addEventListener('abort', () => reject(new Error('aborted')))
      }),
    code: 'upstream_unavailable',
  },
  'a head within the deadline and no body': {
    answer: () => new Response(new ReadableStream({ start: () => undefined })),
    code: 'upstream_unavailable',
  },
}
