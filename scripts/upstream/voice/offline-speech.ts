import * as z from 'zod'
import { openAiFailure } from '#scripts/upstream/openai-failure.ts'
import { json, jsonBody, type Part } from '#scripts/upstream/part.ts'
import { Rate, SpokenText, utteranceOf } from '#scripts/upstream/voice/speech-request.ts'
import type { Synthesizer } from '#scripts/upstream/voice/synthesizer.ts'
import { voices } from '#scripts/upstream/voice/voices.ts'

const OfflineSpeechRequest = z.strictObject({ text: SpokenText, voice: z.string().min(1), rate: Rate })

/** The voice with what no hosted one tells: when each phoneme sounds. */
export function offlineSpeechPart(synthesizer: Synthesizer): Part {
  return {
    summary: 'Offline voice, with phoneme times',
    prefixes: ['/offline'],
    routes: {
      'GET /offline/voices': () => json({ voices }),
      'POST /offline/speech': async (ask) => {
        const { text, voice, rate } = jsonBody(ask, OfflineSpeechRequest)
        const speech = await synthesizer.speak(utteranceOf(text, voice, rate, 'text'))
        return json({
          audio_base64: Buffer.from(speech.wav).toString('base64'),
          content_type: 'audio/wav',
          sample_rate_hz: speech.sampleRateHz,
          duration_ms: speech.durationMs,
          phonemes: speech.phonemes,
        })
      },
    },
    describeFailure: openAiFailure,
  }
}
