import { describe, expect, it } from 'vitest'
import { audioFormats, contentTypeOf, formatHeadBytes, formatOf } from '#src/speech/audio-format.ts'
import { headsOfNoAudio, vendorsCases, wavHeader } from '#test/fixtures/audio/cases.ts'
import { fixtures, joined, measure, numbers, patched, read } from '#test/fixtures/audio/fixtures.ts'

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
  ({ name }) =>
    !['streamed.wav', 'bare.mp3', 'opus-no-end.ogg', 'live.webm', 'delay-moov.m4a', 'fragmented.m4a'].includes(name),
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
    ['opus-no-end.ogg', 'opus', 9],
    ['live.webm', 'webm', 12],
    ['fragmented.m4a', 'mp4', 4],
    ['delay-moov.m4a', 'mp4', 4],
  ] as const)('%s is whole when it is cut between two parts, and only then', (name, format, most) => {
    const bytes = read(name)
    const cuts = Array.from({ length: 300 }, (_, at) => Math.floor((at * bytes.length) / 300))
    expect(cuts.filter((cut) => measure(format, bytes.subarray(0, cut)).isWhole).length).toBeLessThan(most)
  })
})

describe('what vendors and writers do', () => {
  const ogg = read('opus-20ms.ogg')

  it.each(vendorsCases)('%s', (_name, format, bytes, milliseconds) => {
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
    const cut = joined(wavHeader([36 + 32, 0, 0, 0], [7, 0, 0, 0]), 'abcdefg', [0])
    expect(measure('wav', cut)).toEqual({ durationMs: 3 / 16, isWhole: false })
  })

  it('an Ogg stream without its last page still lasts', () => {
    const lastPage = Buffer.from(ogg).lastIndexOf('OggS')
    const { durationMs, isWhole } = measure('opus', ogg.subarray(0, lastPage))
    expect([isWhole, (durationMs ?? 0) % 10, (durationMs ?? 0) > 500]).toEqual([true, 3.5, true])
  })

  it('an Ogg stream without a mark of its end is whole exactly where a page of sound ends', () => {
    const unmarked = read('opus-no-end.ogg')
    const starts = [...Buffer.from(unmarked).toString('latin1').matchAll(/OggS/g)].map(({ index }) => index)
    const wholes = Array.from({ length: unmarked.length + 1 }, (_, cut) => cut).filter(
      (cut) => measure('opus', unmarked.subarray(0, cut)).isWhole,
    )
    expect(starts.length).toBe(9)
    expect(wholes).toEqual([...starts.slice(3), unmarked.length])
  })

  it('an Ogg stream behind one without a mark of its end counts as well', () => {
    const chained = joined(read('opus-no-end.ogg'), ogg)
    expect(measure('opus', chained)).toEqual({ durationMs: 2_400, isWhole: true })
    expect(measure('opus', chained.subarray(0, chained.length - 1)).isWhole).toBe(false)
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

describe('what is not only sound, or none', () => {
  const refused = { durationMs: undefined, isWhole: false }
  const webm = read('plain.webm')

  it.each([
    ['video.mp4', 'mp4'],
    ['video-only.mp4', 'mp4'],
    ['video-fragmented.mp4', 'mp4'],
    ['video.webm', 'webm'],
  ] as const)('%s has no duration', (name, format) => {
    const bytes = read(name)
    expect(formatOf(bytes)).toBe(format)
    expect(measure(format, bytes)).toEqual(refused)
    expect(measure(format, bytes, () => 1)).toEqual(refused)
  })

  it.each(['moov-last.m4a', 'faststart.m4a', 'fragmented.m4a', 'delay-moov.m4a'])(
    '%s whose track is of another kind has no duration',
    (name) => {
      const handler = read(name)
      expect(measure('mp4', patched(handler, 'hdlr', 12, [...Buffer.from('text')]))).toEqual(refused)
      expect(measure('mp4', patched(handler, 'hdlr', 0, [...Buffer.from('free')]))).toEqual(refused)
    },
  )

  it('a WebM without a block of sound has no duration, whatever its header says', () => {
    const clusterAt = Buffer.from(webm).indexOf(Buffer.from([0x1f, 0x43, 0xb6, 0x75]))
    expect(Buffer.from(webm).indexOf(Buffer.from([0x44, 0x89, 0x88]))).toBeLessThan(clusterAt)
    expect(measure('webm', webm.subarray(0, clusterAt))).toEqual(refused)
  })

  it('a WebM whose blocks are of no track of sound has no duration', () => {
    const trackType = Buffer.from([0x83, 0x81, 0x02]).toString('latin1')
    const subtitles = Buffer.from(webm).toString('latin1').replace(trackType, '\u{83}\u{81}\u{11}')
    expect(measure('webm', joined(subtitles))).toEqual(refused)
  })
})

describe('an MP4 whose header says one thing and its samples another', () => {
  const hour = 3_600
  const bytes = read('moov-last.m4a')
  const word = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff)
  /** `stts` is its version, the count of entries, and then how many samples and how long each. */
  const hourOfSamples = patched(bytes, 'stts', 12, [...word(hour), ...word(44_100)])

  it('lasts as long as its samples, less the encoder’s delay', () => {
    const { durationMs = 0, isWhole } = measure('mp4', hourOfSamples)
    expect(isWhole).toBe(true)
    expect(Math.abs(durationMs - hour * 1_000)).toBeLessThan(1_024 / 44.1)
  })

  it('lasts as its header says where that is longer', () => {
    expect(measure('mp4', patched(bytes, 'mvhd', 20, word(hour * 1_000))).durationMs).toBe(hour * 1_000)
  })

  it('lasts as its samples do where the header says nothing', () => {
    const unknown = patched(bytes, 'mvhd', 20, word(0xff_ff_ff_ff))
    expect(Math.abs((measure('mp4', unknown).durationMs ?? 0) - 1_200)).toBeLessThan(0.05)
  })

  it('lasts no shorter for an edit that skips most of it', () => {
    const skipping = patched(hourOfSamples, 'elst', 16, word((hour - 1) * 44_100))
    expect(measure('mp4', skipping).durationMs).toBeGreaterThan((hour - 1) * 1_000)
  })

  it('skips no more than the earliest of its edits', () => {
    const end = Buffer.from(bytes).indexOf('elst') + 24
    const edit = [...word(1), ...word(0), ...word(0x1_00_00)]
    let edited: Uint8Array = joined(bytes.subarray(0, end), edit, bytes.subarray(end))
    for (const [type, size] of Object.entries({ moov: 987, trak: 773, edts: 48, elst: 40 })) {
      edited = patched(edited, type, -4, word(size))
    }
    expect(measure('mp4', edited).durationMs).toBe(1_200)
    const { durationMs = 0, isWhole } = measure('mp4', patched(edited, 'elst', 8, word(2)))
    expect(isWhole).toBe(true)
    expect(Math.abs(durationMs - 1_223.22)).toBeLessThan(0.05)
  })

  it.each([3, 1_000, 0xff_ff_ff_ff])('is refused with room for 2 entries and a count of %d', (count) => {
    expect(measure('mp4', patched(bytes, 'stts', 8, word(count)))).toEqual({ durationMs: undefined, isWhole: false })
  })

  it('is refused without a sample', () => {
    expect(measure('mp4', patched(bytes, 'stts', 8, word(0))).durationMs).toBe(undefined)
    expect(measure('mp4', patched(bytes, 'stts', 0, [...Buffer.from('free')])).durationMs).toBe(undefined)
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
  it.each(headsOfNoAudio)('%s', (_name, text) => {
    expect(formatOf(Uint8Array.from(text, (character) => character.codePointAt(0) ?? 0))).toBe(undefined)
  })

  it('but a brand of images behind the brands says nothing', () => {
    expect(formatOf(joined([0, 0, 0, 20], 'ftypM4A ', [0, 0, 0, 0], 'isomheic'))).toBe('mp4')
    expect(formatOf(joined([0, 0, 0, 20], 'ftypM4A mif1isom'))).toBe('mp4')
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
