import { pauseAfterMs, soundsOf } from '#src/speech/sounds.ts'
import { clamp } from '#src/speech/timing.ts'
import type { Stretch } from '#src/speech/timing.ts'
import type { WordSpan } from '#src/speech/word-spans.ts'

/** A word of a track: `t` and `d` are whole milliseconds. */
export interface TimedWord {
  readonly t: number
  readonly d: number
  readonly text: string
}

/** How long a word is usually said, in milliseconds; at least a little, so that a dash too has its place. */
export function usualLengthMs(word: string): number {
  return soundsOf(word).reduce((sum, { lengthMs }) => sum + lengthMs, 0) || 10
}

/** How long a word and the rest behind it usually take. */
export function usualLengthWithPauseMs(word: string): number {
  return usualLengthMs(word) + pauseAfterMs(word)
}

/** The words at their times, rounded, in order, without overlap and inside 0…durationMs. A word without a time has none. */
export function timedWords(
  words: readonly WordSpan[],
  times: readonly Stretch[],
  durationMs: number,
): readonly TimedWord[] {
  let cursor = 0
  return words.map(({ text }, index) => {
    const { startMs, endMs } = times[index] ?? { startMs: cursor, endMs: cursor }
    const t = clamp(Math.round(startMs), cursor, durationMs)
    cursor = clamp(Math.round(endMs), t, durationMs)
    return { t, d: cursor - t, text }
  })
}
