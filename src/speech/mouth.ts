import { clamp, shareTime } from '#src/speech/timing.ts'

/** The mouth shapes of VRM 1.0 (`aa` あ, `ih` い, `ou` う, `ee` え, `oh` お), and `sil`: closed. */
export const visemes = ['aa', 'ih', 'ou', 'ee', 'oh', 'sil'] as const
export type Viseme = (typeof visemes)[number]

/** A mouth shape and how far it is opened, 0…1; `sil` is 0. */
export interface Shape {
  readonly v: Viseme
  readonly w: number
}

/** A mouth shape between two times in milliseconds, which may be fractions. */
export interface MouthPiece extends Shape {
  readonly startMs: number
  readonly endMs: number
}

/** A mouth shape of a track: `t` and `d` are whole milliseconds. */
export interface TimedViseme extends Shape {
  readonly t: number
  readonly d: number
}

/** Shapes one after another from startMs to endMs, each as long as its weight. */
export function layShapes(
  shapes: readonly Shape[],
  weights: readonly number[],
  startMs: number,
  endMs: number,
): readonly MouthPiece[] {
  return shareTime(weights, startMs, endMs).map((stretch, index) => {
    const { v, w } = shapes[index] ?? { v: 'sil', w: 0 }
    return { v, w, startMs: stretch.startMs, endMs: stretch.endMs }
  })
}

// An avatar draws a frame about every 16 ms: a shape of fewer than two flickers.
const leastVisemeMs = 30
// The gap that a silent letter or a space leaves, in which the mouth stays as it was.
const mostHeldGapMs = 60

/**
 * The pieces, in order of time, as visemes that cover 0…durationMs (whole) without a gap. Gaps are `sil`, but for short ones,
 * in which the shape before is held; equal neighbours are one, with the wider opening; what is shorter than 30 ms joins its
 * neighbour. None for durationMs 0.
 */
export function contiguousVisemes(pieces: readonly MouthPiece[], durationMs: number): TimedViseme[] {
  const track: TimedViseme[] = []
  let cursor = 0
  const add = (shape: Shape, until: number) => {
    const d = until - cursor
    if (d <= 0) return
    appendViseme(track, { t: cursor, d, v: shape.v, w: shape.v === 'sil' ? 0 : shape.w })
    cursor = until
  }
  let held: Shape = { v: 'sil', w: 0 }
  for (const piece of pieces) {
    const start = clamp(Math.round(piece.startMs), cursor, durationMs)
    add(start - cursor < mostHeldGapMs ? held : { v: 'sil', w: 0 }, start)
    add(piece, clamp(Math.round(piece.endMs), cursor, durationMs))
    held = piece
  }
  add({ v: 'sil', w: 0 }, durationMs)
  return track
}

function appendViseme(track: TimedViseme[], next: TimedViseme): void {
  const last = track.at(-1)
  if (last === undefined) track.push(next)
  else if (last.v === next.v) track[track.length - 1] = { ...last, d: last.d + next.d, w: Math.max(last.w, next.w) }
  else if (next.d < leastVisemeMs) track[track.length - 1] = { ...last, d: last.d + next.d }
  else if (last.d < leastVisemeMs) track[track.length - 1] = { ...next, t: last.t, d: last.d + next.d }
  else track.push(next)
}
