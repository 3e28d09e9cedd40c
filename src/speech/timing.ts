/** A character a vendor spoke, and when. Its text may be more than one UTF-16 unit. */
export interface TimedCharacter {
  readonly text: string
  readonly startMs: number
  readonly endMs: number
}

/** A phoneme of CMU Flite (ARPAbet in lower case; `pau` is silence), and when. */
export interface TimedPhoneme {
  readonly phoneme: string
  readonly startMs: number
  readonly endMs: number
}

/** What a vendor tells of when it says what. Nothing in it is trusted: see `repairTimes`. */
export type SpeechTiming =
  | { readonly kind: 'characters'; readonly characters: readonly TimedCharacter[] }
  | { readonly kind: 'phonemes'; readonly phonemes: readonly TimedPhoneme[] }

/** From when to when something is said, in milliseconds, which may be fractions. */
export interface Stretch {
  readonly startMs: number
  readonly endMs: number
}

/**
 * The same elements in the same order with times that can be used: finite, never decreasing, without overlap, inside
 * 0…durationMs. What has no usable time keeps its place with length 0.
 */
export function repairTimes<Element extends Stretch>(elements: readonly Element[], durationMs: number): Element[] {
  let cursor = 0
  return elements.map((element) => {
    const startMs = Number.isFinite(element.startMs) ? clamp(element.startMs, cursor, durationMs) : cursor
    const endMs = Number.isFinite(element.endMs) ? clamp(element.endMs, startMs, durationMs) : startMs
    cursor = endMs
    return { ...element, startMs, endMs }
  })
}

/** Whether at least half of these elements, and one, last longer than nothing. */
export function areMostlyTimed(elements: readonly Stretch[]): boolean {
  const timed = elements.filter(({ startMs, endMs }) => endMs > startMs).length
  return timed > 0 && timed * 2 >= elements.length
}

/** The number nearest to `value` in least…most. */
export function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most)
}

/** Cuts startMs…endMs into one stretch for each weight, in order and in proportion. */
export function shareTime(weights: readonly number[], startMs: number, endMs: number): readonly Stretch[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0) || 1
  let before = 0
  return weights.map((weight) => {
    const from = startMs + ((endMs - startMs) * before) / total
    before += weight
    return { startMs: from, endMs: startMs + ((endMs - startMs) * before) / total }
  })
}
