import { isFaceVerb, readDirection } from '#src/speech/directions.ts'
import { markFaces } from '#src/speech/emoji.ts'
import { withoutEmphasis } from '#src/speech/emphasis.ts'
import type { EmphasisSpan } from '#src/speech/emphasis.ts'
import { expressionOfMark, expressions, markOf, marksIn } from '#src/speech/expressions.ts'
import type { Expression } from '#src/speech/expressions.ts'
import { withoutBlocks, withoutInline, withoutTags } from '#src/speech/markdown.ts'

export { expressions, type Expression }

/** What a voice says of a line, and the expressions that were written in between. */
export interface SpokenLine {
  readonly text: string
  /** In order; `at` is where in `text` the cue begins, in UTF-16 units: its length for a cue at the end. */
  readonly cues: readonly { readonly at: number; readonly expression: Expression }[]
}

const mostPasses = 4
// Joiners belong between letters (Persian, Hindi) and inside emoji.
const strayJoiner = /(?<![\p{L}\p{M}])[\u200C\u200D]|[\u200C\u200D](?![\p{L}\p{M}])/gu

/**
 * What is spoken of a line as a model wrote it: no Markdown, HTML, emoji, emoticons or stage directions, NFC and on one line;
 * '' where no letter or digit is left. What a pass leaves is never changed by another. Linear in time.
 *
 * A stage direction is:
 * - `*…*` or `_…_` (also doubled) that begins with a verb the lexicon knows in the third person ("smiles softly"), but for one
 *   such word in the midst of a sentence, where only faces and voices count, and never behind "she" or "it";
 * - the same that stands apart, which is at the start or behind the end of a sentence and before the end or a capital, with
 *   two words or more or a known word in any form, unless it ends in `!` or `?`;
 * - `(…)`, `（…）`, `[…]` or `<…>` that begins with a known word, and touches no letter in front;
 * - `【…】` always.
 * All other emphasis and brackets are spoken: "*really*", "(the longest one)", "f(x)", "[1]".
 */
