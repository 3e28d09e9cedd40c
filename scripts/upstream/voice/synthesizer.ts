import { Worker } from 'node:worker_threads'
import type { Speech, Utterance } from '#scripts/upstream/voice/flite.ts'

/** Turns text into speech in a thread of its own, one utterance after the other. */
export interface Synthesizer {
  /** Rejects when Flite fails, or when the synthesizer is closed first. */
  speak(utterance: Utterance): Promise<Speech>
  close(): Promise<void>
}

type Answer = { readonly id: number; readonly speech: Speech } | { readonly id: number; readonly error: string }

/** A synthesizer; its thread starts at the first use, and again after a crash. */
export function createSynthesizer(): Synthesizer {
  const waiting = new Map<number, PromiseWithResolvers<Speech>>()
  let thread: Worker | undefined
  let lastId = 0

  const settle = (answer: Answer) => {
    const { resolve, reject } = waiting.get(answer.id) ?? {}
    waiting.delete(answer.id)
    if ('speech' in answer) resolve?.(answer.speech)
    else reject?.(new Error(answer.error))
  }

  const giveUp = (reason: Error) => {
    thread = undefined
    for (const { reject } of waiting.values()) reject(reason)
    waiting.clear()
  }

  const start = () => {
    const started = new Worker(new URL('flite-thread.ts', import.meta.url))
    started.on('message', settle)
    started.on('error', giveUp)
    return started
  }

  return {
    speak: (utterance) => {
      const answer = Promise.withResolvers<Speech>()
      const id = ++lastId
      waiting.set(id, answer)
      thread ??= start()
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
      thread.postMessage({ id, utterance })
      return answer.promise
    },
    close: async () => {
      const closing = thread
      giveUp(new Error('the synthesizer was closed'))
      await closing?.terminate()
    },
  }
}
