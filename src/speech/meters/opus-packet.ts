/** Opus counts at this rate whatever was encoded (RFC 6716 §2, RFC 7845 §4). */
export const opusSamplesPerSecond = 48_000

/** How many bytes at the start of a packet tell how long it is. */
export const opusHeadBytes = 2

/** How many samples a packet holds, by its first two bytes (RFC 6716 §3.1, §3.2.5); 0 for an empty one. */
export function opusPacketSamples(packet: Uint8Array): number {
  const [head, second = 0] = packet
  if (head === undefined) return 0
  const code = head & 3
  const frames = code === 3 ? second & 0x3f : Math.min(code + 1, 2)
  return frames * frameSamples(head >> 3)
}

/** RFC 6716 table 2: SILK of 10 to 60 ms, hybrid of 10 and 20 ms, CELT of 2.5 to 20 ms. */
function frameSamples(configuration: number): number {
  if (configuration >= 16) return 120 << (configuration & 3)
  if (configuration >= 12) return 480 << (configuration & 1)
  return [480, 960, 1_920, 2_880][configuration & 3] ?? 0
}
