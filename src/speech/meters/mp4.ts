import type { AudioMeter } from '#src/speech/audio-meter.ts'
import { byteFeed, type Parser } from '#src/speech/meters/byte-feed.ts'
import { tagAt, viewOf } from '#src/speech/meters/bytes.ts'
import { fragmentUnits, movieOf, type Movie } from '#src/speech/meters/mp4-boxes.ts'

/** A `moov` or `moof` is read whole; a longer one ends the reading. */
const longestRead = 4 * 1_024 * 1_024

interface Mp4State {
  movie: Movie | undefined
  /** Of the audio track, in its units. */
  fragmentUnits: number
  /** Whether the media that the last header speaks of is owed still. */
  isDataOwed: boolean
  /** Whether a box that lasts to the end of the file has started. */
  isLast: boolean
}

/**
 * ISO base media (ISO/IEC 14496-12) with a sound track and without a video track: no other has a duration. In fragments it
 * is the sound track's samples that came, in the `moov` and each `moof`, less what edits skip before the sound, at most a
 * second: encoders need less, and more would hide sound. In one piece it is the same of the samples that the `moov` lists,
 * also where the media is cut, or what its `mvhd` says where that is longer; one that lists no sample has no duration.
 * Whole means a `moov`, the media, and no incomplete box: fragments can be cut between two of them unseen.
 */
export function mp4Meter(): AudioMeter {
  const state: Mp4State = { movie: undefined, fragmentUnits: 0, isDataOwed: true, isLast: false }
  const feed = byteFeed(parse(state))
  return {
    push: feed.push,
    durationMs: () => durationMs(state),
    isWhole: () => durationMs(state) !== undefined && !state.isDataOwed && (feed.isAtRest() || state.isLast),
  }
}

function durationMs({ movie, fragmentUnits: units }: Mp4State): number | undefined {
  if (movie?.audio === undefined) return undefined
  const { timescale, skippedUnits, units: before } = movie.audio
  const milliseconds = (Math.max(0, before + units - skippedUnits) * 1_000) / timescale
  if (movie.isFragmented) return milliseconds
  return before + units === 0 ? undefined : Math.max(movie.seconds * 1_000, milliseconds)
}

interface Box {
  readonly type: string
  readonly headerBytes: number
  /** Header and all; undefined where it lasts to the end of the file. */
  readonly bytes: number | undefined
}

function* parse(state: Mp4State): Parser {
  for (let isFirst = true; ; isFirst = false) {
    const box = yield* boxAhead()
    if (isFirst !== (box.type === 'ftyp')) return
    if (box.bytes === undefined) {
      state.isLast = true
      if (box.type === 'mdat') state.isDataOwed = false
      return
    }
    if (box.bytes < box.headerBytes) return
    if (box.type === 'moov' || box.type === 'moof') {
      if (box.bytes > longestRead) {
        state.movie = undefined
        return
      }
      readHeader(state, box.type, (yield { see: box.bytes }).subarray(box.headerBytes, box.bytes))
    }
    yield { pass: box.bytes }
    if (box.type === 'mdat') state.isDataOwed = false
  }
}

/** §4.2: a size of 1 is followed by one of 64 bits, a size of 0 is up to the end of the file. */
function* boxAhead(): Parser<Box> {
  const seen = yield { see: 8 }
  const [type, size] = [tagAt(seen, 4), viewOf(seen).getUint32(0)]
  if (size !== 1) return { type, headerBytes: 8, bytes: size === 0 ? undefined : size }
  const long = yield { see: 16 }
  return { type, headerBytes: 16, bytes: Number(viewOf(long).getBigUint64(8)) }
}

function readHeader(state: Mp4State, type: 'moov' | 'moof', content: Uint8Array): void {
  if (type === 'moov') {
    state.movie ??= movieOf(content)
  } else if (state.movie?.audio !== undefined) {
    state.fragmentUnits += fragmentUnits(content, state.movie.audio)
    state.isDataOwed = true
  }
}
