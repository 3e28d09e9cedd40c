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
 * fields are all allowed; WebM needs its doctype, Ogg an Opus header as the first packet.
 */
export function formatOf(head: Uint8Array): AudioFormat | undefined {
  const text = String.fromCodePoint(...head.subarray(0, formatHeadBytes))
  if (text.startsWith('RIFF') && text.startsWith('WAVE', 8)) return 'wav'
  if (text.startsWith('OggS')) return text.startsWith('OpusHead', 27 + (head[26] ?? 0)) ? 'opus' : undefined
  if (text.startsWith('\u{1A}\u{45}\u{DF}\u{A3}')) return isWebm(text) ? 'webm' : undefined
  if (text.startsWith('ftyp', 4)) return 'mp4'
  if (text.startsWith('ID3') || (head.length >= 4 && mp3FrameOf(head, 0) !== undefined)) return 'mp3'
  return undefined
}

/** RFC 8794 §11.2.6: DocType is element 0x4282; its length is one byte for a text so short. */
const isWebm = (text: string) => text.includes('\u{42}\u{82}\u{84}webm')
