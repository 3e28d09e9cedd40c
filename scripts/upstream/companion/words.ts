import { stopWords } from '#scripts/upstream/companion/stop-words.ts'

/** Splits text of any script into words. */
export const words = new Intl.Segmenter('en', { granularity: 'word' })
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
const sentences = new Intl.Segmenter('en', { granularity: 'sentence' })

/** Text of any language with one kind of apostrophe and single spaces. */
export function tidy(text: string): string {
  return text.replaceAll('’', "'").replaceAll(/\s+/g, ' ').trim()
}

/** The words of a text in any script, without spaces and punctuation. */
export function wordsOf(text: string): string[] {
  return Array.from(words.segment(text)).flatMap(({ segment, isWordLike }) => (isWordLike ? segment : []))
}

/** The sentences of a text, trimmed. */
export function sentencesOf(text: string): string[] {
  return Array.from(sentences.segment(text), ({ segment }) => segment.trim()).filter(Boolean)
}

/** Whether most of the text's small words are English ones. */
export function isEnglish(text: string): boolean {
  const all = wordsOf(text.toLowerCase())
  const hits = Array.from(stopWords, ([language, stops]) => ({
    language,
    count: all.filter((word) => stops.has(word)).length,
  }))
  const best = hits.reduce((a, b) => (b.count > a.count ? b : a))
  return best.language === 'english' && (best.count > 0 || /^\p{ASCII}*$/u.test(text))
}

/** Whether a word, in any of the known languages, carries no topic of its own. */
export function isStopWord(word: string): boolean {
  const lower = word.toLowerCase()
  return Array.from(stopWords.values()).some((stops) => stops.has(lower))
}

/**
 * The words that a text is about, in lower case; all its words when it has only small ones, and its first sign or
 * emoji when it has none. Empty when there is only punctuation.
 */
export function contentWordsOf(text: string): string[] {
  const all = wordsOf(text.toLowerCase())
  const contents = all.filter((word) => !isStopWord(word))
  if (contents.length > 0) return contents
  return all.length > 0 ? all : [firstGrapheme(text)].filter(Boolean)
}

function firstGrapheme(text: string): string {
  return (
    Array.from(graphemes.segment(text), ({ segment }) => segment).find((segment) => /[^\s\p{P}]/u.test(segment)) ?? ''
  )
}
