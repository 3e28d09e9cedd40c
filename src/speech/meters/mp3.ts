import type { AudioMeter } from '#src/speech/audio-meter.ts'
import { byteFeed, type Parser } from '#src/speech/meters/byte-feed.ts'
import { tagAt, viewOf } from '#src/speech/meters/bytes.ts'
import { mp3FrameOf, mp3SummaryOf, type Mp3Frame, type Mp3Summary } from '#src/speech/meters/mp3-frame.ts'

interface Mp3State {
  /** Of the first frame: a later header of another version or rate is junk. */
  first: Mp3Frame | undefined
  summary: Mp3Summary | undefined
  frames: number
  frameBytes: number
  junkBytes: number
  /** A frame after junk that is there, but not the header behind it that would confirm it. */
  candidate: Mp3Frame | undefined
}

/**
 * MPEG 1, 2 and 2.5 layer III, frame by frame, with ID3v2, ID3v1 and APE tags anywhere. A first frame that is a summary
 * (Xing, Info, VBRI) holds no sound. The samples that LAME says it put before the sound and, once all frames that it
 * announced are there, behind it are taken off: that is what players without gaps play, and the length of what was
 * encoded. What is cut inside a frame does not count that frame; more junk than frames is no MP3. Whole means that the
 * last frame or tag is complete and that no announced frame is missing: without a summary, a cut between two frames cannot
 * be seen.
 */
export function mp3Meter(): AudioMeter {
  const state: Mp3State = {
    first: undefined,
    summary: undefined,
    frames: 0,
    frameBytes: 0,
    junkBytes: 0,
    candidate: undefined,
  }
  const feed = byteFeed(parse(state))
  /** One frame alone, or after junk at the end, is confirmed by the end. */
  const atEnd = () =>
    state.candidate !== undefined && feed.unreadBytes() === state.candidate.bytes ? state.candidate : undefined
  const framesOf = () => state.frames + (atEnd() === undefined ? 0 : 1)
  const isMostlyJunk = () => state.junkBytes > state.frameBytes + (atEnd()?.bytes ?? 0)
  return {
    push: feed.push,
    durationMs() {
      const kind = state.first ?? atEnd()
      if (kind === undefined || isMostlyJunk()) return undefined
      const { frames = 0, delaySamples = 0, paddingSamples = 0 } = state.summary ?? {}
      const gaps = delaySamples + (frames > 0 && framesOf() >= frames ? paddingSamples : 0)
      return (Math.max(0, framesOf() * kind.samples - gaps) * 1_000) / kind.samplesPerSecond
    },
    isWhole() {
      const isComplete = feed.isAtRest() || atEnd() !== undefined
      return isComplete && framesOf() > 0 && !isMostlyJunk() && framesOf() >= (state.summary?.frames ?? 0)
    },
  }
}

function* parse(state: Mp3State): Parser {
  for (let isInStep = false; ;) {
    const seen = yield { see: 4 }
    const frame = matching(state, seen, 0)
    const tagBytes = yield* tagAhead(seen, isInStep || state.first === undefined)
    if (tagBytes > 0) yield { pass: tagBytes }
    else if (frame === undefined) isInStep = yield* passJunk(state, seen)
    else if (isInStep || (yield* isConfirmed(state, frame))) {
      isInStep = true
      yield* passFrame(state, frame)
    } else {
      state.junkBytes += 1
      yield { pass: 1 }
    }
  }
}

function matching({ first }: Mp3State, bytes: Uint8Array, at: number): Mp3Frame | undefined {
  const frame = mp3FrameOf(bytes, at)
  const isAlike =
    first === undefined || (first.samplesPerSecond === frame?.samplesPerSecond && first.samples === frame.samples)
  return isAlike ? frame : undefined
}

/** Passes all bytes at hand at which no frame starts; the first always. */
function* passJunk(state: Mp3State, seen: Uint8Array): Parser<false> {
  let at = 1
  while (at < seen.length && !mayStart(state, seen, at)) at += 1
  state.junkBytes += at
  yield { pass: at }
  return false
}

/** Whether a frame may start at an offset, as far as can be seen: neither its header nor what follows it is wrong. */
function mayStart(state: Mp3State, seen: Uint8Array, at: number): boolean {
  if (seen[at] !== 0xff || at + 4 > seen.length) return seen[at] === 0xff
  const frame = matching(state, seen, at)
  if (frame === undefined) return false
  const end = at + frame.bytes
  return end + 4 > seen.length || isFollowed(frame, seen, end)
}

const tagStarts = new Set([0x54, 0x49, 0x41])

/** Whether at an offset, of which four bytes are there, a frame of the same kind or a tag starts. */
function isFollowed(frame: Mp3Frame, seen: Uint8Array, at: number): boolean {
  const next = mp3FrameOf(seen, at)
  if (next === undefined) return tagStarts.has(seen[at] ?? 0) && /^(TAG|ID3|APET)/.test(tagAt(seen, at))
  return next.samplesPerSecond === frame.samplesPerSecond && next.samples === frame.samples
}

/** Out of step, a header counts only when another of its kind, or a tag, follows its frame. */
function* isConfirmed(state: Mp3State, frame: Mp3Frame): Parser<boolean> {
  yield { see: frame.bytes }
  state.candidate = frame
  const seen = yield { see: frame.bytes + 4 }
  state.candidate = undefined
  return isFollowed(frame, seen, frame.bytes)
}

function* passFrame(state: Mp3State, frame: Mp3Frame): Parser {
  const isFirst = state.first === undefined
  const summary = isFirst ? mp3SummaryOf((yield { see: frame.bytes }).subarray(0, frame.bytes), frame) : undefined
  yield { pass: frame.bytes }
  state.first ??= frame
  state.summary ??= summary
  state.frameBytes += frame.bytes
  if (summary === undefined) state.frames += 1
}

/** How long the tag is that starts here, 0 where none does; ID3v1's are looked for only where a frame could start. */
function* tagAhead(seen: Uint8Array, isInStep: boolean): Parser<number> {
  const tag = tagAt(seen, 0)
  if (tag.startsWith('ID3')) return id3v2Bytes(yield { see: 10 })
  if (tag === 'APET') return apeBytes(yield { see: 32 })
  if (!isInStep || !tag.startsWith('TAG')) return 0
  return tag === 'TAG+' ? 227 : 128
}

/** id3.org, ID3v2.4 §3.1: the size has seven bits in a byte and leaves out the header and the footer (flag 0x10). */
function id3v2Bytes(header: Uint8Array): number {
  const size = header.subarray(6, 10)
  if (size.some((byte) => byte > 0x7f)) return 0
  return 10 + size.reduce((sum, byte) => sum * 128 + byte, 0) + (((header[5] ?? 0) & 0x10) === 0 ? 0 : 10)
}

/** APEv2: the size leaves out the header; a footer whose header was not seen is passed alone (flag 0x2000_0000). */
function apeBytes(header: Uint8Array): number {
  if (tagAt(header, 4) !== 'AGEX') return 0
  const view = viewOf(header)
  return 32 + ((view.getUint32(20, true) & 0x20_00_00_00) === 0 ? 0 : view.getUint32(12, true))
}
