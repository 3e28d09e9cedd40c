import type { ServerResponse } from 'node:http'
import * as z from 'zod'
import { json, type Ask, type Reply } from '#scripts/upstream/part.ts'
import { send } from '#scripts/upstream/send.ts'

/**
 * What a test plants: the next `times` requests of a path get this in place of their answer, and are not acted on. With
 * `match`, only those count whose URL, Authorization header or body has that text, so that tests do not meet in one fault.
 */
export const Fault = z.strictObject({
  path: z.string().startsWith('/'),
  kind: z.enum(['status', 'hang', 'html', 'redirect', 'large', 'cut']),
  times: z.number().int().min(1).max(10_000).default(1),
  match: z.string().min(1).optional(),
  /** For the kind `status`. */
  status: z.number().int().min(400).max(599).default(500),
})
export type Fault = z.output<typeof Fault>

/** The faults that tests have planted, of which a request gets the oldest that is meant for it. */
export interface Faults {
  plant(fault: Fault): void
  /** The fault that a request meets, which is one time less from then on. */
  take(ask: Ask): Fault | undefined
  /** Takes all away and says how many there were. */
  clear(): number
}

export function createFaults(): Faults {
  let planted: { readonly fault: Fault; left: number }[] = []
  return {
    plant: (fault) => void planted.push({ fault, left: fault.times }),
    take(ask) {
      const entry = planted.find(({ fault }) => isMeantFor(fault, ask))
      if (entry === undefined) return undefined
      entry.left -= 1
      planted = planted.filter(({ left }) => left > 0)
      return entry.fault
    },
    clear() {
      const count = planted.length
      planted = []
      return count
    },
  }
}

function isMeantFor({ path, match }: Fault, { url, headers, text }: Ask): boolean {
  if (path !== url.pathname) return false
  if (match === undefined) return true
  const written = [match, encodeURIComponent(match)]
  return [url.href, headers.authorization ?? '', text].some((place) => written.some((one) => place.includes(one)))
}

/** Where the kind `redirect` sends whoever follows it; `calls` counts those who do. */
export const elsewhere = '/identity/elsewhere'

const largeChunks = 512
const chunkCharacters = 16_384

/** Answers as the fault says. One that hangs is never answered; it ends with the connection. */
export async function sendFault(outgoing: ServerResponse, { kind, status }: Fault): Promise<void> {
  switch (kind) {
    case 'hang': {
      return
    }
    case 'cut': {
      outgoing.writeHead(200, { 'content-type': 'application/json', 'content-length': 1_000 })
      outgoing.write('{"cut":', () => outgoing.destroy())
      return
    }
    case 'status': {
      await send(outgoing, json({ error: 'server_error', error_description: 'As a test wished.' }, { status }))
      return
    }
    case 'redirect': {
      await send(outgoing, { status: 302, headers: { location: elsewhere }, body: '' })
      return
    }
    case 'html': {
      await send(outgoing, html)
      return
    }
    case 'large': {
      await send(outgoing, { headers: { 'content-type': 'application/json' }, body: largeJson() })
    }
  }
}

const html: Reply = {
  headers: { 'content-type': 'text/html; charset=utf-8' },
  body: '<!doctype html>\n<title>Sorry</title>\n<h1>Sorry</h1>\n',
}

/** JSON of 8 MiB that is well formed to its end, so that only a reader with a limit refuses it. */
async function* largeJson(): AsyncGenerator<string> {
  yield '{"filler":"'
  for (let chunk = 0; chunk < largeChunks; chunk += 1) yield 'x'.repeat(chunkCharacters)
  yield '"}'
}
