import type { Config } from '#src/config.ts'
import { callVoice, readPieces } from '#src/speech/call.ts'
import type { SpeechProvider } from '#src/speech/port.ts'

// https://platform.openai.com/docs/guides/text-to-speech: the API has no list of them.
const voices = ['alloy', 'ash', 'ballad', 'coral', 'echo', 'fable', 'nova', 'onyx', 'sage', 'shimmer', 'verse']

/** Any voice that speaks OpenAI's `POST /audio/speech`. It does not say when what sounds. */
export function openAiSpeech(config: Config): SpeechProvider {
  const model = config.SPEECH_MODEL ?? 'tts-1'
  return {
    name: 'openai',
    formats: ['mp3', 'wav', 'opus'],
    model,
    defaultVoice: 'alloy',
    speak: async ({ text, voice, format, settings }, signal) => {
      const response = await callVoice(config, {
        path: '/audio/speech',
        headers: config.SPEECH_API_KEY === undefined ? {} : { Authorization: `Bearer ${config.SPEECH_API_KEY}` },
        body: {
          model,
          input: text,
          voice,
          speed: settings.rate,
          response_format: format,
        },
        signal,
      })
      return { audio: readPieces(config, response), timing: () => undefined }
    },
    voices: async () => voices.map((id) => ({ id, name: id, description: null })),
  }
}
