import type { PieceTimes } from '#scripts/upstream/voice/flite.ts'

/** When each character sounds, in seconds, as ElevenLabs says it; the three lists are of one length. */
export interface Alignment {
  readonly characters: readonly string[]
  readonly character_start_times_seconds: readonly number[]
  readonly character_end_times_seconds: readonly number[]
}

interface Span {
  readonly start: number
  readonly end: number
}

/**
 * When a piece's characters sound: its phonemes but the pauses are shared out, in order, over its letters and digits.
 * What stands between two of them lasts from the one to the other, and the last until the piece's end. Nothing overlaps.
 */
export function alignmentOf(text: string, { startMs, endMs, phonemes }: PieceTimes): Alignment {
  const characters = Array.from(text)
  const voiced = phonemes
    .filter(({ phoneme }) => phoneme !== 'pau')
    .map(({ start_ms, end_ms }) => ({ start: start_ms, end: end_ms }))
  const heard = characters.flatMap((character, at) => (/[\p{L}\p{N}]/u.test(character) ? [at] : []))
  const spanAt = new Map(heard.map((at, nth) => [at, share(voiced, nth, heard.length, { start: startMs, end: endMs })]))
  const starts: number[] = []
  const ends: number[] = []
  for (const at of characters.keys()) {
    const start = spanAt.get(at)?.start ?? ends[at - 1] ?? startMs
    const nextStart = at + 1 === characters.length ? endMs : spanAt.get(at + 1)?.start
    starts.push(start)
    ends.push(spanAt.get(at)?.end ?? nextStart ?? start)
  }
  return {
    characters,
    character_start_times_seconds: starts.map(toSeconds),
    character_end_times_seconds: ends.map(toSeconds),
  }
}

/** The nth of so many equal shares of the spans; of the whole when there are none. */
function share(spans: readonly Span[], nth: number, count: number, whole: Span): Span {
  const parts = spans.length === 0 ? [whole] : spans
  const [from, to] = [(nth * parts.length) / count, ((nth + 1) * parts.length) / count]
  return { start: timeAt(parts, from, Math.floor(from)), end: timeAt(parts, to, Math.ceil(to) - 1) }
}

function timeAt(parts: readonly Span[], position: number, at: number): number {
  const { start, end } = parts[at] ?? { start: 0, end: 0 }
  return start + (position - at) * (end - start)
}

function toSeconds(ms: number): number {
  return Math.round(ms) / 1000
}
