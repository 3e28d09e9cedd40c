import type { SpokenTimes } from '#src/speech/estimated-times.ts'
import { layShapes } from '#src/speech/mouth.ts'
import type { MouthPiece } from '#src/speech/mouth.ts'
import { isSilence, shapesOfPhoneme } from '#src/speech/phonemes.ts'
import { pauseAfterMs, soundsOf } from '#src/speech/sounds.ts'
import { areMostlyTimed, clamp, repairTimes, shareTime } from '#src/speech/timing.ts'
import type { Stretch, TimedPhoneme } from '#src/speech/timing.ts'
import type { WordSpan } from '#src/speech/word-spans.ts'

type Group = readonly TimedPhoneme[]

interface WeightedWord {
  readonly sounds: number
  readonly hasPause: boolean
}

/**
 * Times from a vendor's phonemes: the mouth's are the vendor's own; the borders of words are ours. Words are laid over the
 * groups of phonemes between silences in proportion to their estimated sounds, and a group prefers to end behind punctuation.
 * Undefined where fewer than half of the phonemes that sound have a time.
 */
export function phonemeTimes(
  words: readonly WordSpan[],
  phonemes: readonly TimedPhoneme[],
  durationMs: number,
): SpokenTimes | undefined {
  const repaired = repairTimes(phonemes, durationMs)
  const groups = groupsOf(repaired)
  if (!areMostlyTimed(groups.flat())) return undefined
  return { words: wordTimes(words, groups), mouth: repaired.flatMap(mouthPieces) }
}

function mouthPieces({ phoneme, startMs, endMs }: TimedPhoneme): readonly MouthPiece[] {
  const shapes = shapesOfPhoneme(phoneme)
  const equal = shapes.map(() => 1)
  return layShapes(shapes, equal, startMs, endMs)
}

function groupsOf(phonemes: readonly TimedPhoneme[]): readonly Group[] {
  const groups: TimedPhoneme[][] = []
  let isInside = false
  for (const phoneme of phonemes) {
    const sounds = !isSilence(phoneme.phoneme)
    if (sounds && isInside) groups.at(-1)?.push(phoneme)
    else if (sounds) groups.push([phoneme])
    isInside = sounds
  }
  return groups
}

function wordTimes(words: readonly WordSpan[], groups: readonly Group[]): readonly Stretch[] {
  const weighted = words.map(({ text }): WeightedWord => ({
    sounds: soundsOf(text).length || 0.2,
    hasPause: pauseAfterMs(text) > 0,
  }))
  const times: Stretch[] = []
  for (const [index, end] of groupEnds(weighted, groups).entries()) {
    times.push(...timesInGroup(weighted.slice(times.length, end), groups[index] ?? []))
  }
  return times
}

/** Behind which word each group ends: near its share of the sounds, nearer where there is punctuation. */
function groupEnds(words: readonly WeightedWord[], groups: readonly Group[]): readonly number[] {
  const soundsPerPhoneme =
    words.reduce((sum, { sounds }) => sum + sounds, 0) / groups.reduce((sum, { length }) => sum + length, 0)
  let [word, said, heard] = [0, 0, 0]
  return groups.map((group, index) => {
    const groupsLeft = groups.length - index - 1
    if (groupsLeft === 0) return words.length
    heard += group.length * soundsPerPhoneme
    const most = Math.max(word, words.length - groupsLeft)
    let [best, bestSaid, bestCost] = [word, said, Infinity]
    for (let end = word + 1, sum = said; end <= most; end += 1) {
      const { sounds, hasPause } = words[end - 1] ?? { sounds: 0, hasPause: false }
      sum += sounds
      const cost = Math.abs(sum - heard) + (hasPause ? 0 : 6)
      if (cost < bestCost) [best, bestSaid, bestCost] = [end, sum, cost]
      if (sum > heard + 12) break
    }
    ;[word, said] = [best, bestSaid]
    return word
  })
}

/** Each word has whole phonemes, and one at least, but where there are fewer phonemes than words. */
function timesInGroup(words: readonly WeightedWord[], group: Group): readonly Stretch[] {
  const first = group[0]?.startMs ?? 0
  const last = group.at(-1)?.endMs ?? first
  const weights = words.map(({ sounds }) => sounds)
  if (words.length > group.length) return shareTime(weights, first, last)
  let from = 0
  return shareTime(weights, 0, group.length).map(({ endMs: share }, index) => {
    const until = clamp(Math.round(share), from + 1, group.length - (words.length - index - 1))
    const time = { startMs: group[from]?.startMs ?? last, endMs: group[until - 1]?.endMs ?? last }
    from = until
    return time
  })
}
