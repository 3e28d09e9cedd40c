import type { AudioMeter } from '#src/speech/audio-meter.ts'
import { byteFeed, type Parser } from '#src/speech/meters/byte-feed.ts'
import { uintOf, viewOf } from '#src/speech/meters/bytes.ts'
import { elementAhead, vintBytes, vintOf, type Element } from '#src/speech/meters/ebml.ts'
import { opusHeadBytes, opusPacketSamples, opusSamplesPerSecond } from '#src/speech/meters/opus-packet.ts'

/** RFC 9559 §5.1; an element's name with its length marker. */
const names = {
  header: 0x1a_45_df_a3,
  segment: 0x18_53_80_67,
  info: 0x15_49_a9_66,
  timestampScale: 0x2a_d7_b1,
  tracks: 0x16_54_ae_6b,
  trackEntry: 0xae,
  trackNumber: 0xd7,
  trackType: 0x83,
  codecId: 0x86,
  codecDelay: 0x56_aa,
  cluster: 0x1f_43_b6_75,
  timestamp: 0xe7,
  simpleBlock: 0xa3,
  blockGroup: 0xa0,
  block: 0xa1,
  blockDuration: 0x9b,
  discardPadding: 0x75_a2,
} as const

/** Elements whose content is read; of no other may the length be unknown. */
const entered = new Set<number>([
  names.segment,
  names.info,
  names.tracks,
  names.trackEntry,
  names.cluster,
  names.blockGroup,
])

interface Track {
  number: number
  type: number
  isOpus: boolean
  codecDelayNs: number
}

interface WebmState {
  scaleNs: number
  track: Track | undefined
  audio: Track | undefined
  hasVideo: boolean
  clusterAt: number
  /** Of the audio's blocks, in units of the scale but for nanoseconds. */
  firstAt: number | undefined
  lastAt: number
  lastLength: number
  lastLengthNs: number | undefined
  /** Of all packets, and whether all could be counted. */
  countedNs: number
  isCounted: boolean
  discardNs: number
  /** Where the element ends that reaches farthest of those whose length is known, in bytes. */
  mustReach: number
}

/**
 * WebM (RFC 8794, RFC 9559) from the first audio block to the end of the last: its timestamp and the length of its Opus
 * packet (of another codec, or laced: its BlockDuration, else the distance of the two last), less what CodecDelay and
 * DiscardPadding take off. Timestamps are of whole scale units, usually milliseconds; where the lengths of the packets add
 * up to the same within two of them, there is no gap and the sum, which is exact, counts. The header's Duration never
 * counts: writers put the encoder's delay into it, and of a cut file it is too long. A file without a block of audio has no
 * duration, nor has one with a video track. Whole means that no element is incomplete: a recording whose lengths are
 * unknown can be cut between two blocks unseen. What is no element ends the reading.
 */
export function webmMeter(): AudioMeter {
  const state: WebmState = {
    scaleNs: 1_000_000,
    track: undefined,
    audio: undefined,
    hasVideo: false,
    clusterAt: 0,
    firstAt: undefined,
    lastAt: 0,
    lastLength: 0,
    lastLengthNs: undefined,
    countedNs: 0,
    isCounted: true,
    discardNs: 0,
    mustReach: Infinity,
  }
  const feed = byteFeed(parse(state))
  return {
    push: feed.push,
    durationMs: () => durationMs(state),
    isWhole: () => feed.isAtRest() && durationMs(state) !== undefined && feed.pushedBytes() >= state.mustReach,
  }
}

function durationMs(state: WebmState): number | undefined {
  if (state.firstAt === undefined || state.hasVideo) return undefined
  const lengthNs = state.lastLengthNs ?? state.lastLength * state.scaleNs
  const spanNs = (state.lastAt - state.firstAt) * state.scaleNs + lengthNs
  const isGapless = state.isCounted && Math.abs(spanNs - state.countedNs) <= 2 * state.scaleNs
  return Math.max(0, (isGapless ? state.countedNs : spanNs) - (state.audio?.codecDelayNs ?? 0) - state.discardNs) / 1e6
}

