import { characterTimes } from '#src/speech/character-times.ts'
import { estimatedTimes } from '#src/speech/estimated-times.ts'
import type { SpokenTimes } from '#src/speech/estimated-times.ts'
import { contiguousVisemes, visemes } from '#src/speech/mouth.ts'
import type { Viseme } from '#src/speech/mouth.ts'
import { phonemeTimes } from '#src/speech/phoneme-times.ts'
import type { Expression, SpokenLine } from '#src/speech/spoken-line.ts'
import type { SpeechTiming } from '#src/speech/timing.ts'
import { wordSpans } from '#src/speech/word-spans.ts'
import type { WordSpan } from '#src/speech/word-spans.ts'
import { timedWords } from '#src/speech/word-times.ts'

export { visemes }

/**
 * What an avatar does while a line is played. `t` and `d` are whole milliseconds from the start of the audio, `w` and `weight`
 * 0…1 with at most two decimals.
 */
export interface Track {
  /** Every word of the text with its punctuation, in order and without overlap. */
  readonly words: readonly { readonly t: number; readonly d: number; readonly text: string }[]
  /** The mouth from 0 to the end without a gap; `w` is how far it opens, 0 for `sil`. None for an audio of no length. */
  readonly visemes: readonly { readonly t: number; readonly d: number; readonly v: Viseme; readonly w: number }[]
  /** The expression from each time on; the first is at 0. Every weight is 1: a cue is there or not. */
  readonly emotions: readonly { readonly t: number; readonly expression: Expression; readonly weight: number }[]
  /** Word times of the vendor; words laid over the vendor's phonemes; or both guessed. */
  readonly source: 'provider' | 'aligned' | 'estimated'
}

/**
 * The track of a line that is spoken in durationMs. Never throws: bad times are repaired, useless ones are left aside for
 * `estimated`. A duration that is not a number above 0 counts as 0: then every word has t 0 and d 0.
 */
export function makeTrack(line: SpokenLine, timing: SpeechTiming | undefined, durationMs: number): Track {
  const duration = Number.isFinite(durationMs) ? Math.max(0, Math.round(durationMs)) : 0
  const spans = wordSpans(line.text)
  const given = timing === undefined ? undefined : givenTimes(spans, timing, duration)
  const { words, mouth, source } = given ?? { ...estimatedTimes(spans, duration), source: 'estimated' }
  const timed = timedWords(spans, words, duration)
  return {
    words: timed,
    visemes: contiguousVisemes(mouth, duration),
    emotions: emotionsOf(line, spans, timed),
    source,
  }
}

type SourcedTimes = SpokenTimes & Pick<Track, 'source'>

function givenTimes(words: readonly WordSpan[], timing: SpeechTiming, durationMs: number): SourcedTimes | undefined {
  if (timing.kind === 'characters') {
    const times = characterTimes(words, timing.characters, durationMs)
    return times && { ...times, source: 'provider' }
  }
  const times = phonemeTimes(words, timing.phonemes, durationMs)
  return times && { ...times, source: 'aligned' }
}

/** A cue is shown with the word that holds or follows it; behind the last word, when that ends. The later of two wins. */
function emotionsOf(line: SpokenLine, spans: readonly WordSpan[], words: Track['words']): Track['emotions'] {
  const emotions: { t: number; expression: Expression; weight: number }[] = [{ t: 0, expression: 'neutral', weight: 1 }]
  let word = 0
  for (const { at, expression } of line.cues.toSorted((one, other) => one.at - other.at)) {
    while (word < spans.length && (spans[word]?.end ?? 0) <= at) word += 1
    const last = words.at(-1)
    const t = at <= 0 ? 0 : (words[word]?.t ?? (last === undefined ? 0 : last.t + last.d))
    if (emotions.at(-1)?.t === t) emotions.pop()
    if (emotions.at(-1)?.expression !== expression) emotions.push({ t, expression, weight: 1 })
  }
  return emotions
}
