import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { spokenLine } from '#src/speech/spoken-line.ts'
import type { SpokenLine } from '#src/speech/spoken-line.ts'
import type { SpeechTiming } from '#src/speech/timing.ts'
import { makeTrack, visemes } from '#src/speech/track.ts'
import type { Track } from '#src/speech/track.ts'

const lineOf = (text: string): SpokenLine => ({ text, cues: [] })
const namesOf = (track: Track) => track.visemes.map(({ v }) => v)

/** A character each `each` milliseconds, as a vendor that spoke this text says. */
const characters = (text: string, each: number): SpeechTiming => ({
  kind: 'characters',
  characters: Array.from(text, (one, index) => ({ text: one, startMs: index * each, endMs: (index + 1) * each })),
})

/** Phonemes of 100 ms each. */
const phonemes = (written: string): SpeechTiming => ({
  kind: 'phonemes',
  phonemes: written.split(' ').map((phoneme, index) => ({ phoneme, startMs: index * 100, endMs: index * 100 + 100 })),
})

function expectWhole(track: Track, text: string, durationMs: number): void {
  let at = 0
  for (const [index, { t, d, v, w }] of track.visemes.entries()) {
    expect([t, Number.isInteger(d), d > 0, visemes.includes(v)]).toEqual([at, true, true, true])
    expect(track.visemes[index - 1]?.v).not.toBe(v)
    expect([w >= 0 && w <= 1, Math.round(w * 100) / 100, v !== 'sil' || w === 0]).toEqual([true, w, true])
    at += d
  }
  expect(at).toBe(durationMs)
  let [end, from] = [0, 0]
  for (const { t, d, text: word } of track.words) {
    expect([Number.isInteger(t), Number.isInteger(d), t >= end, d >= 0, t + d <= durationMs]).toEqual(
      Array(5).fill(true),
    )
    end = t + d
    const place = text.indexOf(word, from)
    expect(text.slice(from, place).trim()).toBe('')
    from = place + word.length
  }
  expect(text.slice(from).trim()).toBe('')
  expect(track.emotions[0]?.t).toBe(0)
  for (const [index, { t, expression }] of track.emotions.entries()) {
    expect(t).toBeLessThanOrEqual(durationMs)
    expect(index === 0 || t > (track.emotions[index - 1]?.t ?? 0)).toBe(true)
    expect(track.emotions[index - 1]?.expression).not.toBe(expression)
  }
}

describe('the words of a track', () => {
  it.each([
    ['Hello, “big” world!', ['Hello,', '“big”', 'world!']],
    ['Wait — what?', ['Wait', '—', 'what?']],
    ['私は元気です。「東京」です', ['私', 'は', '元気', 'です。', '「東京」', 'です']],
    ['我喜欢北京。', ['我', '喜欢', '北京。']],
    ['안녕하세요 세계!', ['안녕하세요', '세계!']],
    ['สวัสดีครับ ดี', ['สวัสดี', 'ครับ', 'ดี']],
  ])('are those a person sees: %s', (text, words) => {
    expect(makeTrack(lineOf(text), undefined, 2_000).words.map((word) => word.text)).toEqual(words)
  })

  it('take the vendor’s times where characters are told', () => {
    const track = makeTrack(lineOf('Hi you all'), characters('Hi you all', 100), 1_100)
    expect(track.words).toEqual([
      { t: 0, d: 200, text: 'Hi' },
      { t: 300, d: 300, text: 'you' },
      { t: 700, d: 300, text: 'all' },
    ])
    expect(track.source).toBe('provider')
  })

  it('are found where the vendor wrote numbers out', () => {
    const track = makeTrack(lineOf('Buy 42 apples'), characters('Buy forty-two apples', 100), 2_000)
    expect(track.words).toEqual([
      { t: 0, d: 300, text: 'Buy' },
      { t: 300, d: 1_100, text: '42' },
      { t: 1_400, d: 600, text: 'apples' },
    ])
  })

  it('are laid over the vendor’s phonemes, with pauses between them', () => {
    const track = makeTrack(lineOf('Hello, world.'), phonemes('pau hh ax l ow pau w er l d pau'), 1_100)
    expect(track.words).toEqual([
      { t: 100, d: 400, text: 'Hello,' },
      { t: 600, d: 400, text: 'world.' },
    ])
    expect(track.source).toBe('aligned')
  })

  it('rest behind punctuation where times are guessed, and fill the audio', () => {
    const track = makeTrack(lineOf('Stop. Now go'), undefined, 3_000)
    const [stop, now, go] = track.words
    expect((now?.t ?? 0) - (stop?.d ?? 0)).toBeGreaterThan(400)
    expect(go?.t).toBe((now?.t ?? 0) + (now?.d ?? 0))
    expect((go?.t ?? 0) + (go?.d ?? 0)).toBe(3_000)
    expect(track.source).toBe('estimated')
  })
})

