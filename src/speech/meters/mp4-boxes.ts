import { tagAt, viewOf } from '#src/speech/meters/bytes.ts'

/** Boxes by their types, each a view of the content alone; what does not fit into its parent ends the list. */
function* boxesIn(content: Uint8Array): Generator<readonly [type: string, content: Uint8Array]> {
  const view = viewOf(content)
  for (let at = 0; at + 8 <= content.length;) {
    const size = view.getUint32(at)
    if (size < 8 || at + size > content.length) return
    yield [tagAt(content, at + 4), content.subarray(at + 8, at + size)]
    at += size
  }
}

const allIn = (content: Uint8Array | undefined, type: string): readonly Uint8Array[] =>
  content === undefined ? [] : [...boxesIn(content)].filter(([one]) => one === type).map(([, inner]) => inner)

/** The first box at a path of types. */
const boxAt = (content: Uint8Array | undefined, ...path: readonly string[]): Uint8Array | undefined =>
  path.reduce<Uint8Array | undefined>((outer, type) => allIn(outer, type)[0], content)

/** A big-endian word; undefined where the box is too short for it. */
const wordAt = (box: Uint8Array | undefined, at: number): number | undefined =>
  box === undefined || at < 0 || at + 4 > box.length ? undefined : viewOf(box).getUint32(at)

const bigWordAt = (box: Uint8Array | undefined, at: number): number =>
  (wordAt(box, at) ?? 0) * 2 ** 32 + (wordAt(box, at + 4) ?? 0)

/** A timescale, in units a second, and how many units. */
interface Span {
  readonly timescale: number
  readonly units: number
}

/** What `mvhd` and `mdhd` have alike (ISO/IEC 14496-12 §8.2.2, §8.4.2); undefined where it is no time. */
function spanOf(header: Uint8Array | undefined): Span | undefined {
  const isLong = header?.[0] === 1
  const timescale = wordAt(header, isLong ? 20 : 12) ?? 0
  if (timescale === 0) return undefined
  const units = isLong ? bigWordAt(header, 24) : (wordAt(header, 16) ?? 0)
  const isUnknown = units >= (isLong ? 2 ** 63 : 0xff_ff_ff_ff)
  return { timescale, units: isUnknown ? 0 : units }
}

/** What a `moov` says, in seconds and in units of its sound track. */
export interface Movie {
  readonly seconds: number
  readonly isFragmented: boolean
  /** The first sound track; undefined where none can be read, or beside a video track. */
  readonly audio: MovieTrack | undefined
}

export interface MovieTrack {
  readonly id: number
  readonly timescale: number
  /** Of the samples that the `moov` itself lists. */
  readonly units: number
  /** Samples before the sound that players leave out: where the earliest edit starts, at most a second. */
  readonly skippedUnits: number
  /** How long a sample of a fragment lasts that does not say so itself. */
  readonly sampleUnits: number
}

/** Reads a `moov`'s content; undefined where it lacks a header. */
export function movieOf(moov: Uint8Array): Movie | undefined {
  const span = spanOf(boxAt(moov, 'mvhd'))
  const isFragmented = boxAt(moov, 'mvex') !== undefined
  if (span === undefined) return undefined
  const tracks = allIn(moov, 'trak')
  const sound = tracks.some((trak) => handlerOf(trak) === 'vide')
    ? undefined
    : tracks.find((trak) => handlerOf(trak) === 'soun')
  return {
    seconds: span.units / span.timescale,
    isFragmented,
    audio: sound === undefined ? undefined : trackOf(sound, moov),
  }
}

/** §8.4.3: what kind of media a track is. */
function handlerOf(trak: Uint8Array): string | undefined {
  const handler = boxAt(trak, 'mdia', 'hdlr')
  return handler === undefined ? undefined : tagAt(handler, 8)
}

/** §8.3.2 tkhd, §8.6.1.2 stts, §8.8.3 trex. */
function trackOf(trak: Uint8Array, moov: Uint8Array): MovieTrack | undefined {
  const header = boxAt(trak, 'tkhd')
  const id = wordAt(header, header?.[0] === 1 ? 20 : 12)
  const timescale = spanOf(boxAt(trak, 'mdia', 'mdhd'))?.timescale
  const units = timesOf(boxAt(trak, 'mdia', 'minf', 'stbl', 'stts'))
  if (id === undefined || timescale === undefined || units === undefined) return undefined
  const extension = allIn(boxAt(moov, 'mvex'), 'trex').find((trex) => wordAt(trex, 4) === id)
  return {
    id,
    timescale,
    units,
    skippedUnits: Math.min(skippedUnitsOf(boxAt(trak, 'edts', 'elst')), timescale),
    sampleUnits: wordAt(extension, 12) ?? 0,
  }
}

/** Pairs of how many samples and how long each; undefined where they are more than the box has room for. */
function timesOf(stts: Uint8Array | undefined): number | undefined {
  let units = 0
  const entries = wordAt(stts, 4) ?? 0
  if (8 + entries * 8 > (stts?.length ?? 8)) return undefined
  for (let at = 8; at < 8 + entries * 8; at += 8) units += (wordAt(stts, at) ?? 0) * (wordAt(stts, at + 4) ?? 0)
  return units
}

/** §8.6.6: entries of length, media time and rate; a media time of −1 is an empty edit. The earliest of the others. */
function skippedUnitsOf(elst: Uint8Array | undefined): number {
  const isLong = elst?.[0] === 1
  const entryBytes = isLong ? 20 : 12
  const entries = Math.min(wordAt(elst, 4) ?? 0, Math.floor(((elst?.length ?? 0) - 8) / entryBytes))
  let earliest = Infinity
  for (let entry = 0; entry < entries; entry += 1) {
    const at = 8 + entry * entryBytes
    const time = isLong ? bigWordAt(elst, at + 8) : (wordAt(elst, at + 4) ?? 0)
    if (time < (isLong ? 2 ** 63 : 2 ** 31)) earliest = Math.min(earliest, time)
  }
  return earliest === Infinity ? 0 : earliest
}

/** How many units of a track the fragments in a `moof`'s content last (§8.8.7 tfhd, §8.8.8 trun). */
export function fragmentUnits(moof: Uint8Array, track: MovieTrack): number {
  let units = 0
  for (const traf of allIn(moof, 'traf')) {
    const header = boxAt(traf, 'tfhd')
    if (wordAt(header, 4) !== track.id) continue
    const flags = wordAt(header, 0) ?? 0
    const at = 8 + (flags & 1) * 8 + ((flags >> 1) & 1) * 4
    const sampleUnits = (flags & 8) === 0 ? track.sampleUnits : (wordAt(header, at) ?? 0)
    for (const run of allIn(traf, 'trun')) units += runUnits(run, sampleUnits)
  }
  return units
}

/** Flags 0x1 and 0x4 add a word before the samples, 0x100 to 0x800 one to each, of which the first is how long it is. */
function runUnits(run: Uint8Array, sampleUnits: number): number {
  const flags = wordAt(run, 0) ?? 0
  const samples = wordAt(run, 4) ?? 0
  if ((flags & 0x1_00) === 0) return samples * sampleUnits
  const start = 8 + (flags & 1) * 4 + ((flags >> 2) & 1) * 4
  const sampleBytes = 4 * [8, 9, 10, 11].filter((bit) => ((flags >> bit) & 1) === 1).length
  const end = Math.min(run.length, start + samples * sampleBytes)
  let units = 0
  for (let at = start; at + 4 <= end; at += sampleBytes) units += wordAt(run, at) ?? 0
  return units
}
