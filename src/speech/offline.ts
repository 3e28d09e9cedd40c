import { z } from 'zod'
import type { Config } from '#src/config.ts'
import { callVoice, mostAudioBytes, nonsense, readJson, readPieces } from '#src/speech/call.ts'
import type { SpeechProvider } from '#src/speech/port.ts'

const Spoken = z.object({
  audio_base64: z.base64().min(1),
  content_type: z.literal('audio/wav'),
  phonemes: z.array(z.object({ phoneme: z.string(), start_ms: z.number(), end_ms: z.number() })).default([]),
})

const Voices = z.object({ voices: z.array(z.object({ name: z.string(), description: z.string() })) })

/** The voice that runs beside the Worker in development and tests. It says when each phoneme sounds, and answers in one piece. */
export function offlineSpeech(config: Config): SpeechProvider {
  return {
    name: 'offline',
    formats: ['wav'],
    model: 'flite',
    defaultVoice: 'slt',
    speak: async ({ text, voice, settings: { rate } }, signal) => {
      const response = await callVoice(config, { path: '/offline/speech', body: { text, voice, rate }, signal })
      const { audio, phonemes } = await readSpoken(config, response)
      return {
        audio: (async function* () {
          yield audio
        })(),
        timing: () => ({
          kind: 'phonemes',
          phonemes: phonemes.map(({ phoneme, start_ms: startMs, end_ms: endMs }) => ({ phoneme, startMs, endMs })),
        }),
      }
    },
    voices: async () => {
      const found = Voices.safeParse(await readJson(config, await callVoice(config, { path: '/offline/voices' })))
      if (!found.success) throw nonsense('no list of voices', found.error)
      return found.data.voices.map(({ name, description }) => ({ id: name, name, description }))
    },
  }
}

async function readSpoken(config: Config, response: Response) {
  const pieces: Uint8Array[] = []
  for await (const piece of readPieces(config, response, 2 * mostAudioBytes)) pieces.push(piece)
  try {
    const { audio_base64: base64, phonemes } = Spoken.parse(JSON.parse(await new Blob(pieces).text()))
    return { audio: Uint8Array.fromBase64(base64), phonemes }
  } catch (error) {
    throw nonsense('no speech', error)
  }
}
