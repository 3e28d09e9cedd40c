import type { AudioMeter } from '#src/speech/audio-meter.ts'
import { byteFeed, type Parser } from '#src/speech/meters/byte-feed.ts'
import { tagAt, viewOf } from '#src/speech/meters/bytes.ts'
import { opusPacketSamples, opusSamplesPerSecond } from '#src/speech/meters/opus-packet.ts'

interface OggState {
  serial: number | undefined
  preSkip: number
  /** The comments come after the header; the sound starts on the page behind them (RFC 7845 §3). */
  hasComments: boolean
  /** The granule positions, in samples, where the sound starts and where the last whole page ends. */
  start: number | undefined
  end: number
  hasEnded: boolean
  /** Samples of the streams before, where several are chained (RFC 3533 §4). */
  before: number
}

interface Page {
  readonly flags: number
  readonly granule: number
  readonly serial: number
  readonly segments: Uint8Array
  readonly headerBytes: number
  readonly bytes: number
}

const continued = 0x01
const firstOfStream = 0x02
const lastOfStream = 0x04

/** A position beyond this is a lie: at 48 kHz it is 5,900 years. */
const highestGranule = 2 ** 53

/**
 * Opus in Ogg: the last page's granule position less the first's and the pre-skip (RFC 7845 §4), so the end is trimmed
 * as the encoder says. Checksums are not checked; pages of other streams are passed. Whole means that the last page is
 * there to its last byte, and that it ends the stream or at least one page of its sound came: browsers, and vendors that
 * stream, leave the end unmarked, so a cut between two pages cannot be seen. What is no page ends the reading: the part
 * before it still counts.
 */
export function oggOpusMeter(): AudioMeter {
  const state: OggState = {
    serial: undefined,
    preSkip: 0,
    hasComments: false,
    start: undefined,
    end: 0,
    hasEnded: false,
    before: 0,
  }
  const feed = byteFeed(parse(state))
  return {
    push: feed.push,
    durationMs: () =>
      state.serial === undefined ? undefined : ((state.before + samplesOf(state)) * 1_000) / opusSamplesPerSecond,
    isWhole: () => feed.isAtRest() && (state.hasEnded || state.start !== undefined),
  }
}

const samplesOf = ({ start = 0, end, preSkip }: OggState) => Math.max(0, end - start - preSkip)

function* parse(state: OggState): Parser {
  for (;;) {
    const page = yield* pageAhead()
    if (page === undefined) return
    if ((page.flags & firstOfStream) !== 0) yield* startStream(state, page)
    else if (page.serial !== state.serial) yield { pass: page.bytes }
    else if (state.hasComments) yield* passSound(state, page)
    else {
      yield { pass: page.bytes }
      // A segment shorter than 255 ends a packet, so here the comments.
      state.hasComments = page.segments.some((length) => length < 255)
      state.hasEnded = (page.flags & lastOfStream) !== 0
    }
    if (state.serial === undefined && (page.flags & firstOfStream) === 0) return
  }
}

/** RFC 3533 §6. */
function* pageAhead(): Parser<Page | undefined> {
  const fixed = yield { see: 27 }
  if (tagAt(fixed, 0) !== 'OggS' || fixed[4] !== 0) return undefined
  const headerBytes = 27 + (fixed[26] ?? 0)
  const header = yield { see: headerBytes }
  const segments = header.subarray(27, headerBytes)
  const view = viewOf(header)
  return {
    flags: view.getUint8(5),
    granule: Number(view.getBigInt64(6, true)),
    serial: view.getUint32(14, true),
    segments,
    headerBytes,
    bytes: segments.reduce((sum, length) => sum + length, headerBytes),
  }
}

/**
 * RFC 7845 §5.1: the pre-skip is the header's bytes 10 and 11. A first page of anything else is of another stream; one of
 * Opus is the next in the chain where the stream before has ended, or sounds: what is side by side starts before any
 * sound (RFC 3533 §4).
 */
function* startStream(state: OggState, page: Page): Parser {
  const head = (yield { see: page.bytes }).subarray(page.headerBytes, page.bytes)
  const isOpus = tagAt(head, 0) === 'Opus' && tagAt(head, 4) === 'Head' && head.length >= 19
  const isNext = state.serial === undefined || state.hasEnded || state.start !== undefined
  const preSkip = isOpus ? viewOf(head).getUint16(10, true) : 0
  yield { pass: page.bytes }
  if (!isOpus || !isNext) return
  state.before += samplesOf(state)
  Object.assign(state, { serial: page.serial, preSkip, hasComments: false, start: undefined, end: 0, hasEnded: false })
}

/** A granule position of −1 says that no packet ends on the page. */
function* passSound(state: OggState, page: Page): Parser {
  const isPosition = page.granule >= 0 && page.granule < highestGranule
  if (isPosition && state.start === undefined) {
    const samples = samplesOn((yield { see: page.bytes }).subarray(page.headerBytes, page.bytes), page.segments)
    const isCut = (page.flags & continued) !== 0
    // Less than its samples only where the end is trimmed on this very page.
    state.start = isCut ? 0 : Math.max(0, page.granule - samples)
  }
  yield { pass: page.bytes }
  if (isPosition) state.end = page.granule
  if ((page.flags & lastOfStream) !== 0) state.hasEnded = true
}

/** How many samples the packets hold that end on a page. */
function samplesOn(payload: Uint8Array, segments: Uint8Array): number {
  let [samples, start, end] = [0, 0, 0]
  for (const length of segments) {
    end += length
    if (length === 255) continue
    samples += opusPacketSamples(payload.subarray(start, end))
    start = end
  }
  return samples
}
