import * as z from 'zod'
import { openAiFailure } from '#scripts/upstream/openai-failure.ts'
import { Failure, jsonBody, type Ask, type Part, type Reply } from '#scripts/upstream/part.ts'
import type { Mp3Format } from '#scripts/upstream/voice/mp3.ts'
import { afterFirst } from '#scripts/upstream/voice/speech.ts'
import { Rate, sentencesToSay, SpokenText } from '#scripts/upstream/voice/speech-request.ts'
import type { SpokenPiece, Synthesizer } from '#scripts/upstream/voice/synthesizer.ts'
import { knownVoice } from '#scripts/upstream/voice/voices.ts'
import { streamedWavHeader } from '#scripts/upstream/voice/wav.ts'

const AudioSpeechRequest = z.object({
  model: z.string().min(1),
  input: SpokenText,
  voice: z.string().min(1),
  response_format: z.string().default('mp3'),
  speed: Rate,
})

const mp3: Mp3Format = { sampleRateHz: 24_000, bitrateKbps: 64 }

/**
 * The voice in the OpenAI dialect (platform.openai.com/docs/api-reference/audio/createSpeech): MP3, the default, and
 * WAV, each sent as it is made. A WAV's header has the sizes of one whose end is not known, as OpenAI's.
 */
export function audioSpeechPart(synthesizer: Synthesizer): Part {
  return {
    summary: 'Offline voice, in the OpenAI dialect',
    prefixes: ['/v1/audio'],
    routes: { 'POST /v1/audio/speech': async (ask) => await answerSpeech(ask, synthesizer) },
    describeFailure: openAiFailure,
  }
}

async function answerSpeech(ask: Ask, synthesizer: Synthesizer): Promise<Reply> {
  const { input, voice, response_format: format, speed } = jsonBody(ask, AudioSpeechRequest)
  if (format !== 'mp3' && format !== 'wav') {
    throw new Failure(400, 'unsupported_value', `This voice makes mp3 and wav, not ${format}.`, 'response_format')
  }
  const pieces = sentencesToSay(input, 'input').map(({ readable }) => readable)
  const utterance = { text: input, pieces, voice: knownVoice(voice), rate: speed }
  const spoken = await afterFirst(synthesizer.speak(utterance, format === 'mp3' ? mp3 : 'pcm'))
  return format === 'mp3'
    ? { headers: { 'content-type': 'audio/mpeg' }, body: audioOf(spoken) }
    : { headers: { 'content-type': 'audio/wav' }, body: wavOf(spoken) }
}

async function* audioOf(spoken: AsyncIterable<SpokenPiece>): AsyncGenerator<Uint8Array> {
  for await (const { audio } of spoken) yield audio
}

async function* wavOf(spoken: AsyncIterable<SpokenPiece>): AsyncGenerator<Uint8Array> {
  let isFirst = true
  for await (const { audio, sampleRateHz } of spoken) {
    if (isFirst) yield streamedWavHeader(sampleRateHz)
    isFirst = false
    yield audio
  }
}
