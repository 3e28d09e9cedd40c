import { z } from 'zod'
import type { Config } from '#src/config.ts'
import { Problem } from '#src/http/problem.ts'
import { callVoice } from '#src/speech/call.ts'
import type { SpeechProvider } from '#src/speech/port.ts'
import { wavDurationMs } from '#src/speech/wav.ts'

const Spoken = z.object({ audio_base64: z.base64(), content_type: z.literal('audio/wav') })

/** The voice that runs beside the Worker in development and tests. */
export function offlineSpeech(config: Config): SpeechProvider {
  return {
    name: 'offline',
    defaultVoice: 'slt',
    synthesise: async (request) => {
      const audio = decode(await callVoice(config, '/offline/speech', { ...request }))
      const durationMs = wavDurationMs(audio)
      if (durationMs === undefined) throw new Problem('upstream_nonsense', 'The voice did not answer with audio.')
      return { audio, codec: 'wav', durationMs }
    },
  }
}

function decode(answer: Uint8Array): Uint8Array {
  try {
    return Uint8Array.fromBase64(Spoken.parse(JSON.parse(new TextDecoder().decode(answer))).audio_base64)
  } catch (error) {
    throw new Problem('upstream_nonsense', 'The voice did not answer with audio.', { cause: error })
  }
}