describe('the mouth of a track', () => {
  it('is exactly the vendor’s phonemes, diphthongs in two halves', () => {
    const track = makeTrack(lineOf('My boat'), phonemes('pau m ay b ow t h#'), 700)
    expect(track.visemes).toEqual([
      { t: 0, d: 200, v: 'sil', w: 0 },
      { t: 200, d: 50, v: 'aa', w: 1 },
      { t: 250, d: 50, v: 'ih', w: 0.6 },
      { t: 300, d: 100, v: 'sil', w: 0 },
      { t: 400, d: 50, v: 'oh', w: 0.9 },
      { t: 450, d: 50, v: 'ou', w: 0.6 },
      { t: 500, d: 100, v: 'ih', w: 0.2 },
      { t: 600, d: 100, v: 'sil', w: 0 },
    ])
  })

  it('follows the letters of the vendor’s characters and closes in its pauses', () => {
    const track = makeTrack(lineOf('ma, bo'), characters('ma, bo', 100), 600)
    expect(track.visemes).toEqual([
      { t: 0, d: 100, v: 'sil', w: 0 },
      { t: 100, d: 100, v: 'aa', w: 1 },
      { t: 200, d: 300, v: 'sil', w: 0 },
      { t: 500, d: 100, v: 'oh', w: 0.9 },
    ])
  })

  it.each([
    ['Latin', 'mama bubu', ['sil', 'aa', 'sil', 'aa', 'sil', 'ou', 'sil', 'ou']],
    ['hiragana', 'かもめ', ['aa', 'sil', 'oh', 'sil', 'ee']],
    ['katakana', 'カモメ', ['aa', 'sil', 'oh', 'sil', 'ee']],
    ['Hangul', '나무', ['aa', 'sil', 'ou']],
    ['Cyrillic', 'мама', ['sil', 'aa', 'sil', 'aa']],
    ['Greek', 'πάμε', ['sil', 'aa', 'sil', 'ee']],
  ])('has the vowels of %s', (_script, text, mouth) => {
    expect(namesOf(makeTrack(lineOf(text), undefined, 1_000))).toEqual(mouth)
  })

  it.each(['مرحبا بك', 'สวัสดี', '你好吗', 'नमस्ते', '42', 'שלום'])('opens for any script: %s', (text) => {
    expect(namesOf(makeTrack(lineOf(text), undefined, 1_000)).some((v) => v !== 'sil')).toBe(true)
  })

  it('does not flicker', () => {
    const track = makeTrack(lineOf('a very quick line of many sounds'), undefined, 300)
    expect(track.visemes.every(({ d }) => d >= 30)).toBe(true)
  })
})

describe('the emotions of a track', () => {
  it('begin with neutral, and change with the word behind each cue', () => {
    const track = makeTrack(
      spokenLine('Hi there 😊 you 😊 and *sighs* me 😮'),
      characters('Hi there you and me', 100),
      2_000,
    )
    expect(track.emotions).toEqual([
      { t: 0, expression: 'neutral', weight: 1 },
      { t: 900, expression: 'happy', weight: 1 },
      { t: 1_700, expression: 'sad', weight: 1 },
      { t: 1_900, expression: 'surprised', weight: 1 },
    ])
  })

  it('begin with a cue at the start, even where the voice begins later', () => {
    const track = makeTrack(spokenLine('😢 *smiles* Hi'), phonemes('pau hh ay'), 300)
    expect(track.emotions).toEqual([{ t: 0, expression: 'happy', weight: 1 }])
  })
})

