import * as z from 'zod'
import { openAiFailure } from '#scripts/upstream/openai-failure.ts'
import { Failure, jsonBody, type Part } from '#scripts/upstream/part.ts'
import { Rate, SpokenText, utteranceOf } from '#scripts/upstream/voice/speech-request.ts'
import type { Synthesizer } from '#scripts/upstream/voice/synthesizer.ts'

const AudioSpeechRequest = z.object({
  model: z.string().min(1),
  input: SpokenText,
  voice: z.string().min(1),
  response_format: z.string().default('wav'),
  speed: Rate,
})

/** The voice in the OpenAI dialect (platform.openai.com/docs/api-reference/audio/createSpeech): WAV only. */
export function audioSpeechPart(synthesizer: Synthesizer): Part {
  return {
    summary: 'Offline voice, in the OpenAI dialect',
    prefixes: ['/v1/audio'],
    routes: {
      'POST /v1/audio/speech': async (ask) => {
        const { input, voice, response_format: format, speed } = jsonBody(ask, AudioSpeechRequest)
        if (format !== 'wav') {
          throw new Failure(400, 'unsupported_value', `This voice makes wav, not ${format}.`, 'response_format')
        }
        const { wav } = await synthesizer.speak(utteranceOf(input, voice, speed, 'input'))
        return { headers: { 'content-type': 'audio/wav' }, body: wav }
      },
    },
    describeFailure: openAiFailure,
  }
}
