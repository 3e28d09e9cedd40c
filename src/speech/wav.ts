/** The play time of a RIFF/WAVE file of PCM samples, from its own header; undefined when it is not one. */
export function wavDurationMs(audio: Uint8Array): number | undefined {
  const view = new DataView(audio.buffer, audio.byteOffset, audio.byteLength)
  const tag = (offset: number) => String.fromCodePoint(...audio.subarray(offset, offset + 4))
  if (audio.length < 44 || tag(0) !== 'RIFF' || tag(8) !== 'WAVE') return undefined
  let bytesPerSecond = 0
  for (let offset = 12; offset + 8 <= audio.length;) {
    const size = view.getUint32(offset + 4, true)
    if (tag(offset) === 'fmt ' && offset + 20 <= audio.length) bytesPerSecond = view.getUint32(offset + 16, true)
    if (tag(offset) === 'data') {
      return bytesPerSecond === 0
        ? undefined
        : Math.round((Math.min(size, audio.length - offset - 8) * 1_000) / bytesPerSecond)
    }
    offset += 8 + size + (size % 2)
  }
  return undefined
}
