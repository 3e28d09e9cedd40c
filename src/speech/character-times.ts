import type { SpokenTimes } from '#src/speech/estimated-times.ts'
import { layShapes } from '#src/speech/mouth.ts'
import type { MouthPiece } from '#src/speech/mouth.ts'
import { soundsOf } from '#src/speech/sounds.ts'
import { areMostlyTimed, repairTimes, shareTime } from '#src/speech/timing.ts'
import type { Stretch, TimedCharacter } from '#src/speech/timing.ts'
import type { WordSpan } from '#src/speech/word-spans.ts'
import { usualLengthMs } from '#src/speech/word-times.ts'

// A letter or digit of either text, folded, with the index of the word or vendor's character it is part of.
interface Letter {
  readonly folded: string
  readonly owner: number
}

const mostSkipped = 48
const leastMatchedShare = 0.3

/**
 * Times from a vendor's characters: a word's are those of its first and last character among theirs; a word they wrote
 * otherwise (a number in words) lies between its neighbours'. The mouth follows the letters the vendor spoke. Undefined where
 * fewer than half of the characters have a time, or fewer than 30 % of our letters are found among theirs.
 */
export function characterTimes(
  words: readonly WordSpan[],
  characters: readonly TimedCharacter[],
  durationMs: number,
): SpokenTimes | undefined {
  const repaired = repairTimes(characters, durationMs)
  if (!areMostlyTimed(repaired.filter(({ text }) => /\S/.test(text)))) return undefined
  const ours = lettersOf(words)
  const matches = matchLetters(ours, lettersOf(repaired))
  if (matches.length === 0 || matches.length < ours.length * leastMatchedShare) return undefined
  return { words: fillTimes(words, knownTimes(matches, repaired), durationMs), mouth: mouthOf(repaired) }
}

const lettersOf = (elements: readonly { readonly text: string }[]): readonly Letter[] =>
  elements.flatMap(({ text }, owner) =>
    [
      ...text
        .normalize('NFKC')
        .toLowerCase()
        .matchAll(/[\p{L}\p{N}]/gu),
    ].map(([folded]) => ({ folded, owner })),
  )

interface Match {
  readonly word: number
  readonly character: number
}

/** Pairs equal letters in order; where the texts part, goes on at the nearest place, in a window, where three agree. */
function matchLetters(ours: readonly Letter[], theirs: readonly Letter[]): readonly Match[] {
  const matches: Match[] = []
  let [our, their] = [0, 0]
  while (our < ours.length && their < theirs.length) {
    const [one, other] = [ours[our], theirs[their]]
    if (one !== undefined && other !== undefined && one.folded === other.folded) {
      matches.push({ word: one.owner, character: other.owner })
      our += 1
      their += 1
      continue
    }
    const [ourSkip, theirSkip] = nearestAgreement(ours, our, theirs, their)
    our += ourSkip
    their += theirSkip
  }
  return matches
}

function nearestAgreement(
  ours: readonly Letter[],
  our: number,
  theirs: readonly Letter[],
  their: number,
): readonly [number, number] {
  for (let skipped = 1; skipped <= mostSkipped; skipped += 1) {
    for (let ourSkip = 0; ourSkip <= skipped; ourSkip += 1) {
      if (agree(ours, our + ourSkip, theirs, their + skipped - ourSkip)) return [ourSkip, skipped - ourSkip]
    }
  }
  return [1, 1]
}

function agree(ours: readonly Letter[], our: number, theirs: readonly Letter[], their: number): boolean {
  const length = Math.min(3, ours.length - our, theirs.length - their)
  for (let index = 0; index < length; index += 1) {
    if (ours[our + index]?.folded !== theirs[their + index]?.folded) return false
  }
  return length > 0
}

function knownTimes(matches: readonly Match[], characters: readonly TimedCharacter[]): ReadonlyMap<number, Stretch> {
  const known = new Map<number, Stretch>()
  for (const { word, character } of matches) {
    const { startMs, endMs } = characters[character] ?? { startMs: 0, endMs: 0 }
    known.set(word, { startMs: known.get(word)?.startMs ?? startMs, endMs })
  }
  return known
}

/** Words without a time share what their neighbours leave, by their usual lengths. */
function fillTimes(
  words: readonly WordSpan[],
  known: ReadonlyMap<number, Stretch>,
  durationMs: number,
): readonly Stretch[] {
  const times: Stretch[] = []
  while (times.length < words.length) {
    const time = known.get(times.length)
    if (time !== undefined) {
      times.push(time)
      continue
    }
    let next = times.length
    while (next < words.length && !known.has(next)) next += 1
    const lengths = words.slice(times.length, next).map(({ text }) => usualLengthMs(text))
    times.push(...shareTime(lengths, times.at(-1)?.endMs ?? 0, known.get(next)?.startMs ?? durationMs))
  }
  return times
}

function mouthOf(characters: readonly TimedCharacter[]): readonly MouthPiece[] {
  // The element that each UTF-16 unit of the whole text is part of.
  const owners = characters.flatMap(({ text }, owner) => Array.from({ length: text.length }, () => owner))
  const sounds = soundsOf(characters.map(({ text }) => text).join(''))
  const pieces: MouthPiece[] = []
  for (let index = 0; index < sounds.length;) {
    const from = owners[sounds[index]?.start ?? 0] ?? 0
    let next = index
    while (next < sounds.length && owners[sounds[next]?.start ?? 0] === from) next += 1
    const together = sounds.slice(index, next)
    const startMs = characters[from]?.startMs ?? 0
    const endMs = characters[owners[(together.at(-1)?.end ?? 1) - 1] ?? from]?.endMs ?? startMs
    const lengths = together.map(({ lengthMs }) => lengthMs)
    pieces.push(...layShapes(together, lengths, startMs, endMs))
    index = next
  }
  return pieces
}
