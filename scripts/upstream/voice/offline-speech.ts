import * as z from 'zod'
import { openAiFailure } from '#scripts/upstream/openai-failure.ts'
import { json, jsonBody, type Part } from '#scripts/upstream/part.ts'
import { piecesOf } from '#scripts/upstream/voice/sentences.ts'
import { wholeSpeech } from '#scripts/upstream/voice/speech.ts'
import { Rate, SpokenText, textToSay } from '#scripts/upstream/voice/speech-request.ts'
import type { Synthesizer } from '#scripts/upstream/voice/synthesizer.ts'
import { knownVoice, voices } from '#scripts/upstream/voice/voices.ts'

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
        const utterance = { text, pieces: piecesOf(textToSay(text, 'text')), voice: knownVoice(voice), rate }
        const speech = await wholeSpeech(synthesizer.speak(utterance, 'pcm'))
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