export function spokenLine(written: string): SpokenLine {
  let line = spokenOnce(written)
  for (let pass = 1; pass <= mostPasses; pass += 1) {
    // Marks that only a removal brought together; after a few rounds whatever could be one goes.
    const next = spokenOnce(pass === mostPasses ? line.text.replaceAll(/[^\p{L}\p{M}\p{N}\s,.?'’]/gu, ' ') : line.text)
    if (next.text === line.text) return line
    line = { text: next.text, cues: [...moveCues(line, next.text), ...next.cues].toSorted((a, b) => a.at - b.at) }
  }
  return line
}

function spokenOnce(written: string): SpokenLine {
  const marked = markFaces(normaliseText(written)).replaceAll(strayJoiner, '')
  const inline = withoutTags(
    withoutInline(withoutBlocks(marked)),
    (content) => readDirection(content).form === 'strong',
  )
  const unbracketed = withoutBrackets(inline)
  const plain = withoutEmphasis(unbracketed, (span) => emphasisMark(unbracketed, span))
  return collectCues(plain.normalize('NFC'))
}

function normaliseText(written: string): string {
  return written
    .toWellFormed()
    .replaceAll(/\r\n?|[\u2028\u2029]/g, '\n')
    .replaceAll(/(?!\n|\t|\u200C|\u200D|[\u{E0020}-\u{E007F}])[\p{C}\uFFFD]/gu, '')
    .replaceAll(/\\(?=[*_`~#[\]()<>|!+-])/g, '')
    .normalize('NFC')
}

function withoutBrackets(text: string): string {
  return text
    .replaceAll(/【([^【】]*)】/g, (_, content: string) => directionMark(content))
    .replaceAll(/(?<![\p{L}\p{N}_)\]])(?:\[([^[\]]*)\](?!\()|[(（]([^()（）]*)[)）])/gu, bracketMark)
    .replaceAll(/(?<=[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}])[(（]([^()（）]*)[)）]/gu, bracketMark)
}

function bracketMark(whole: string, ...contents: readonly unknown[]): string {
  const content = contents.slice(0, 2).find((one) => typeof one === 'string') ?? ''
  const text = typeof content === 'string' ? content : ''
  const isEmptied = marksIn(text) !== '' && !/[^\s\uE000-\uE006]/.test(text)
  return isEmptied || readDirection(text).form !== 'none' ? directionMark(text) : whole
}

function directionMark(content: string): string {
  const { expression } = readDirection(content)
  const inside = marksIn(content)
  return expression === undefined && inside !== '' ? inside : markOf(expression)
}

function emphasisMark(text: string, { mark, start, end }: EmphasisSpan): string | undefined {
  const content = text.slice(start + mark.length, end - mark.length)
  const before = text.slice(Math.max(0, start - 24), start).replace(/[ \t\uE000-\uE006]+$/, '')
  const after = text.slice(end, end + 24).replace(/^[ \t\uE000-\uE006]+/, '')
  const isApart = /(?:^|[\n.!?…。！？"”»~*_—)])$/u.test(before) && /^(?:$|[\n"“«*_([¿¡]|\p{Lu}|\p{Lo})/u.test(after)
  const { form } = readDirection(content)
  const isSingle = !/\s/.test(content.trim())
  if (/\b(?:she|he|it|who|that|this|which|everyone|everybody|nobody)$/i.test(before)) return undefined
  const isDirection =
    (form === 'strong' && (isApart || !isSingle || isFaceVerb(content) || !/^[\p{Script=Latin}]/u.test(content))) ||
    (isApart && (form !== 'none' || (!isSingle && mark.length === 1)) && !/[!?]$/.test(content))
  return isDirection ? directionMark(content) : undefined
}

/** Takes the marks out; where one stood between words there is one space, and none before punctuation. */
function collectCues(marked: string): SpokenLine {
  const cues: { at: number; expression: Expression }[] = []
  let text = ''
  let from = 0
  const gaps = marked.matchAll(/[\s\uE000-\uE006]+/g)
  for (const { 0: gap, index } of gaps) {
    text += marked.slice(from, index)
    from = index + gap.length
    const marks = marksIn(gap)
    if (text === '' && marks !== '') from += /^[,;:.]+(?=\s)/.exec(marked.slice(from, from + 8))?.[0].length ?? 0
    const next = marked.slice(from, from + 1)
    const isJoined =
      marks !== '' &&
      (/[,.;:!?…、。！？]/.test(next) ||
        (marks === gap && areUnspaced(marked.slice(Math.max(0, index - 1), index), next)))
    const isEdge = text === '' || next === ''
    if (!isJoined && !isEdge) text += ' '
    for (const mark of marks) {
      const expression = expressionOfMark(mark)
      if (expression !== undefined) cues.push({ at: text.length, expression })
    }
  }
  text = `${text}${marked.slice(from)}`.trim()
  if (!/[\p{L}\p{N}]/u.test(text)) text = ''
  return { text, cues: cues.map(({ at, expression }) => ({ at: Math.min(at, text.length), expression })) }
}

const areUnspaced = (before: string, after: string) =>
  [before, after].every((one) =>
    /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}。、！？]/u.test(one),
  )

/** Where the cues of a text stand in what a further pass left of it: exactly, outside of what that pass changed. */
function moveCues({ text, cues }: SpokenLine, next: string): SpokenLine['cues'] {
  const most = Math.min(text.length, next.length)
  let head = 0
  while (head < most && text.charAt(head) === next.charAt(head)) head += 1
  let tail = 0
  while (tail < most - head && text.at(-1 - tail) === next.at(-1 - tail)) tail += 1
  return cues.map(({ at, expression }) => {
    if (at <= head) return { at, expression }
    return { at: at >= text.length - tail ? at - text.length + next.length : head, expression }
  })
}
