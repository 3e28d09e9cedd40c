import { isKnown, type Drawn, type Recalled, type Told } from '#src/memories/told.ts'

const shortest = 6
const longest = 200
const mostDrawn = 8

/**
 * How people begin to tell of themselves, in some languages: names, homes, families, likes, birthdays, what they do and what
 * they cannot have.
 */
const beginnings: readonly RegExp[] = [
  /^(?:please )?(?:call me|remember that) /i,
  /^(?:(?:and|but|well|oh|so),? )?my (?:\S+ ){1,3}(?:is|are|was|were|likes?|loves?|lives?|works?) /i,
  /^(?:(?:and|but|well|oh|so),? )?i(?:'m| am) (?:\d+|from|allergic|vegan|vegetarian|learning|studying|a|an|afraid of) (?!bit |little |lot |few )/i,
  /^(?:(?:and|but|well|oh|so),? )?i (?:really |also |just |usually |always |never )?(?:live|work|study|love|like|enjoy|prefer|hate|dislike|play|collect|speak|grew up|was born) /i,
  /^(?:(?:and|but|well|oh|so),? )?i(?:'ve got| have|'ve had) (?:a|an|two|three|four|\d+|no) /i,
  /^(?:ich (?:heiße|bin|wohne|lebe|arbeite|studiere|mag|liebe|hasse|habe|spiele) |mein(?:e|en)? \S+ (?:ist|heißt|sind) |nenn mich )/i,
  /^(?:je (?:m'appelle|suis|vis|habite|travaille|déteste|préfère|joue) |j'(?:aime|ai|adore|habite|étudie) |(?:mon|ma|mes) \S+ (?:est|s'appelle|sont) )/i,
  /^(?:me (?:llamo|gusta|gustan|encanta) |(?:yo )?(?:soy|vivo|trabajo|estudio|odio|prefiero|tengo) |mis? \S+ (?:es|son|se llama) )/i,
  /^(?:meu nome é |minha? \S+ (?:é|se chama) |eu (?:sou|moro|trabalho|estudo|gosto|amo|odeio|tenho) )/i,
  /^(?:私|わたし|僕|ぼく|俺|うち)[はのも].*(?:です|ます|だ|好き|嫌い|住んで|飼って|いる)/,
]

const sentences = new Intl.Segmenter('und', { granularity: 'sentence' })

/**
 * What is worth remembering of what was said, newest first, without a model: the sentences in which the person tells of
 * themselves, as they said them. The same words always give the same.
 */
export function drawByRules(told: readonly Told[], known: readonly Pick<Recalled, 'content'>[]): readonly Drawn[] {
  const drawn: Drawn[] = []
  for (const { id, role, content } of told.toReversed()) {
    if (role !== 'user' || content === null) continue
    for (const sentence of sentencesOf(content)) {
      if (!beginnings.some((beginning) => beginning.test(sentence))) continue
      if (isKnown(known, sentence) || isKnown(drawn, sentence)) continue
      drawn.push({ content: sentence, sourceIds: [id], replacedIds: [] })
    }
  }
  return drawn.slice(-mostDrawn)
}

const sentencesOf = (text: string) =>
  Array.from(sentences.segment(text.slice(0, 4_000).toWellFormed()), ({ segment }) =>
    segment.replaceAll(/\s+/g, ' ').replaceAll('’', "'").trim(),
  ).filter((one) => one.length >= shortest && one.length <= longest && !/[?？]$/.test(one))
