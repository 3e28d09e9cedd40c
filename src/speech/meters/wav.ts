import type { AudioMeter } from '#src/speech/audio-meter.ts'
import { byteFeed, type Parser } from '#src/speech/meters/byte-feed.ts'
import { tagAt, viewOf } from '#src/speech/meters/bytes.ts'

/** Integer, floating point, A-law, µ-law and extensible (RFC 2361; Microsoft, "Multiple channel audio data and WAVE files"). */
const sampleFormats = new Set([1, 3, 6, 7, 0xff_fe])

/** A size that a stream could not know is written as the largest there is; some writers round it or take a header off. */
const isUnknown = (size: number) => size >= 0x7f_ff_00_00

/** Some writers count RIFF's own header as well, or a padding that they leave out; a chunk that is missing is longer. */
const riffSlackBytes = 8

interface WavState {
  riffBytes: number
  bytesPerFrame: number
  framesPerSecond: number
  /** Where the samples start; what the header says they are long, infinite where it could not know. */
  dataStart: number | undefined
  dataBytes: number
}

/**
 * RIFF/WAVE of uncompressed samples. A data size of 0 (with nothing declared behind it) or from 2 GiB on is that of a
 * stream: all that comes is sound. Whole is a file of which every declared byte came (the padding of an odd last chunk
 * may lack), or a stream that does not end inside a sample.
 */
export function wavMeter(): AudioMeter {
  const state: WavState = { riffBytes: 0, bytesPerFrame: 0, framesPerSecond: 0, dataStart: undefined, dataBytes: 0 }
  const feed = byteFeed(parse(state))
  const cameBytes = () => Math.min(state.dataBytes, feed.pushedBytes() - (state.dataStart ?? Infinity))
  return {
    push: feed.push,
    durationMs() {
      if (state.dataStart === undefined) return undefined
      return (Math.floor(cameBytes() / state.bytesPerFrame) * 1_000) / state.framesPerSecond
    },
    isWhole() {
      if (state.dataStart === undefined) return false
      if (state.dataBytes === Infinity) return cameBytes() % state.bytesPerFrame === 0
      const declared = isUnknown(state.riffBytes) ? 0 : 8 + state.riffBytes
      const isPaddingOwed = feed.owedBytes() === 1 && feed.pushedBytes() === state.dataStart + state.dataBytes
      return (feed.isAtRest() || isPaddingOwed) && feed.pushedBytes() + riffSlackBytes >= declared
    },
  }
}

function* parse(state: WavState): Parser {
  const riff = yield { see: 12 }
  if (tagAt(riff, 0) !== 'RIFF' || tagAt(riff, 8) !== 'WAVE') return
  state.riffBytes = viewOf(riff).getUint32(4, true)
  yield { pass: 12 }
  for (let at = 12; ;) {
    const header = yield { see: 8 }
    const [tag, size] = [tagAt(header, 0), viewOf(header).getUint32(4, true)]
    if (tag === 'fmt ' && !readFormat(state, yield { see: 24 })) return
    if (tag === 'data' && state.dataStart === undefined) {
      if (state.bytesPerFrame === 0) return
      const isStream = isUnknown(size) || (size === 0 && (isUnknown(state.riffBytes) || state.riffBytes <= at))
      state.dataBytes = isStream ? Infinity : size
      state.dataStart = at + 8
      if (isStream) return
    }
    const length = 8 + size + (size % 2)
    yield { pass: length }
    at += length
  }
}

/** Reads a chunk's header and the first 16 bytes of its format; false where no play time follows from it. */
function readFormat(state: WavState, chunk: Uint8Array): boolean {
  const view = viewOf(chunk)
  state.framesPerSecond = view.getUint32(12, true)
  state.bytesPerFrame = view.getUint16(20, true)
  const isLongEnough = view.getUint32(4, true) >= 16
  return (
    isLongEnough &&
    sampleFormats.has(view.getUint16(8, true)) &&
    state.framesPerSecond > 0 &&
    state.bytesPerFrame > 0 &&
    state.dataStart === undefined
  )
}
