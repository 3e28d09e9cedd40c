import { isKnown, type Drawn, type OpenWords, type Recalled } from '#src/memories/told.ts'

const shortest = 6
const longest = 200
const mostDrawn = 8

/** How people begin to tell of themselves, in some languages: names, homes, families, likes, what they do and what they cannot have. */
const beginnings: readonly RegExp[] = [
  /^(?:please )?(?:call me|remember that) /i,
  /^(?:(?:and|but|well|oh|so),? )?my (?:\S+ ){1,3}(?:is|are|was|were|likes?|loves?|lives?|works?) /i,
  /^(?:(?:and|but|well|oh|so),? )?i(?:'m| am) (?:\d+ years|from|allergic|vegan|vegetarian|learning|studying|a|an|afraid of) (?!bit |little |lot |few )/i,
  /^(?:(?:and|but|well|oh|so),? )?i (?:really |also |just |usually |always |never )?(?:live|work|study|love|like|enjoy|prefer|hate|dislike|play|collect|speak|grew up|was born) (?!you\b|it\b|this\b|that\b|your\b|how\b|when\b)/i,
  /^(?:(?:and|but|well|oh|so),? )?i(?:'ve got| have|'ve had) (?:a|an|two|three|four|\d+) (?!feeling|question|headache|cold|fever|plan|problem|idea|bit|lot|few)/i,
  /^(?:ich (?:heiße|wohne|lebe|arbeite|studiere|mag|liebe|hasse|spiele|habe (?:ein|eine|einen|zwei|drei)) |mein(?:e|en)? \S+ (?:ist|heißt|sind) |nenn mich )/i,
  /^(?:je (?:m'appelle|vis|habite|travaille|déteste|préfère|joue|suis (?:née?|allergique|étudiante?)) |j'(?:aime|ai une?|adore|habite|étudie) |(?:mon|ma|mes) \S+ (?:est|s'appelle|sont) )/i,
  /^(?:me (?:llamo|gusta|gustan|encanta) |(?:yo )?(?:soy|vivo|trabajo|estudio|odio|prefiero|tengo una?) |mis? \S+ (?:es|son|se llama) )/i,
  /^(?:meu nome é |minha? \S+ (?:é|se chama) |eu (?:sou|moro|trabalho|estudo|gosto|amo|odeio|tenho uma?) )/i,
  /^(?:私|わたし|僕|ぼく|俺|うち)[はのも].*(?:です|ます|だ|好き|嫌い|住んで|飼って|いる)/,
]

/** What is nobody's to keep, and what passes with the day. */
const refused: readonly RegExp[] = [
  /pass ?(?:word|code|phrase)|\bpin\b|passwor[dt]|kennwort|contraseña|mot de passe|senha|パスワード|暗証/i,
  /\b(?:card|account|passport|social security|insurance|phone) number|\b(?:address|street|adresse|dirección|endereço)\b|住所|\d{5,}|(?:\d[ -]?){9,}|\S@\S/i,
  /\b(?:today|tonight|tomorrow|yesterday|right now|this (?:morning|afternoon|evening|week)|heute|morgen|gestern|aujourd'hui|demain|hoy|mañana|hoje|amanhã)\b|今日|明日|昨日/i,
]

const sentences = new Intl.Segmenter('und', { granularity: 'sentence' })

/**
 * What is worth remembering of words, oldest first, without a model: the sentences in which the person tells of themselves, as they
 * said them, but for secrets, addresses and what is of today. The same words always give the same.
 */
export function drawByRules(
  words: readonly Pick<OpenWords, 'id' | 'content'>[],
  known: readonly Pick<Recalled, 'content'>[],
): readonly Drawn[] {
  const drawn: Drawn[] = []
  for (const { id, content } of words) {
    for (const sentence of sentencesOf(content)) {
      if (!beginnings.some((beginning) => beginning.test(sentence))) continue
      if (refused.some((reason) => reason.test(sentence))) continue
      if (isKnown(known, sentence) || isKnown(drawn, sentence)) continue
      drawn.push({ content: sentence, sourceIds: [id], replacedIds: [] })
    }
  }
  return drawn.slice(-mostDrawn)
}

const sentencesOf = (text: string) =>
  Array.from(sentences.segment(text.toWellFormed()), ({ segment }) =>
    segment.replaceAll(/\s+/g, ' ').replaceAll('’', "'").trim(),
  ).filter((one) => one.length >= shortest && one.length <= longest && !/[?？]$/.test(one))
