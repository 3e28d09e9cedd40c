const headerBytes = 44
const sizeMost = 0xffffffff

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

/** The bytes without a WAV's header, when they start with one. */
export function soundBytes(audio: Uint8Array): Uint8Array {
  return new TextDecoder('latin1').decode(audio.subarray(0, 4)) === 'RIFF' ? audio.subarray(headerBytes) : audio
}

/** The header of a WAV whose length is not known yet: its sizes are the greatest that there are, as OpenAI sends it. */
export function streamedWavHeader(sampleRateHz: number): Uint8Array {
  return wavHeader(sampleRateHz, sizeMost, sizeMost)
}

/** A WAV file of 16-bit mono PCM; the pieces follow each other and share the first one's sample rate. */
export function writeWav(pieces: readonly Sound[]): Uint8Array {
  const dataBytes = pieces.reduce((sum, { pcm }) => sum + pcm.length, 0)
  const header = wavHeader(pieces[0]?.sampleRateHz ?? 16_000, headerBytes - 8 + dataBytes, dataBytes)
  return Buffer.concat([header, ...pieces.map(({ pcm }) => pcm)])
}

function wavHeader(sampleRateHz: number, riffBytes: number, dataBytes: number): Uint8Array {
  const header = new Uint8Array(headerBytes)
  const view = new DataView(header.buffer)
  const ascii = (at: number, text: string) => header.set(new TextEncoder().encode(text), at)
  ascii(0, 'RIFF')
  view.setUint32(4, riffBytes, true)
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
  return header
}

/** How long a sound lasts, in seconds. */
export function secondsOf({ pcm, sampleRateHz }: Sound): number {
  return pcm.length / 2 / sampleRateHz
}
