import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { audioFormats, contentTypeOf, formatHeadBytes, formatOf, type AudioFormat } from '#src/speech/audio-format.ts'
import { audioMeter } from '#src/speech/audio-meter.ts'
import { mp3FrameOf } from '#src/speech/meters/mp3-frame.ts'

const folder = join(import.meta.dirname, '../fixtures/audio')
const read = (name: string) => new Uint8Array(readFileSync(join(folder, name)))

interface Fixture {
  readonly name: string
  readonly format: AudioFormat
  /** What plays, from the samples that ffmpeg decodes or the encoder was given. */
  readonly playsMs: number
  /** ffprobe's duration, which may count the encoder's delay and padding. */
  readonly probedMs?: number
  /** By how much the two may differ: what encoders put around the sound. */
  readonly aroundMs?: number
}

const mp3 = { format: 'mp3', playsMs: 1_200 } as const
const opus = { format: 'opus', playsMs: 1_200 } as const
const fixtures: readonly Fixture[] = [
  { name: 'pcm16.wav', format: 'wav', playsMs: 900, probedMs: 900 },
  { name: 'streamed.wav', format: 'wav', playsMs: 900, probedMs: 900 },
  { name: 'float32.wav', format: 'wav', playsMs: 600, probedMs: 600 },
  { name: 'extensible.wav', format: 'wav', playsMs: 500, probedMs: 500 },
  { name: 'cbr.mp3', ...mp3, probedMs: 1_227.755, aroundMs: 2 * (1_152 / 44.1) },
  { name: 'vbr.mp3', ...mp3, probedMs: 1_227.755, aroundMs: 2 * (1_152 / 44.1) },
  { name: 'mpeg2.mp3', ...mp3, probedMs: 1_253.878, aroundMs: 3 * (576 / 22.05) },
  { name: 'mpeg25.mp3', ...mp3, probedMs: 1_306.122, aroundMs: 3 * (576 / 11.025) },
  { name: 'bare.mp3', format: 'mp3', playsMs: 1_227.755, probedMs: 1_227.75 },
  { name: 'opus-2.5ms.ogg', ...opus, probedMs: 1_202.5, aroundMs: 2.5 },
  { name: 'opus-20ms.ogg', ...opus, probedMs: 1_206.5, aroundMs: 6.5 },
  { name: 'opus-60ms.ogg', ...opus, probedMs: 1_206.5, aroundMs: 6.5 },
  { name: 'plain.webm', format: 'webm', playsMs: 1_200, probedMs: 1_208, aroundMs: 8 },
  { name: 'live.webm', format: 'webm', playsMs: 1_200 },
  { name: 'moov-last.m4a', format: 'mp4', playsMs: 1_200, probedMs: 1_200 },
  { name: 'faststart.m4a', format: 'mp4', playsMs: 1_200, probedMs: 1_200 },
  { name: 'fragmented.m4a', format: 'mp4', playsMs: 1_223.22, probedMs: 1_223.22 },
  { name: 'delay-moov.m4a', format: 'mp4', playsMs: 1_200, probedMs: 1_223.22, aroundMs: 1_024 / 44.1 },
]

function measure(format: AudioFormat, bytes: Uint8Array, sizeOf: () => number = () => bytes.length) {
  const meter = audioMeter(format)
  for (let at = 0; at < bytes.length;) {
    const size = Math.max(1, sizeOf())
    meter.push(bytes.slice(at, at + size))
    at += size
  }
  return { durationMs: meter.durationMs(), isWhole: meter.isWhole() }
}

