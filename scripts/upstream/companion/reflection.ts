import { sentencesOf, wordsOf } from '#scripts/upstream/companion/words.ts'

const wordsMost = 14

// A verb beside its pronoun, or a single word.
const unit =
  /\b(?:I (?:was|am)|(?:are|were) you|you (?:are|were|have|had|do|did|can|could|will|would|know|said|think|want))\b|[\p{L}']+/giu

const swapped: Readonly<Record<string, string>> = {
  'i was': 'you were',
  'i am': 'you are',
  'you are': 'I am',
  'you were': 'I was',
  'are you': 'am I',
  'were you': 'was I',
  i: 'you',
  me: 'you',
  my: 'your',
  mine: 'yours',
  myself: 'yourself',
  we: 'you',
  us: 'you',
  our: 'your',
  ours: 'yours',
  am: 'are',
  "i'm": "you're",
  "i've": "you've",
  "i'd": "you'd",
  "i'll": "you'll",
  "we're": "you're",
  "we've": "you've",
  "we'll": "you'll",
  you: 'me',
  your: 'my',
  yours: 'mine',
  yourself: 'myself',
  "you're": "I'm",
  "you've": "I've",
  "you'd": "I'd",
  "you'll": "I'll",
}

/**
 * The first-person English statements of a text, turned to the one who said them: "I lost my keys" gives "you lost your
 * keys". Without final punctuation; none that is a question or over fourteen words.
 */
export function reflectionsOf(text: string): string[] {
  return sentencesOf(text)
    .flatMap((sentence) => sentence.split(/,?\s+(?:and|but|so|because)\s+(?=(?:I|I'm|I've|my|we)\b)/i))
    .map((sentence) => sentence.replace(/^(?:(?:and|but|so|well|oh|yes|no|hi|hey|hello|ok|okay)\b,?\s+)+/i, ''))
    .filter((sentence) => /^(?:I|I'm|I've|I'd|my|we|we're|our)\b/i.test(sentence) && !sentence.endsWith('?'))
    .filter((sentence) => wordsOf(sentence).length >= 3 && wordsOf(sentence).length <= wordsMost)
    .map(reflect)
}

function reflect(sentence: string): string {
  return sentence
    .replace(/[.!\s…]+$/u, '')
    .replaceAll(unit, (words) => swapped[words.toLowerCase()] ?? words.replace(/^you (?=\w)/i, 'I '))
}
