import * as z from 'zod'
import { Failure } from '#scripts/upstream/part.ts'
import { readableText } from '#scripts/upstream/voice/readable-text.ts'
import { sentencesOf, type Sentence } from '#scripts/upstream/voice/sentences.ts'

/** The longest text that is spoken. */
export const textCharactersMost = 5000

/** Text to say: at most 5,000 characters. */
export const SpokenText = z.string().min(1).max(textCharactersMost)

/** How fast to say it: 1 is normal. */
export const Rate = z.number().min(0.25).max(4).default(1)

/** The text as Flite reads it. Throws Failure 400 for a text in which nothing can be heard. */
export function textToSay(text: string, textParam: string): string {
  const readable = readableText(text)
  if (readable === '') throw nothingToSay(textParam)
  return readable
}

/** The text's sentences, at least one. Throws Failure 400 for a text in which nothing can be heard. */
export function sentencesToSay(text: string, textParam: string): Sentence[] {
  const sentences = sentencesOf(text)
  if (sentences.length === 0) throw nothingToSay(textParam)
  return sentences
}

function nothingToSay(textParam: string): Failure {
  const message = 'Nothing in this text can be spoken: it has no letters or digits.'
  return new Failure(400, 'nothing_to_say', message, textParam)
}
