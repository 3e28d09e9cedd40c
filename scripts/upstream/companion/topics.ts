import { contentWordsOf, isEnglish, isStopWord, words } from '#scripts/upstream/companion/words.ts'

const phraseWordsMost = 3
const determiners = new Map(
  Object.entries({
    my: 'your',
    our: 'your',
    your: 'my',
    the: 'the',
    a: 'a',
    an: 'an',
    his: 'his',
    her: 'her',
    their: 'their',
  }),
)
const prepositions = new Set('about of with for in on at into from like love want need saw'.split(' '))

interface Run {
  readonly before: string
  readonly text: string
}

/**
 * What a text is about, as phrases that fit into an English sentence, the person's own things first: "my old bike" gives "your old
 * bike". What is not surely a noun, or not English, stands in quotation marks. Empty when there is nothing to take up.
 */
export function topicsOf(text: string): string[] {
  const runs = runsOf(text)
  if (runs.length === 0) return contentWordsOf(text).slice(0, 1).map(quoted)
  const isNative = isEnglish(text)
  const phrases = runs.map((run) => (isNative ? asNoun(run) : undefined) ?? quoted(run.text))
  const nouns = phrases.filter((phrase) => !phrase.startsWith('“'))
  const longer = phrases.filter((phrase) => !/^“\p{Script=Latin}{1,2}”$/u.test(phrase))
  const best = [nouns, longer, phrases].find(({ length }) => length > 0) ?? []
  return [...new Set(best)].sort((a, b) => Number(b.startsWith('your ')) - Number(a.startsWith('your ')))
}

function asNoun({ before, text }: Run): string | undefined {
  const noun = text.replace(/(?:\s+\p{L}+(?:ed|ing|ly))+$/iu, '')
  const determiner = determiners.get(before)
  if (determiner !== undefined) return `${determiner} ${noun}`
  return prepositions.has(before) ? noun : undefined
}

function runsOf(text: string): Run[] {
  const runs: Run[] = []
  let before = ''
  let open: { start: number; end: number; count: number } | undefined
  const close = () => {
    if (open !== undefined) runs.push({ before, text: text.slice(open.start, open.end) })
    open = undefined
  }
  for (const { segment, index, isWordLike } of words.segment(text)) {
    if (segment.trim() === '') continue
    const isContent = isWordLike === true && !isStopWord(segment)
    if (open !== undefined && (!isContent || open.count === phraseWordsMost)) {
      close()
      before = ''
    }
    if (isContent) open = { start: open?.start ?? index, end: index + segment.length, count: (open?.count ?? 0) + 1 }
    else before = segment.toLowerCase()
  }
  close()
  return runs
}

function quoted(text: string): string {
  return `“${text}”`
}
