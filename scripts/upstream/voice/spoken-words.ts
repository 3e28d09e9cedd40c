import { createHash } from 'node:crypto'
import type { Synthesizer } from '#scripts/upstream/voice/synthesizer.ts'
import { soundBytes } from '#scripts/upstream/voice/wav.ts'

const entriesMost = 1_000

/** Which words some audio says, for the last 1,000 that were spoken to their end. */
export interface SpokenWords {
  remember(audio: Uint8Array, text: string): void
  /** By the SHA-256 of the bytes, those of a WAV without its header, which differs between a streamed and a whole one. */
  recall(audio: Uint8Array): string | undefined
}

export function createSpokenWords(): SpokenWords {
  const words = new Map<string, string>()
  return {
    remember(audio, text) {
      const key = fingerprint(audio)
      words.delete(key)
      words.set(key, text)
      const [oldest] = words.keys()
      if (words.size > entriesMost && oldest !== undefined) words.delete(oldest)
    },
    recall: (audio) => words.get(fingerprint(audio)),
  }
}

/** The synthesizer, of which every utterance is remembered once it was listened to until its end. */
export function remembered(synthesizer: Synthesizer, words: SpokenWords): Synthesizer {
  return {
    ...synthesizer,
    async *speak(utterance, format) {
      const heard: Uint8Array[] = []
      for await (const piece of synthesizer.speak(utterance, format)) {
        heard.push(piece.audio)
        yield piece
      }
      words.remember(Buffer.concat(heard), utterance.text)
    },
  }
}

function fingerprint(audio: Uint8Array): string {
  return createHash('sha256').update(soundBytes(audio)).digest('base64')
}
