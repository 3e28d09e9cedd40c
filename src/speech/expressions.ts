/** The expressions of VRM 1.0 that a line can ask for. */
export const expressions = ['happy', 'angry', 'relaxed', 'sad', 'surprised', 'neutral'] as const
export type Expression = (typeof expressions)[number]

/*
 * While a text is cleaned, a place where something unspoken stood holds a private-use character: U+E000 + the index of its
 * expression, or U+E006 for none. `normaliseText` drops such characters from what was written.
 */
const firstMark = 0xe000

/** The mark for an expression, or for none. */
export function markOf(expression: Expression | undefined): string {
  return String.fromCodePoint(
    firstMark + (expression === undefined ? expressions.length : expressions.indexOf(expression)),
  )
}

/** The expression of a mark; undefined for the mark of none and for any other character. */
export function expressionOfMark(mark: string): Expression | undefined {
  return expressions[(mark.codePointAt(0) ?? 0) - firstMark]
}

/** The marks in a text, in order. */
export function marksIn(text: string): string {
  return text.replaceAll(/[^\uE000-\uE006]+/g, '')
}