/** The same numbers below `limit` on each run. */
function numbers(seed = 1) {
  let state = seed
  return (limit: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}

describe.each(fixtures)('$name', ({ name, format, playsMs, probedMs, aroundMs = 0 }) => {
  const bytes = read(name)

  it('is known by its first bytes', () => {
    expect(formatOf(bytes.subarray(0, formatHeadBytes))).toBe(format)
    expect(formatOf(bytes)).toBe(format)
  })

  it('is whole and lasts as long as it plays, however it is pushed', () => {
    const measured = measure(format, bytes)
    const next = numbers()
    expect(measured.isWhole).toBe(true)
    expect(Math.abs((measured.durationMs ?? NaN) - playsMs)).toBeLessThan(0.05)
    expect(measure(format, bytes, () => 1)).toEqual(measured)
    for (const limit of [7, 300, 5_000]) expect(measure(format, bytes, () => next(limit))).toEqual(measured)
  })

  it.runIf(probedMs)('lasts as ffprobe says, but for what the encoder put around the sound', () => {
    const difference = (probedMs ?? 0) - (measure(format, bytes).durationMs ?? NaN)
    expect(difference).toBeGreaterThanOrEqual(-1)
    expect(difference).toBeLessThanOrEqual(aroundMs + 1)
  })

  it('never throws and never claims to last long when one byte is another', () => {
    const next = numbers()
    for (let round = 0; round < 2_000 / fixtures.length; round += 1) {
      const mutated = bytes.slice()
      mutated[next(2) === 0 ? next(bytes.length) : next(200)] = next(256)
      const { durationMs } = measure(format, mutated, () => 1 + next(9_000))
      expect(durationMs === undefined || durationMs >= 0).toBe(true)
    }
  })
})

/** Where a container has an end of its own, or says how long it is. */
const ended = fixtures.filter(
  ({ name }) => !['streamed.wav', 'bare.mp3', 'live.webm', 'delay-moov.m4a', 'fragmented.m4a'].includes(name),
)

describe.each(ended)('a cut $name', ({ name, format, playsMs }) => {
  const bytes = read(name)
  const cuts = [...Array.from({ length: 120 }, (_, at) => Math.floor((at * bytes.length) / 120)), bytes.length - 1]

  it('is never whole, nor longer than the whole', () => {
    const measured = cuts.map((cut) => measure(format, bytes.subarray(0, cut), () => 3_000))
    expect(cuts.filter((_, at) => measured[at]?.isWhole)).toEqual([])
    expect(measured.filter(({ durationMs = 0 }) => durationMs > playsMs + 65)).toEqual([])
  })
})

describe('what says nothing of its end', () => {
  it('a WAV from a stream ends wherever a sample does', () => {
    const bytes = read('streamed.wav')
    expect(measure('wav', bytes.subarray(0, 78 + 3_200))).toEqual({ durationMs: 100, isWhole: true })
    expect(measure('wav', bytes.subarray(0, 78 + 3_201))).toEqual({ durationMs: 100, isWhole: false })
  })

  it.each([
    ['bare.mp3', 'mp3', 12],
    ['live.webm', 'webm', 12],
    ['fragmented.m4a', 'mp4', 4],
    ['delay-moov.m4a', 'mp4', 4],
  ] as const)('%s is whole when it is cut between two parts, and only then', (name, format, most) => {
    const bytes = read(name)
    const cuts = Array.from({ length: 300 }, (_, at) => Math.floor((at * bytes.length) / 300))
    expect(cuts.filter((cut) => measure(format, bytes.subarray(0, cut)).isWhole).length).toBeLessThan(most)
  })
})

const joined = (...parts: readonly (string | readonly number[] | Uint8Array)[]) =>
  new Uint8Array(
    Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part)))),
  )

describe('what vendors and writers do', () => {
  const cbr = read('cbr.mp3')
  const bare = read('bare.mp3')
  const second = mp3FrameOf(bare, 0)?.bytes ?? 0
  const third = second + (mp3FrameOf(bare, second)?.bytes ?? 0)
  const ogg = read('opus-20ms.ogg')
  const wav = read('pcm16.wav')
  const samples = wav.subarray(78)
  const header = (riff: readonly number[], data: readonly number[]) =>
    joined('RIFF', riff, 'WAVEfmt ', [16, 0, 0, 0], wav.subarray(20, 36), 'data', data)
  const [zero, most, some] = [
    [0, 0, 0, 0],
    [0, 0xf0, 0xff, 0x7f],
    [36 + 32, 0, 0, 0],
  ]

  it.each([
    [
      'an APE tag and an ID3v1 tag behind an MP3',
      'mp3',
      joined(cbr, 'APETAGEX', [...Array(4).fill(0), 32], Array(19).fill(0), 'TAG', Array(125).fill(32)),
      1_200,
    ],
    [
      'junk between the frames of an MP3',
      'mp3',
      joined(bare.subarray(0, third), 'x'.repeat(500), [0xff, 0xfb], bare.subarray(third)),
      1_227.755,
    ],
    ['one frame of an MP3', 'mp3', bare.subarray(0, second), 1_152 / 44.1],
    ['two Ogg streams in a chain', 'opus', joined(ogg, ogg), 2_400],
    ['WAV sizes of 0', 'wav', joined(header(zero, zero), samples), 900],
    ['WAV sizes just below 2 GiB', 'wav', joined(header(most, most), samples), 900],
    [
      'a chunk behind an odd number of bytes',
      'wav',
      joined(header(some, [7, 0, 0, 0]), 'abcdefg', [0], 'LIST', [16, 0, 0, 0], 'x'.repeat(16)),
      3 / 16,
    ],
    ['an odd number of bytes without its padding', 'wav', joined(header(zero, [7, 0, 0, 0]), 'abcdefg'), 3 / 16],
  ] as const)('%s', (_name, format, bytes, milliseconds) => {
    const measured = measure(format, bytes, () => 100)
    expect(measured.isWhole).toBe(true)
    expect(Math.abs((measured.durationMs ?? NaN) - milliseconds)).toBeLessThan(0.05)
  })

  it('a WebM of clusters whose length is unknown, as browsers record it', () => {
    const cluster = Buffer.from([0x1f, 0x43, 0xb6, 0x75]).toString('latin1')
    // Each cluster's length takes two bytes in the fixture.
    const [head = '', ...clusters] = Buffer.from(read('live.webm')).toString('latin1').split(cluster)
    const unknown = clusters.map((one) => `${cluster}\u{01}${'\u{FF}'.repeat(7)}${one.slice(2)}`)
    expect(clusters.length).toBe(4)
    expect(measure('webm', joined(head, ...unknown), () => 50)).toEqual({ durationMs: 1_200, isWhole: true })
  })

  it('an MP4 cut between a fragment’s header and its media is not whole', () => {
    const bytes = read('fragmented.m4a')
    const media = Buffer.from(bytes).lastIndexOf('mdat') - 4
    expect(measure('mp4', bytes.subarray(0, media)).isWhole).toBe(false)
  })

  it('a chunk that is missing behind the sound makes a WAV not whole', () => {
    const cut = joined(header(some, [7, 0, 0, 0]), 'abcdefg', [0])
    expect(measure('wav', cut)).toEqual({ durationMs: 3 / 16, isWhole: false })
  })

  it('an Ogg stream without its last page still lasts', () => {
    const lastPage = Buffer.from(ogg).lastIndexOf('OggS')
    const { durationMs, isWhole } = measure('opus', ogg.subarray(0, lastPage))
    expect([isWhole, (durationMs ?? 0) % 10, (durationMs ?? 0) > 500]).toEqual([false, 3.5, true])
  })

  it('an Ogg stream that starts late counts from where it starts', () => {
    const late = ogg.slice()
    const view = new DataView(late.buffer)
    for (let at = 0; (at = Buffer.from(late).indexOf('OggS', at)) >= 0; at += 1) {
      const granule = view.getBigInt64(at + 6, true)
      if (granule > 0n) view.setBigInt64(at + 6, granule + 480_000n, true)
    }
    expect(measure('opus', late)).toEqual({ durationMs: 1_200, isWhole: true })
  })
})

