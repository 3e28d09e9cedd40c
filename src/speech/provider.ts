import type { Config } from '#src/config.ts'
import { Problem } from '#src/http/problem.ts'
import { elevenLabsSpeech } from '#src/speech/elevenlabs.ts'
import { offlineSpeech } from '#src/speech/offline.ts'
import { openAiSpeech } from '#src/speech/openai.ts'
import type { SpeechProvider } from '#src/speech/port.ts'

const providers = { elevenlabs: elevenLabsSpeech, openai: openAiSpeech, offline: offlineSpeech }

/** The voice vendor of the configuration. Throws `not_configured` where there is none. */
export function speechProvider(config: Config): SpeechProvider {
  if (config.SPEECH_PROVIDER === undefined) {
    throw new Problem('not_configured', 'No voice is configured: SPEECH_PROVIDER.')
  }
  return providers[config.SPEECH_PROVIDER](config)
}