function* parse(state: WebmState): Parser {
  for (let at = 0; ;) {
    const element = yield* elementAhead()
    if (element === undefined || (at === 0) !== (element.name === names.header)) return
    yield { pass: element.headerBytes }
    at += element.headerBytes
    if (element.name === names.segment) state.mustReach = 0
    if (entered.has(element.name)) {
      if (element.size !== undefined) state.mustReach = Math.max(state.mustReach, at + element.size)
      enter(state, element.name)
      continue
    }
    if (element.size === undefined) return
    yield* passContent(state, element, element.size)
    at += element.size
  }
}

function enter(state: WebmState, name: number): void {
  if (name === names.trackEntry) state.track = { number: 0, type: 0, isOpus: false, codecDelayNs: 0 }
  if (name === names.cluster) state.clusterAt = 0
}

/** No value that is read is longer; of a block it is the part before its sound. */
const longestValue = 16

function* passContent(state: WebmState, { name }: Element, size: number): Parser {
  const isBlock = name === names.simpleBlock || name === names.block
  const isValue = isBlock || (Object.values<number>(names).includes(name) && size <= longestValue)
  const length = isValue ? Math.min(size, longestValue) : 0
  const content = (yield { see: length }).slice(0, length)
  yield { pass: size }
  if (isBlock) readBlock(state, content)
  else if (isValue) readValue(state, name, content)
}

function readValue(state: WebmState, name: number, content: Uint8Array): void {
  const { track } = state
  if (name === names.timestampScale) state.scaleNs = uintOf(content) || 1_000_000
  else if (name === names.timestamp) state.clusterAt = uintOf(content)
  else if (name === names.blockDuration) state.lastLength = state.lastLengthNs === undefined ? uintOf(content) : 0
  else if (name === names.discardPadding) state.discardNs = Math.max(0, intOf(content))
  else if (track === undefined) return
  else if (name === names.trackNumber) track.number = uintOf(content)
  else if (name === names.trackType) track.type = uintOf(content)
  else if (name === names.codecId) track.isOpus = String.fromCodePoint(...content).startsWith('A_OPUS')
  else if (name === names.codecDelay) track.codecDelayNs = uintOf(content)
  const isAudio = track?.type === 2 && track.number > 0
  if (isAudio) state.audio ??= track
  state.hasVideo ||= track?.type === 1
}

/** RFC 9559 §10: the track's number, 16 bits of time relative to the cluster's, flags, then the sound. */
function readBlock(state: WebmState, block: Uint8Array): void {
  const numberBytes = vintBytes(block, 0)
  if (numberBytes > 8 || block.length < numberBytes + 3) return
  const number = vintOf(block.subarray(0, numberBytes))
  if (state.audio === undefined || number !== state.audio.number) return
  const at = state.clusterAt + viewOf(block).getInt16(numberBytes)
  const isLaced = ((block[numberBytes + 2] ?? 0) & 0x06) !== 0
  const head = block.subarray(numberBytes + 3, numberBytes + 3 + opusHeadBytes)
  state.lastLength = state.firstAt === undefined ? 0 : Math.max(0, at - state.lastAt)
  state.lastLengthNs =
    state.audio.isOpus && !isLaced ? (opusPacketSamples(head) * 1e9) / opusSamplesPerSecond : undefined
  state.countedNs += state.lastLengthNs ?? 0
  state.isCounted &&= state.lastLengthNs !== undefined
  state.firstAt ??= at
  state.lastAt = Math.max(state.lastAt, at)
  state.discardNs = 0
}

const intOf = (content: Uint8Array) => {
  const value = uintOf(content)
  return (content[0] ?? 0) > 0x7f ? value - 2 ** (8 * content.length) : value
}