describe('hostile bytes', () => {
  const next = numbers()
  const megabytes = 4 * 2 ** 20
  const words = (...pattern: readonly number[]) =>
    new Uint8Array(megabytes).map((_, at) => pattern[at % pattern.length] ?? 0)
  const heaps = {
    zeros: words(0),
    ones: words(0xff),
    random: words(0).map(() => next(256)),
    'headers of frames that are none': words(0xff, 0xfb, 0x90, 0),
    'tags that claim to be long': words(0x49, 0x44, 0x33, 4, 0, 0, 0xff, 0xff, 0xff, 0xff),
  }

  it.each(Object.entries(heaps))('%s are no audio', (_name, heap) => {
    for (const format of audioFormats) {
      const unlike = { durationMs: undefined, isWhole: false }
      expect(measure(format, heap, () => 60_000)).toEqual(unlike)
    }
  })

  it.each(fixtures)('$name and then zeros, or with its middle gone, is read to its end', ({ name, format }) => {
    const bytes = read(name)
    const torn = joined(bytes.subarray(0, bytes.length / 2), heaps.random.subarray(0, 200_000), bytes)
    for (const one of [joined(bytes, heaps.zeros.subarray(0, 100_000)), torn]) {
      const { durationMs } = measure(format, one, () => 5_000)
      expect(durationMs === undefined || Number.isFinite(durationMs)).toBe(true)
    }
  })

  it.each([
    ['a moov longer than is read', joined([0, 0, 0, 8], 'ftyp', [0, 0x50, 0, 0], 'moov')],
    ['boxes of no size', joined([0, 0, 0, 8], 'ftyp', [0, 0, 0, 1], 'free', Array(8).fill(0), [0, 0, 0, 1], 'free')],
    ['a moov of boxes of no size', joined([0, 0, 0, 8], 'ftyp', [0, 0, 1, 0], 'moov', Array(248).fill(0))],
  ])('%s', (_name, bytes) => {
    expect(measure('mp4', joined(bytes, heaps.zeros))).toEqual({ durationMs: undefined, isWhole: false })
  })
})

describe('what is no audio', () => {
  it.each([
    ['nothing', ''],
    ['one byte', '\u{FF}'],
    ['three bytes of a frame', '\u{FF}\u{FB}\u{90}'],
    ['text', 'Good morning, how are you today? This is a text of some length, not sound.'],
    ['UTF-16', '\u{FF}\u{FE}G\0o\0o\0d\0'],
    ['HTML', '<!doctype html><html><head><title>Good morning</title></head></html>'],
    ['PNG', '\u{89}PNG\r\n\u{1A}\n\0\0\0\rIHDR'],
    ['AAC in ADTS', '\u{FF}\u{F1}\u{50}\u{80}\u{01}\u{1F}\u{FC}'],
    ['another RIFF', 'RIFF\0\0\0\0AVI LIST'],
    ['half of a RIFF', 'RIFF\0\0\0\0WA'],
    ['Vorbis in Ogg', `OggS\0\u{2}${'\0'.repeat(20)}\u{1}\u{1E}\u{1}vorbis`],
    ['Matroska', '\u{1A}\u{45}\u{DF}\u{A3}\u{93}\u{42}\u{82}\u{88}matroska'],
  ])('%s', (_name, text) => {
    expect(formatOf(Uint8Array.from(text, (character) => character.codePointAt(0) ?? 0))).toBe(undefined)
  })

  it('every format has a content type', () => {
    expect(audioFormats.map((format) => contentTypeOf[format])).toEqual([
      'audio/wav',
      'audio/mpeg',
      'audio/ogg',
      'audio/webm',
      'audio/mp4',
    ])
  })
})
