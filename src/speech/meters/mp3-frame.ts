import { tagAt, viewOf } from '#src/speech/meters/bytes.ts'

/** What the header of one MPEG audio frame of layer III says (ISO/IEC 11172-3 §2.4.2.3, 13818-3; 2.5 is Fraunhofer's). */
export interface Mp3Frame {
  /** Header and all. */
  readonly bytes: number
  readonly samples: number
  readonly samplesPerSecond: number
  /** Between the header and the frame's main data. */
  readonly sideBytes: number
}

const version1KilobitsPerSecond = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
const version2KilobitsPerSecond = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
const version1Rates = [44_100, 48_000, 32_000]

/** The frame whose header is at an offset; undefined where none is or fewer than four bytes are left. No free format. */
export function mp3FrameOf(bytes: Uint8Array, at: number): Mp3Frame | undefined {
  const [second, third, fourth] = [bytes[at + 1] ?? 0, bytes[at + 2] ?? 0, bytes[at + 3] ?? 2]
  if (bytes[at] !== 0xff || (second & 0xe6) !== 0xe2) return undefined
  const version = (second >> 3) & 3
  const isVersion1 = version === 3
  const bitrates = isVersion1 ? version1KilobitsPerSecond : version2KilobitsPerSecond
  const kilobitsPerSecond = bitrates[third >> 4] ?? 0
  const version1Rate = version1Rates[(third >> 2) & 3]
  if (version === 1 || kilobitsPerSecond === 0 || version1Rate === undefined || (fourth & 3) === 2) return undefined
  const samplesPerSecond = isVersion1 ? version1Rate : version1Rate / (version === 2 ? 2 : 4)
  const samples = isVersion1 ? 1_152 : 576
  const isMono = fourth >> 6 === 3
  const wideSide = isMono ? 17 : 32
  const narrowSide = isMono ? 9 : 17
  return {
    bytes: Math.floor((samples * 125 * kilobitsPerSecond) / samplesPerSecond) + ((third >> 1) & 1),
    samples,
    samplesPerSecond,
    sideBytes: isVersion1 ? wideSide : narrowSide,
  }
}

/** What an encoder tells of the frames that follow, in a first frame that holds no sound. */
export interface Mp3Summary {
  /** 0 where it did not know. */
  readonly frames: number
  /** Samples that the encoder put before and behind the sound. */
  readonly delaySamples: number
  readonly paddingSamples: number
}

/**
 * The summary in a whole frame: Xing or Info with LAME's extension (gabriel.mp3-tech.org, "MP3 Info Tag revision 1"), or
 * Fraunhofer's VBRI; undefined where the frame is sound.
 */
export function mp3SummaryOf(frame: Uint8Array, { sideBytes }: Mp3Frame): Mp3Summary | undefined {
  const view = viewOf(frame)
  if (tagAt(frame, 36) === 'VBRI' && frame.length >= 54) {
    return { frames: view.getUint32(50), delaySamples: 0, paddingSamples: 0 }
  }
  const xing = 4 + sideBytes
  if (!['Xing', 'Info'].includes(tagAt(frame, xing)) || frame.length < xing + 16) return undefined
  const flags = view.getUint32(xing + 4)
  const frames = (flags & 1) === 0 ? 0 : view.getUint32(xing + 8)
  const lame = xing + 8 + (flags & 1) * 4 + ((flags >> 1) & 1) * 4 + ((flags >> 2) & 1) * 100 + ((flags >> 3) & 1) * 4
  const isLame = /^(LAME|Lavf|Lavc|L3\.9)/.test(tagAt(frame, lame)) && frame.length >= lame + 24
  const gaps = isLame ? view.getUint32(lame + 20) & 0xff_ff_ff : 0
  return { frames, delaySamples: gaps >> 12, paddingSamples: gaps & 0xf_ff }
}
