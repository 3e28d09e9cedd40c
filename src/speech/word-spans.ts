/** A word of a text, with its punctuation, and where it stands in it, in UTF-16 units. */
export interface WordSpan {
  readonly text: string
  readonly start: number
  readonly end: number
}

const segmenter = new Intl.Segmenter('und', { granularity: 'word' })
const withoutSpaces =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u
const opening = /^[\p{Ps}\p{Pi}¿¡]+$/u

/**
 * The words of a text as a person sees them, in order: what stands between white space, and inside it, for scripts without
 * spaces, ICU's words. Punctuation stays with the word before, opening punctuation with the one behind, so that the words
 * hold every character but white space.
 */
export function wordSpans(text: string): readonly WordSpan[] {
  const spans: WordSpan[] = []
  for (const { 0: token, index } of text.matchAll(/\S+/g)) {
    if (withoutSpaces.test(token)) spans.push(...segmentedSpans(token, index))
    else spans.push({ text: token, start: index, end: index + token.length })
  }
  return spans
}

function segmentedSpans(token: string, offset: number): readonly WordSpan[] {
  const starts: number[] = []
  let isOpened = true
  for (const { segment, index, isWordLike } of segmenter.segment(token)) {
    const opens = opening.test(segment)
    if (isOpened ? starts.length === 0 : isWordLike === true || opens) starts.push(index)
    isOpened = opens || (isOpened && isWordLike !== true)
  }
  return starts.map((start, position) => {
    const end = starts[position + 1] ?? token.length
    return { text: token.slice(start, end), start: offset + start, end: offset + end }
  })
}
