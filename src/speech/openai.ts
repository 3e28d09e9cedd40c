import type { Config } from '#src/config.ts'
import { Problem } from '#src/http/problem.ts'
import { callVoice } from '#src/speech/call.ts'
import type { SpeechProvider } from '#src/speech/port.ts'
import { wavDurationMs } from '#src/speech/wav.ts'

/** Any voice that speaks OpenAI's `POST /audio/speech`. */
export function openAiSpeech(config: Config): SpeechProvider {
  return {
    name: 'openai',
    defaultVoice: 'alloy',
    synthesise: async ({ text, voice, rate }) => {
      const audio = await callVoice(config, '/audio/speech', {
        model: 'tts-1',
        input: text,
        voice,
        speed: rate,
        response_format: 'wav',
      })
      const durationMs = wavDurationMs(audio)
      if (durationMs === undefined) throw new Problem('upstream_nonsense', 'The voice did not answer with audio.')
      return { audio, codec: 'wav', durationMs }
    },
  }
}
