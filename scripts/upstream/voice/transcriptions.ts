import * as z from 'zod'
import { openAiFailure } from '#scripts/upstream/openai-failure.ts'
import { Failure, json, multipartBody, type Ask, type Part, type Reply } from '#scripts/upstream/part.ts'
import type { SpokenWords } from '#scripts/upstream/voice/spoken-words.ts'

const TranscriptionRequest = z.object({
  file: z.file(),
  model: z.string().min(1),
  response_format: z.string().default('json'),
  language: z.string().optional(),
})

const unknownAudio = 'I cannot make out what was said.'

/**
 * The ear in the OpenAI dialect (platform.openai.com/docs/api-reference/audio/createTranscription): JSON and plain text.
 * It cannot hear. It knows what this server's own voices have spoken, and says of any other audio that it cannot make it
 * out.
 */
export function transcriptionsPart(words: SpokenWords): Part {
  return {
    summary: 'Offline ear, in the OpenAI dialect: knows what these voices have spoken',
    prefixes: ['/v1/audio/transcriptions'],
    bodyBytesMost: 30 * 1_048_576,
    routes: { 'POST /v1/audio/transcriptions': async (ask) => await answerTranscription(ask, words) },
    describeFailure: openAiFailure,
  }
}

async function answerTranscription(ask: Ask, words: SpokenWords): Promise<Reply> {
  const { file, response_format: format } = await multipartBody(ask, TranscriptionRequest)
  if (format !== 'json' && format !== 'text') {
    throw new Failure(400, 'unsupported_value', `This ear writes json and text, not ${format}.`, 'response_format')
  }
  if (file.size === 0) throw new Failure(400, 'invalid_value', 'file: is empty', 'file')
  const text = words.recall(await file.bytes()) ?? unknownAudio
  if (format === 'json') return json({ text })
  return { headers: { 'content-type': 'text/plain; charset=utf-8' }, body: `${text}\n` }
}
