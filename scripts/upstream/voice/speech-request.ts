import * as z from 'zod'
import { Failure } from '#scripts/upstream/part.ts'
import { readableText } from '#scripts/upstream/voice/readable-text.ts'
import { knownVoice } from '#scripts/upstream/voice/voices.ts'
import type { Utterance } from '#scripts/upstream/voice/flite.ts'

/** Text to say: at most 5,000 characters. */
export const SpokenText = z.string().min(1).max(5000)

/** How fast to say it: 1 is normal. */
export const Rate = z.number().min(0.25).max(4).default(1)

/** What Flite shall say. Throws Failure 400 for an unknown voice, and for a text in which nothing can be heard. */
export function utteranceOf(text: string, voice: string, rate: number, textParam: string): Utterance {
  const readable = readableText(text)
  if (readable === '') {
    throw new Failure(
      400,
      'nothing_to_say',
      'Nothing in this text can be spoken: it has no letters or digits.',
      textParam,
    )
  }
  return { text: readable, voice: knownVoice(voice), rate }
}
