/** What stands between two equal marks of emphasis, and where, in UTF-16 units. */
export interface EmphasisSpan {
  readonly mark: string
  /** Where the opening mark begins. */
  readonly start: number
  /** Behind the closing mark. */
  readonly end: number
}

interface Run {
  readonly mark: string
  readonly start: number
  readonly end: number
  readonly canOpen: boolean
  readonly canClose: boolean
}

/**
 * The text without the marks of emphasis, `*` and `_`, and with the spans that `replacement` names replaced as a whole. Marks
 * count as in CommonMark's flanking rule, but those between two letters or digits never do: `2*3`, `snake_case`. A mark that
 * touches a word on one side and has no partner is dropped; one that stands free (`2 * 3`) is kept. Linear in time.
 */
export function withoutEmphasis(text: string, replacement: (span: EmphasisSpan) => string | undefined): string {
  const runs = runsOf(text)
  const spans = pair(text, runs)
  const cuts = new Map<number, { readonly end: number; readonly by: string }>()
  for (const { start, end, canOpen, canClose } of runs) {
    if (canOpen || canClose) cuts.set(start, { end, by: '' })
  }
  for (const span of spans) {
    const by = replacement(span)
    if (by !== undefined) cuts.set(span.start, { end: span.end, by })
  }
  const kept: string[] = []
  let from = 0
  for (const [start, { end, by }] of [...cuts].toSorted(([one], [other]) => one - other)) {
    if (start < from) continue
    kept.push(text.slice(from, start), by)
    from = end
  }
  return kept.join('') + text.slice(from)
}

const isSpace = (character: string) => character === '' || /[\s\uE000-\uE006]/u.test(character)
// Letters of scripts without spaces stand next to a mark as punctuation does elsewhere.
const isWord = (character: string) =>
  /[\p{L}\p{N}]/u.test(character) &&
  !/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u.test(character)

function runsOf(text: string): readonly Run[] {
  return [...text.matchAll(/\*+|_+/g)].map(({ 0: mark, index }) => {
    const [before, after] = [text.charAt(index - 1), text.charAt(index + mark.length)]
    const isInside = isWord(before) && isWord(after)
    return {
      mark,
      start: index,
      end: index + mark.length,
      canOpen: !isInside && !isSpace(after) && !(isWord(before) && !isWord(after)),
      canClose: !isInside && !isSpace(before) && !(isWord(after) && !isWord(before)),
    }
  })
}

/** Each closing mark with the last equal mark that opened, inside one paragraph. */
function pair(text: string, runs: readonly Run[]): readonly EmphasisSpan[] {
  const spans: EmphasisSpan[] = []
  const opened = new Map<string, Run>()
  let from = 0
  for (const run of runs) {
    if (/\n\s*\n/.test(text.slice(from, run.start))) opened.clear()
    from = run.end
    const opener = opened.get(run.mark)
    if (opener !== undefined && run.canClose) {
      spans.push({ mark: run.mark, start: opener.start, end: run.end })
      opened.delete(run.mark)
    } else if (run.canOpen) opened.set(run.mark, run)
  }
  return spans
}
