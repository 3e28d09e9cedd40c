import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'

/** A voice of the OpenAI dialect that makes WAV as a stream, and takes its time. */
export interface SlowVoice {
  /** The URL before `/audio/speech`. */
  readonly baseUrl: string
  readonly port: number
  /** How often it was asked to speak. */
  calls(): number
  /** The bytes of audio that it sent, of all its lines. */
  sentBytes(): number
  close(): void
}

/** The bytes before the first sample. */
export const headerBytes = 44

/** A text that the voice answers with so many bytes of samples as fast as they are taken; every other one is a typical line. */
export const longText = (bytes: number, name: string) => `Sing ${bytes - (bytes % 2)} bytes, ${name}.`

const firstByteMs = 100
const pauseMs = 10
const typical = { pieces: 20, pieceBytes: 3_000 }
const longPiece = Buffer.alloc(65_536, 1)
const Asked = z.object({ input: z.string(), voice: z.literal('alloy'), response_format: z.literal('wav') })

/** Starts it on a free port of 127.0.0.1. */
export async function startSlowVoice(): Promise<SlowVoice> {
  let [calls, sentBytes] = [0, 0]
  const speak = async (response: ServerResponse, input: string) => {
    const closed = once(response, 'close')
    const write = async (piece: Buffer) => {
      sentBytes += piece.length
      if (response.write(piece)) return
      await Promise.race([closed, new Promise((resolve) => response.once('drain', resolve))])
    }
    await pause(firstByteMs)
    response.writeHead(200, { 'Content-Type': 'audio/wav' })
    await write(streamHeader())
    const [, long] = /(\d+) bytes/.exec(input) ?? []
    if (long === undefined) await speakSlowly(write)
    for (let rest = Number(long ?? 0); rest > 0 && !response.destroyed; rest -= longPiece.length) {
      await write(longPiece.subarray(0, rest))
    }
    response.end()
  }
  const server = createServer((request, response) => {
    calls += 1
    text(request)
      .then(async (body) => await speak(response, Asked.parse(JSON.parse(body)).input))
      .catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the voice has no port')
  return {
    baseUrl: `http://127.0.0.1:${address.port}/v1`,
    port: address.port,
    calls: () => calls,
    sentBytes: () => sentBytes,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function speakSlowly(write: (piece: Buffer) => Promise<void>): Promise<void> {
  for (let number = 0; number < typical.pieces; number += 1) {
    await pause(pauseMs)
    await write(Buffer.alloc(typical.pieceBytes, number + 1))
  }
}

/** The header of a WAV whose length nobody knows yet: 24 kHz, 16 bits, one channel. */
function streamHeader(): Buffer {
  const header = Buffer.alloc(headerBytes)
  header.write('RIFF')
  header.writeUInt32LE(0xff_ff_ff_ff, 4)
  header.write('WAVEfmt ', 8)
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(1, 22)
  header.writeUInt32LE(24_000, 24)
  header.writeUInt32LE(48_000, 28)
  header.writeUInt16LE(2, 32)
  header.writeUInt16LE(16, 34)
  header.write('data', 36)
  header.writeUInt32LE(0xff_ff_ff_ff, 40)
  return header
}
