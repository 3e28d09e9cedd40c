import { layShapes } from '#src/speech/mouth.ts'
import type { MouthPiece } from '#src/speech/mouth.ts'
import { soundsOf } from '#src/speech/sounds.ts'
import { shareTime } from '#src/speech/timing.ts'
import type { Stretch } from '#src/speech/timing.ts'
import type { WordSpan } from '#src/speech/word-spans.ts'
import { usualLengthMs, usualLengthWithPauseMs } from '#src/speech/word-times.ts'

/** When words are said and what the mouth does. */
export interface SpokenTimes {
  readonly words: readonly Stretch[]
  readonly mouth: readonly MouthPiece[]
}

/** Times guessed from the letters and punctuation alone, stretched to fill 0…durationMs; no rest follows the last word. */
export function estimatedTimes(words: readonly WordSpan[], durationMs: number): SpokenTimes {
  const lengths = words.map(({ text }, index) =>
    index === words.length - 1 ? usualLengthMs(text) : usualLengthWithPauseMs(text),
  )
  const mouth: MouthPiece[] = []
  const times = shareTime(lengths, 0, durationMs).map(({ startMs, endMs }, index): Stretch => {
    const text = words[index]?.text ?? ''
    const spokenMs = (endMs - startMs) * (usualLengthMs(text) / (lengths[index] ?? 1))
    mouth.push(...wordMouth(text, startMs, startMs + spokenMs))
    return { startMs, endMs: startMs + spokenMs }
  })
  return { words: times, mouth }
}

function wordMouth(text: string, startMs: number, endMs: number): readonly MouthPiece[] {
  const sounds = soundsOf(text)
  const lengths = sounds.map(({ lengthMs }) => lengthMs)
  return layShapes(sounds, lengths, startMs, endMs)
}
