import { mp3FrameOf } from '#src/speech/meters/mp3-frame.ts'

/** What speech is made as; `opus` is Opus in Ogg. */
export const speechFormats = ['wav', 'mp3', 'opus'] as const
/** What an upload may be: those, and what browsers record. */
export const audioFormats = ['wav', 'mp3', 'opus', 'webm', 'mp4'] as const

export type SpeechFormat = (typeof speechFormats)[number]
export type AudioFormat = (typeof audioFormats)[number]

export const contentTypeOf: Readonly<Record<AudioFormat, string>> = {
  wav: 'audio/wav',
  mp3: 'audio/mpeg',
  opus: 'audio/ogg',
  webm: 'audio/webm',
  mp4: 'audio/mp4',
}

/** `formatOf` looks at no more than so many bytes. */
export const formatHeadBytes = 64

/**
 * The format of audio by its first bytes, whatever it is called; undefined where they are of none. It needs
 * `formatHeadBytes` of them unless the audio is shorter. MP3 is an ID3v2 tag or one frame header of layer III whose
 * fields are all allowed; WebM needs its doctype, Ogg an Opus header as the first packet; MP4 may have no brand of images.
 */
export function formatOf(head: Uint8Array): AudioFormat | undefined {
  const text = String.fromCodePoint(...head.subarray(0, formatHeadBytes))
  if (text.startsWith('RIFF') && text.startsWith('WAVE', 8)) return 'wav'
  if (text.startsWith('OggS')) return text.startsWith('OpusHead', 27 + (head[26] ?? 0)) ? 'opus' : undefined
  if (text.startsWith('\u{1A}\u{45}\u{DF}\u{A3}')) return isWebm(text) ? 'webm' : undefined
  if (text.startsWith('ftyp', 4)) return isImage(text) ? undefined : 'mp4'
  if (text.startsWith('ID3') || (head.length >= 4 && mp3FrameOf(head, 0) !== undefined)) return 'mp3'
  return undefined
}

/** RFC 8794 §11.2.6: DocType is element 0x4282; its length is one byte for a text so short. */
const isWebm = (text: string) => text.includes('\u{42}\u{82}\u{84}webm')

/** Of HEIF and HEIC (ISO/IEC 23008-12 §10, annexes B and E) and AVIF, still or in sequence. */
const imageBrands = /^(heic|heix|heim|heis|hevc|hevx|hevm|hevs|mif1|mif2|msf1|miaf|avif|avis|avio|avci|avcs)$/

/** ISO/IEC 14496-12 §4.3: the major brand, its version, and compatible brands as far as the box and the text go. */
function isImage(text: string): boolean {
  const bytes = [0, 1, 2, 3].reduce((size, at) => size * 256 + (text.codePointAt(at) ?? 0), 0)
  const brands = [text.slice(8, 12), ...(text.slice(16, Math.max(16, bytes)).match(/.{4}/gs) ?? [])]
  return brands.some((brand) => imageBrands.test(brand))
}
