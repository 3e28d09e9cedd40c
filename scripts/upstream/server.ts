import { createServer, type Server } from 'node:http'
import { companionPart } from '#scripts/upstream/companion/chat-completions.ts'
import { createDispatcher } from '#scripts/upstream/dispatch.ts'
import { createFaults, type Faults } from '#scripts/upstream/faults.ts'
import { applePart } from '#scripts/upstream/identity/apple/part.ts'
import { facebookPart } from '#scripts/upstream/identity/facebook/part.ts'
import { googlePart } from '#scripts/upstream/identity/google/part.ts'
import { identityPart } from '#scripts/upstream/identity/part.ts'
import { createRevocations } from '#scripts/upstream/identity/revocations.ts'
import { createKeyring } from '#scripts/upstream/identity/signing-key.ts'
import { pagesPart } from '#scripts/upstream/pages.ts'
import { json, type Part } from '#scripts/upstream/part.ts'
import { audioSpeechPart } from '#scripts/upstream/voice/audio-speech.ts'
import { elevenLabsPart } from '#scripts/upstream/voice/elevenlabs.ts'
import { offlineSpeechPart } from '#scripts/upstream/voice/offline-speech.ts'
import { createSpokenWords, remembered } from '#scripts/upstream/voice/spoken-words.ts'
import { createSynthesizer } from '#scripts/upstream/voice/synthesizer.ts'
import { transcriptionsPart } from '#scripts/upstream/voice/transcriptions.ts'

interface UpstreamOptions {
  /** 0, the default, takes any free port. */
  readonly port?: number
  /** The mean pause between two chunks of a streamed reply. */
  readonly chunkDelayMs?: number
}

/** A running local upstream. `calls` counts, by path, the requests that reached a route. */
export interface Upstream {
  readonly origin: string
  readonly calls: ReadonlyMap<string, number>
  close(): Promise<void>
}

/** Starts the outside world on 127.0.0.1: identity server, companion, voice and ear. Rejects when the port is taken. */
export async function startUpstream({ port = 0, chunkDelayMs = 10 }: UpstreamOptions = {}): Promise<Upstream> {
  const faults = createFaults()
  const identity = await identityParts(faults)
  const server = createServer({ keepAliveTimeout: 65_000 })
  const origin = await listen(server, port)
  const calls = new Map<string, number>()
  const words = createSpokenWords()
  const synthesizer = remembered(createSynthesizer(), words)
  const vendors = [
    ...identity(origin),
    companionPart({ chunkDelayMs }),
    audioSpeechPart(synthesizer),
    transcriptionsPart(words),
    elevenLabsPart(synthesizer),
    offlineSpeechPart(synthesizer),
    pagesPart,
  ]
  const dispatch = createDispatcher([...vendors, overviewPart(vendors, calls)], calls, faults)
  server.on('request', (incoming, outgoing) => void dispatch(incoming, outgoing))
  return {
    origin,
    calls,
    close: async () => {
      await Promise.all([stop(server), synthesizer.close()])
    },
  }
}

async function identityParts(faults: Faults): Promise<(origin: string) => Part[]> {
  const [googleKeys, appleKeys, facebookKeys] = await Promise.all([createKeyring(), createKeyring(), createKeyring()])
  const revocations = createRevocations()
  return (origin) => [
    googlePart(origin, googleKeys, revocations),
    applePart(origin, appleKeys, revocations),
    facebookPart(origin, facebookKeys, revocations),
    identityPart(revocations, faults),
  ]
}

function overviewPart(parts: readonly Part[], calls: ReadonlyMap<string, number>): Part {
  const lines = parts.flatMap((part) => [part.summary, ...Object.keys(part.routes).map((route) => `  ${route}`), ''])
  const text = ['NeuraForm Edge: the local upstream', '', ...lines, 'GET /calls counts the calls by path', ''].join(
    '\n',
  )
  return {
    summary: 'overview',
    prefixes: [],
    routes: {
      'GET /': () => ({ headers: { 'content-type': 'text/plain; charset=utf-8' }, body: text }),
      'GET /calls': () => json(Object.fromEntries(calls)),
    },
    describeFailure: ({ message }) => ({ error: message }),
  }
}

function listen(server: Server, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      const address = server.address()
      resolve(`http://127.0.0.1:${typeof address === 'object' ? address?.port : port}`)
    })
  })
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)))
    server.closeAllConnections()
  })
}
