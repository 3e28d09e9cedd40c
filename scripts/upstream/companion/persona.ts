import { sentencesOf, tidy } from '#scripts/upstream/companion/words.ts'
import { temperaments } from '#scripts/upstream/companion/temperaments.ts'
import type { Temperament } from '#scripts/upstream/companion/temperaments/temperament.ts'
import { createDraw } from '#scripts/upstream/companion/draw.ts'

/** Who answers, as far as the system messages tell. */
export interface Persona {
  readonly text: string
  readonly name: string
  /** What it is in a few words, for example "a cheerful baker". */
  readonly role: string | undefined
  readonly interests: readonly string[]
  /** The name of the person it talks with, when the system messages give it. */
  readonly userName: string | undefined
  readonly temperament: Temperament
}

const name = String.raw`(\p{Lu}[\p{L}\p{M}\p{N}'-]*|[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー]{1,8})`

const namePatterns = [
  `\\b(?:[Yy]ou are|[Yy]ou're|[Aa]ct as|[Rr]ole-?play as|[Yy]our name is|[Yy]ou are called)\\s+(?:called |named )?["'“]?${name}`,
  `\\b(?:named|called)\\s+["'“]?${name}`,
  `\\b(?:[Nn]ame|[Cc]haracter|[Pp]ersona|[Cc]ompanion)\\s*[:=]\\s*["'“]?${name}`,
  `(?:あなたは|你是|你叫|名前は)\\s*${name}?(?=です|という|、|。|,|，)`,
].map((source) => new RegExp(source, 'u'))

const userNamePattern = new RegExp(
  `(?:[Tt]he (?:user|person)(?: is called|'s name is)|[Yy]ou are (?:talking|speaking) (?:with|to))\\s+["'“]?${name}`,
  'u',
)

const rolePattern =
  /(?:\b(?:is|are)\s|[,.:\n]\s*|^)([Aa]n?\s(?:[\p{L}-]+\s?){1,4}?)(?=[.,;:\n]|$|\s(?:who|whose|that|which|with|from|in|and|of|on|at|for|to|living|working|named|called|full|made)\b)/u

const interestPattern =
  /\b(?:loves?|likes?|enjoys?|adores?|fond of|interested in|passionate about|fascinated by|(?:hobbies|interests|likes)(?: are| include|\s*[:=]))\s+([^.;:\n]{3,100})/giu

const tieBreakers = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]

/** Reads the persona from the system messages' text. The same text always gives the same persona. */
export function readPersona(systemText: string): Persona {
  const text = systemText.replaceAll('’', "'")
  return {
    text,
    name: firstMatch(namePatterns, text.replace(userNamePattern, '')) ?? 'your companion',
    role: rolePattern.exec(text)?.[1]?.trim().replace(/^A/, 'a'),
    interests: interestsOf(text),
    userName: firstMatch([userNamePattern], text),
    temperament: temperamentOf(text),
  }
}

function firstMatch(patterns: readonly RegExp[], text: string): string | undefined {
  for (const pattern of patterns) {
    const found = pattern.exec(text)?.[1]
    if (found !== undefined && !['The', 'You', 'An', 'A', 'I', 'AI'].includes(found)) return found
  }
  return undefined
}

function interestsOf(text: string): string[] {
  return Array.from(text.matchAll(interestPattern), ([, list = '']) => list)
    .flatMap((list) => list.split(/,|\band\b|\bor\b/))
    .map(tidy)
    .filter((interest) => /^(?!(?:to|you|your|it|them|that|when|how|the user)\b)[\p{L}' -]{3,40}$/iu.test(interest))
    .filter((interest) => interest.split(' ').length <= 4)
}

/** The temperament with most traits in the text; of equals, the one told first, and where none is told, any. */
function temperamentOf(text: string): Temperament {
  const told = sentencesOf(text)
    .filter((sentence) => !/\b(?:never|nothing|avoid|don't|do not|must not)\b/i.test(sentence))
    .join(' ')
  const draw = createDraw(text)
  const scored = temperaments.map((temperament) => {
    const places = Array.from(told.matchAll(temperament.traits), ({ index }) => index)
    const tieBreaker =
      places[0] === undefined ? draw(tieBreakers, temperament.traits.source) : 1 - places[0] / told.length
    return { temperament, score: places.length + (tieBreaker ?? 0) }
  })
  return scored.reduce((best, next) => (next.score > best.score ? next : best)).temperament
}
