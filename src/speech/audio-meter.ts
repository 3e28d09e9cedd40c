import type { AudioFormat } from '#src/speech/audio-format.ts'
import { mp3Meter } from '#src/speech/meters/mp3.ts'
import { mp4Meter } from '#src/speech/meters/mp4.ts'
import { oggOpusMeter } from '#src/speech/meters/ogg-opus.ts'
import { wavMeter } from '#src/speech/meters/wav.ts'
import { webmMeter } from '#src/speech/meters/webm.ts'

/**
 * Measures audio that streams past, in memory that does not grow with it and in time linear in its length. Nothing that
 * is pushed makes it throw.
 */
export interface AudioMeter {
  /** Takes the next bytes, of any length, also one by one. */
  push(chunk: Uint8Array): void
  /**
   * How long plays what was pushed, in milliseconds and their fractions; undefined while its header has not come or
   * where it is not such audio. Of audio that is cut it is the part that came, but for an MP4 in one piece, whose header
   * speaks of the whole: ask `isWhole`.
   */
  durationMs(): number | undefined
  /** Whether the container itself shows nothing missing; each meter says what that can mean for its format. */
  isWhole(): boolean
}

const meters: Readonly<Record<AudioFormat, () => AudioMeter>> = {
  wav: wavMeter,
  mp3: mp3Meter,
  opus: oggOpusMeter,
  webm: webmMeter,
  mp4: mp4Meter,
}

export const audioMeter = (format: AudioFormat): AudioMeter => meters[format]()
