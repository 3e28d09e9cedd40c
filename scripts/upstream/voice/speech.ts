import type { Phoneme } from '#scripts/upstream/voice/flite.ts'
import type { SpokenPiece } from '#scripts/upstream/voice/synthesizer.ts'
import { writeWav } from '#scripts/upstream/voice/wav.ts'

/** A WAV file, its length, and every phoneme in it in order, without gaps. */
interface Speech {
  readonly wav: Uint8Array
  readonly sampleRateHz: number
  readonly durationMs: number
  readonly phonemes: readonly Phoneme[]
}

/** Waits for all pieces, in PCM, and makes one speech of them. */
export async function wholeSpeech(spoken: AsyncIterable<SpokenPiece>): Promise<Speech> {
  const pieces = await Array.fromAsync(spoken)
  return {
    wav: writeWav(pieces.map(({ sampleRateHz, audio }) => ({ sampleRateHz, pcm: audio }))),
    sampleRateHz: pieces[0]?.sampleRateHz ?? 0,
    durationMs: pieces.at(-1)?.endMs ?? 0,
    phonemes: pieces.flatMap(({ phonemes }) => phonemes),
  }
}

/** Waits for the first of them, so that what fails before it is refused in the vendor's words; then all, as they come. */
export async function afterFirst<T>(source: AsyncIterable<T>): Promise<AsyncIterable<T>> {
  const iterator = source[Symbol.asyncIterator]()
  return continued(await iterator.next(), iterator)
}

async function* continued<T>(first: IteratorResult<T>, rest: AsyncIterator<T>): AsyncGenerator<T> {
  try {
    for (let next = first; next.done !== true; next = await rest.next()) yield next.value
  } finally {
    await rest.return?.()
  }
}
