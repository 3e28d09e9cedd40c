const headerBytes = 44

/** Sound as 16-bit mono PCM. */
export interface Sound {
  readonly sampleRateHz: number
  readonly pcm: Uint8Array
}

/** The sound in a WAV file with the plain 44-byte header, as Flite writes it. */
export function readWav(wav: Uint8Array): Sound {
  const view = new DataView(wav.buffer, wav.byteOffset, wav.byteLength)
  return {
    sampleRateHz: view.getUint32(24, true),
    pcm: wav.subarray(headerBytes, headerBytes + view.getUint32(40, true)),
  }
}

/** A WAV file of 16-bit mono PCM; the pieces follow each other and share the first one's sample rate. */
export function writeWav(pieces: readonly Sound[]): Uint8Array {
  const sampleRateHz = pieces[0]?.sampleRateHz ?? 16_000
  const dataBytes = pieces.reduce((sum, { pcm }) => sum + pcm.length, 0)
  const wav = new Uint8Array(headerBytes + dataBytes)
  const view = new DataView(wav.buffer)
  const ascii = (at: number, text: string) => wav.set(new TextEncoder().encode(text), at)
  ascii(0, 'RIFF')
  view.setUint32(4, headerBytes - 8 + dataBytes, true)
  ascii(8, 'WAVEfmt ')
  view.setUint32(16, 16, true)
  view.setUint16(20, 1, true)
  view.setUint16(22, 1, true)
  view.setUint32(24, sampleRateHz, true)
  view.setUint32(28, sampleRateHz * 2, true)
  view.setUint16(32, 2, true)
  view.setUint16(34, 16, true)
  ascii(36, 'data')
  view.setUint32(40, dataBytes, true)
  let next = headerBytes
  for (const { pcm } of pieces) {
    wav.set(pcm, next)
    next += pcm.length
  }
  return wav
}

/** How long a sound lasts, in seconds. */
export function secondsOf({ pcm, sampleRateHz }: Sound): number {
  return pcm.length / 2 / sampleRateHz
}