describe('a track', () => {
  it('of no length has words at 0 and no mouth', () => {
    for (const duration of [0, -5, Number.NaN, Infinity]) {
      expect(makeTrack(lineOf('Hi you'), characters('Hi you', 100), duration)).toMatchObject({
        words: [
          { t: 0, d: 0, text: 'Hi' },
          { t: 0, d: 0, text: 'you' },
        ],
        visemes: [],
      })
    }
  })

  it('of no text is silence', () => {
    expect(makeTrack(lineOf(''), undefined, 500)).toEqual({
      words: [],
      visemes: [{ t: 0, d: 500, v: 'sil', w: 0 }],
      emotions: [{ t: 0, expression: 'neutral', weight: 1 }],
      source: 'estimated',
    })
  })

  it.each<[string, SpeechTiming]>([
    ['nothing', { kind: 'characters', characters: [] }],
    ['silence', phonemes('pau pau h#')],
    ['no numbers', { kind: 'phonemes', phonemes: [{ phoneme: 'aa', startMs: Number.NaN, endMs: Number.NaN }] }],
    ['times far beyond', { kind: 'phonemes', phonemes: [{ phoneme: 'aa', startMs: 1e9, endMs: 2e9 }] }],
    ['another text', characters('zzzz qqqq', 50)],
  ])('is guessed where the vendor tells %s', (_what, timing) => {
    const track = makeTrack(lineOf('Hello big world'), timing, 1_000)
    expect(track).toEqual(makeTrack(lineOf('Hello big world'), undefined, 1_000))
  })

  const time = fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 4_000 }) },
    { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Infinity, -Infinity, -100, 1e12, 0.5) },
  )
  const word = fc.constantFrom(
    'Hello,',
    'you!',
    '42',
    '—',
    '私は',
    '元気です。',
    '안녕',
    'мир',
    'สวัสดีครับ',
    '"',
    'naïve',
    'x',
  )
  const text = fc.oneof(
    fc.array(word, { maxLength: 12 }).map((words) => spokenLine(words.join(' ')).text),
    fc.string({ unit: 'grapheme', maxLength: 30 }).map((written) => spokenLine(written).text),
  )
  const stretches = (longest: number) =>
    fc.array(fc.tuple(time, time), { maxLength: longest }).map((pairs) =>
      // Half of the vendors are sane.
      pairs.length % 2 === 0
        ? pairs
        : pairs
            .flat()
            .toSorted((a, b) => a - b)
            .map((at, index, all): [number, number] => [at, all[index + 1] ?? at]),
    )
  const phonemeNames = ['pau', 'h#', 'hh', 'ax', 'l', 'ow', 'ay', 'm', 'zz?', '']
  const timing = fc
    .tuple(text, stretches(40), fc.constantFrom('characters', 'phonemes', 'none'))
    .map(([line, times, kind]) => {
      const spoken = Array.from(line)
      const given: SpeechTiming | undefined =
        kind === 'none'
          ? undefined
          : kind === 'characters'
            ? {
                kind,
                characters: times.map(([startMs, endMs], index) => ({ text: spoken[index] ?? ' ', startMs, endMs })),
              }
            : {
                kind: 'phonemes',
                phonemes: times.map(([startMs, endMs], index) => ({
                  phoneme: phonemeNames[index % 10] ?? '',
                  startMs,
                  endMs,
                })),
              }
      return { line, given }
    })

  it('is whole for any text, timing and duration, and always the same', () => {
    const sources = new Set<string>()
    const cue = fc.record({
      at: fc.nat(40),
      expression: fc.constantFrom('happy' as const, 'sad' as const, 'neutral' as const),
    })
    fc.assert(
      fc.property(timing, fc.nat(5_000), fc.array(cue, { maxLength: 4 }), ({ line, given }, durationMs, cues) => {
        const track = makeTrack({ text: line, cues }, given, durationMs)
        expectWhole(track, line, durationMs)
        expect(makeTrack({ text: line, cues }, given, durationMs)).toEqual(track)
        sources.add(track.source)
      }),
      { seed: 11, numRuns: 250 },
    )
    expect([...sources].toSorted()).toEqual(['aligned', 'estimated', 'provider'])
  })

  it('of 3,000 characters that hardly match takes no more than a moment', async () => {
    const line = lineOf('abc def ghi '.repeat(250).trim())
    const given = characters('abx dey gzi '.repeat(250), 60)
    await scheduler.wait(1)
    const start = performance.now()
    expectWhole(makeTrack(line, given, 180_000), line.text, 180_000)
    await scheduler.wait(1)
    expect(performance.now() - start).toBeLessThan(1_500)
  })
})
