import { exports } from 'cloudflare:workers'
import type { Recording, Speech } from '#src/voice/shapes.ts'
import { call, rawCall, type Answer } from '#test/setup/client.ts'

/** Asks for a line to be spoken, by the offline voice `slt` unless more is said. */
export async function speak(
  token: string,
  text: string,
  more: Record<string, unknown> = { voice: 'slt' },
): Promise<Answer<Speech & { code?: string }>> {
  return await call('POST', '/voice/speech', { token, body: { text, ...more } })
}

/** Asks for the same as audio alone. */
export async function speakAloud(token: string, text: string, more: Record<string, unknown> = { voice: 'slt' }) {
  return await rawCall('POST', '/voice/speech', { token, body: { text, ...more }, headers: { Accept: 'audio/*' } })
}

/** What plays at a speech's address. */
export async function audioAt(url: string): Promise<Uint8Array> {
  const response = await rawCall('GET', url)
  if (response.status !== 200) throw new Error(`the audio answered ${response.status}`)
  return new Uint8Array(await response.arrayBuffer())
}

/** Keeps a short recording. */
export async function newRecording(token: string): Promise<Recording> {
  const request = new Request('https://neuraform.test/voice/recordings', {
    method: 'POST',
    headers: { 'CF-Connecting-IP': crypto.randomUUID(), Authorization: `Bearer ${token}` },
    body: streamedWav(300),
  })
  return await (await exports.default.fetch(request)).json<Recording>()
}

const sampleRate = 16_000

/** A WAV file as vendors stream it: a header that knows no sizes, and so many milliseconds of a tone. */
export function streamedWav(milliseconds: number): Uint8Array<ArrayBuffer> {
  const samples = Math.round((sampleRate * milliseconds) / 1_000)
  const wav = new Uint8Array(44 + samples * 2)
  const view = new DataView(wav.buffer)
  const ascii = (at: number, text: string) => wav.set(new TextEncoder().encode(text), at)
  ascii(0, 'RIFF')
  view.setUint32(4, 0xff_ff_ff_ff, true)
  ascii(8, 'WAVEfmt ')
  view.setUint32(16, 16, true)
  view.setUint16(20, 1, true)
  view.setUint16(22, 1, true)
  view.setUint32(24, sampleRate, true)
  view.setUint32(28, sampleRate * 2, true)
  view.setUint16(32, 2, true)
  view.setUint16(34, 16, true)
  ascii(36, 'data')
  view.setUint32(40, 0xff_ff_ff_ff, true)
  for (let at = 0; at < samples; at += 1) view.setInt16(44 + at * 2, Math.round(8_000 * Math.sin(at / 8)), true)
  return wav
}
