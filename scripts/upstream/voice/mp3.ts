import { createMp3Encoder } from 'wasm-media-encoders'
import type { Sound } from '#scripts/upstream/voice/wav.ts'

/** How an MP3 is made: its sample rate, to which the sound is resampled, and its constant bit rate. */
export interface Mp3Format {
  readonly sampleRateHz: 22_050 | 24_000 | 44_100
  readonly bitrateKbps: 32 | 48 | 64 | 96 | 128 | 192
}

/** Makes one MP3 at a time: `start`, then `encode` for each piece of sound, then `finish`. */
export interface Mp3Encoder {
  start(soundRateHz: number, format: Mp3Format): void
  /** The frames that are complete so far; those of a piece's last 50 ms or so come with the next call. */
  encode(sound: Sound): Uint8Array
  finish(): Uint8Array
}

/** LAME (wasm-media-encoders, inside its package). The same sound gives the same bytes. */
export async function createMp3(): Promise<Mp3Encoder> {
  const lame = await createMp3Encoder()
  return {
    start: (sampleRate, { sampleRateHz, bitrateKbps }) =>
      lame.configure({ channels: 1, sampleRate, outputSampleRate: sampleRateHz, bitrate: bitrateKbps }),
    encode: ({ pcm }) => lame.encode([floatsOf(pcm)]).slice(),
    finish: () => lame.finalize().slice(),
  }
}

function floatsOf(pcm: Uint8Array): Float32Array {
  const view = new DataView(pcm.buffer, pcm.byteOffset, pcm.byteLength)
  return Float32Array.from({ length: pcm.length / 2 }, (_, sample) => view.getInt16(2 * sample, true) / 32_768)
}
