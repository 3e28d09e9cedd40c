import { ReadableStream } from 'node:stream/web'
import { Worker } from 'node:worker_threads'
import type { PieceTimes, Utterance } from '#scripts/upstream/voice/flite.ts'
import type { Mp3Format } from '#scripts/upstream/voice/mp3.ts'

/** 16-bit mono PCM at the voice's own sample rate, or MP3. */
type AudioFormat = 'pcm' | Mp3Format

/** A piece of speech: its audio, which follows the piece's before it, and when it sounds. */
export interface SpokenPiece extends PieceTimes {
  readonly sampleRateHz: number
  readonly audio: Uint8Array
}

/** Turns text into speech in a thread of its own, one utterance after the other. */
export interface Synthesizer {
  /**
   * One piece for each of the utterance's, as it is made; in MP3, the file's last frames follow as a piece of no length.
   * Throws when Flite fails, or when the synthesizer is closed first.
   */
  speak(utterance: Utterance, format: AudioFormat): AsyncIterable<SpokenPiece>
  close(): Promise<void>
}

/** What the thread is asked. */
export interface Question {
  readonly id: number
  readonly utterance: Utterance
  readonly format: AudioFormat
}

/** What the thread answers: a piece, why there is none, or, with neither, that it has said everything. */
export interface Answer {
  readonly id: number
  readonly piece?: SpokenPiece
  readonly error?: string
}

interface Listener {
  enqueue(piece: SpokenPiece): void
  close(): void
  error(reason: Error): void
}

/** A synthesizer; its thread starts at the first use, and again after a crash. */
export function createSynthesizer(): Synthesizer {
  const waiting = new Map<number, Listener>()
  let thread: Worker | undefined
  let lastId = 0

  const hear = ({ id, piece, error }: Answer) => {
    const listener = waiting.get(id)
    if (piece !== undefined) return listener?.enqueue(piece)
    waiting.delete(id)
    return error === undefined ? listener?.close() : listener?.error(new Error(error))
  }

  const giveUp = (reason: Error) => {
    thread = undefined
    for (const listener of waiting.values()) listener.error(reason)
    waiting.clear()
  }

  const start = () => {
    const started = new Worker(new URL('flite-thread.ts', import.meta.url))
    started.on('message', hear)
    started.on('error', giveUp)
    return started
  }

  const ask = (question: Question) => {
    thread ??= start()
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
    thread.postMessage(question)
  }

  return {
    speak: (utterance, format) => {
      const id = ++lastId
      return new ReadableStream<SpokenPiece>({
        start: (listener) => {
          waiting.set(id, listener)
          ask({ id, utterance, format })
        },
        cancel: () => void waiting.delete(id),
      })
    },
    close: async () => {
      const closing = thread
      giveUp(new Error('the synthesizer was closed'))
      await closing?.terminate()
    },
  }
}
