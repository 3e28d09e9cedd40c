const segmenter = new Intl.Segmenter('und', { granularity: 'sentence' })

/**
 * Where the sentences of a growing text that are finished end, in UTF-16 units (UAX #29): behind all but the last, which may
 * go on. `from` is where an earlier call said so.
 */
export function finishedUntil(text: string, from: number): number {
  let until = from
  let last = 0
  for (const { segment } of segmenter.segment(text.slice(from))) {
    until += last
    last = segment.length
  }
  return until
}
