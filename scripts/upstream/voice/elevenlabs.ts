import * as z from 'zod'
import { Failure, json, jsonBody, queryParameters, type Ask, type Part, type Reply } from '#scripts/upstream/part.ts'
import { alignmentOf } from '#scripts/upstream/voice/alignment.ts'
import { elevenLabsVoiceList, elevenLabsVoices } from '#scripts/upstream/voice/elevenlabs-voices.ts'
import type { Mp3Format } from '#scripts/upstream/voice/mp3.ts'
import type { Sentence } from '#scripts/upstream/voice/sentences.ts'
import { afterFirst } from '#scripts/upstream/voice/speech.ts'
import { sentencesToSay, textCharactersMost } from '#scripts/upstream/voice/speech-request.ts'
import type { SpokenPiece, Synthesizer } from '#scripts/upstream/voice/synthesizer.ts'

const proportion = z.number().min(0).max(1).nullish()

const TextToSpeechRequest = z.looseObject({
  text: z.string(),
  model_id: z.string().default('eleven_multilingual_v2'),
  language_code: z.string().nullish(),
  voice_settings: z
    .looseObject({
      stability: proportion,
      similarity_boost: proportion,
      style: proportion,
      use_speaker_boost: z.boolean().nullish(),
      speed: z.number().min(0.7).max(1.2).nullish(),
    })
    .nullish(),
})

const TextToSpeechQuery = z.looseObject({ output_format: z.string().default('mp3_44100_128') })

const outputFormats: ReadonlyMap<string, Mp3Format> = new Map([
  ['mp3_22050_32', { sampleRateHz: 22_050, bitrateKbps: 32 }],
  ['mp3_24000_48', { sampleRateHz: 24_000, bitrateKbps: 48 }],
  ['mp3_44100_32', { sampleRateHz: 44_100, bitrateKbps: 32 }],
  ['mp3_44100_64', { sampleRateHz: 44_100, bitrateKbps: 64 }],
  ['mp3_44100_96', { sampleRateHz: 44_100, bitrateKbps: 96 }],
  ['mp3_44100_128', { sampleRateHz: 44_100, bitrateKbps: 128 }],
  ['mp3_44100_192', { sampleRateHz: 44_100, bitrateKbps: 192 }],
])

/**
 * The voice in ElevenLabs' dialect (elevenlabs.io/docs/api-reference/text-to-speech/stream-with-timestamps): MP3 only,
 * and any API key but none. The normalized alignment is the plain one.
 */
export function elevenLabsPart(synthesizer: Synthesizer): Part {
  return {
    summary: 'Offline voice, in the ElevenLabs dialect, with character times',
    prefixes: ['/elevenlabs'],
    routes: {
      'GET /elevenlabs/v1/voices': listVoices,
      'GET /elevenlabs/v2/voices': listVoices,
      'POST /elevenlabs/v1/text-to-speech/{voice_id}/stream/with-timestamps': async (ask) =>
        await answerTextToSpeech(ask, synthesizer),
    },
    describeFailure: ({ code, message }) => ({ detail: { status: code, message } }),
  }
}

function listVoices(ask: Ask): Reply {
  requireKey(ask)
  return json(elevenLabsVoiceList)
}

async function answerTextToSpeech(ask: Ask, synthesizer: Synthesizer): Promise<Reply> {
  requireKey(ask)
  const voice = knownVoice(ask.parameters['voice_id'] ?? '')
  const format = knownFormat(queryParameters(ask, TextToSpeechQuery).output_format)
  const { text, voice_settings: settings } = jsonBody(ask, TextToSpeechRequest)
  if (text.length > textCharactersMost) {
    throw new Failure(400, 'max_character_limit_exceeded', `The text is over ${textCharactersMost} characters.`)
  }
  const sentences = sentencesToSay(text, 'text')
  const pieces = sentences.map(({ readable }) => readable)
  const utterance = { text, pieces, voice, rate: settings?.speed ?? 1 }
  const spoken = await afterFirst(synthesizer.speak(utterance, format))
  return { headers: { 'content-type': 'application/json' }, body: chunksOf(spoken, sentences) }
}

async function* chunksOf(spoken: AsyncIterable<SpokenPiece>, sentences: readonly Sentence[]): AsyncGenerator<string> {
  const left = sentences.values()
  for await (const { audio, ...times } of spoken) {
    const { value: sentence } = left.next()
    const alignment = sentence === undefined ? null : alignmentOf(sentence.text, times)
    const audioBase64 = Buffer.from(audio).toString('base64')
    yield `${JSON.stringify({ audio_base64: audioBase64, alignment, normalized_alignment: alignment })}\n`
  }
}

function requireKey({ headers }: Ask): void {
  if ((headers['xi-api-key'] ?? '') === '') throw new Failure(401, 'invalid_api_key', 'Invalid API key')
}

function knownVoice(id: string): string {
  const voice = elevenLabsVoices.find((one) => one.id === id)
  if (voice === undefined) throw new Failure(404, 'voice_not_found', `A voice with the id ${id} was not found.`)
  return voice.flite
}

function knownFormat(name: string): Mp3Format {
  const format = outputFormats.get(name)
  if (format !== undefined) return format
  const known = [...outputFormats.keys()].join(', ')
  throw new Failure(400, 'invalid_output_format', `This voice makes ${known}, not ${name}.`)
}
