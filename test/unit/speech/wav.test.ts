import { describe, expect, it } from 'vitest'
import { wavDurationMs } from '#src/speech/wav.ts'

const ascii = (text: string) => new TextEncoder().encode(text)

function bytesOf(...parts: (string | number | Uint8Array)[]): Uint8Array {
  const pieces = parts.map((part) => {
    if (typeof part === 'string') return ascii(part)
    if (typeof part !== 'number') return part
    const word = new Uint8Array(4)
    new DataView(word.buffer).setUint32(0, part, true)
    return word
  })
  return new Uint8Array(Buffer.concat(pieces))
}

interface Wish {
  readonly bytesPerSecond?: number
  /** What the header says of the sound's length; the truth unless it is named. */
  readonly declaredBytes?: number
  readonly before?: Uint8Array
  readonly after?: Uint8Array
}

/** PCM, mono, 16 bits, in a header of the usual form. */
function wav(pcmBytes: number, { bytesPerSecond = 32_000, declaredBytes, before, after }: Wish = {}): Uint8Array {
  const format = bytesOf(
    'fmt ',
    16,
    new Uint8Array([1, 0, 1, 0]),
    bytesPerSecond / 2,
    bytesPerSecond,
    new Uint8Array([2, 0, 16, 0]),
  )
  const data = bytesOf('data', declaredBytes ?? pcmBytes, new Uint8Array(pcmBytes))
  return bytesOf('RIFF', 0, 'WAVE', before ?? new Uint8Array(), format, after ?? new Uint8Array(), data)
}

describe('the play time of a WAV file', () => {
  it.each([
    ['a second', wav(32_000), 1_000],
    ['half of a second', wav(16_000), 500],
    ['a second at 8 kHz', wav(16_000, { bytesPerSecond: 16_000 }), 1_000],
    ['a third of a second, rounded', wav(10_667), 333],
    ['no sound', wav(0), 0],
    ['a length that a stream could not know', wav(32_000, { declaredBytes: 0xff_ff_ff_ff }), 1_000],
    ['sound that is cut', wav(16_000, { declaredBytes: 32_000 }), 500],
    ['sound with something behind it', bytesOf(wav(32_000), 'LIST', 2, 'ab'), 1_000],
    ['a chunk before the format', wav(32_000, { before: bytesOf('JUNK', 4, 'abcd') }), 1_000],
    ['a chunk of odd length before the sound', wav(32_000, { after: bytesOf('LIST', 3, 'abc\0') }), 1_000],
  ])('of %s', (_name, file, milliseconds) => {
    expect(wavDurationMs(file)).toBe(milliseconds)
  })

  it('is found in a part of a larger buffer', () => {
    const file = wav(32_000)
    const larger = new Uint8Array(file.length + 7)
    larger.set(file, 7)
    expect(wavDurationMs(larger.subarray(7))).toBe(1_000)
  })

  it.each([
    ['nothing', new Uint8Array()],
    ['another thing', ascii('x'.repeat(100))],
    ['another RIFF', bytesOf('RIFF', 0, 'AVI ', new Uint8Array(100))],
    ['half of a header', wav(32_000).subarray(0, 40)],
    ['sound without a format', bytesOf('RIFF', 0, 'WAVE', 'data', 32_000, new Uint8Array(32_000))],
    ['a format without sound', bytesOf('RIFF', 0, 'WAVE', 'fmt ', 16, new Uint8Array(16), 'LIST', 4, 'abcd')],
    ['no bytes in a second', wav(32_000, { bytesPerSecond: 0 })],
    ['a chunk longer than the file', wav(0, { after: bytesOf('JUNK', 0xff_ff_ff_ff) })],
    ['an MP3', bytesOf('ID3', new Uint8Array(100).fill(0xff))],
  ])('of %s is unknown', (_name, file) => {
    expect(wavDurationMs(file)).toBe(undefined)
  })
})
