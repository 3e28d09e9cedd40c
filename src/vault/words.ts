import siphash from 'siphash'

const utf8 = new TextEncoder()
// Any locale splits alike: what has no spaces (Japanese, Thai, Chinese) is split by ICU's dictionaries.
const segmenter = new Intl.Segmenter('und', { granularity: 'word' })

// Accents of Latin, Greek and Cyrillic, and Arabic's vowel points and stretching; other marks make another letter.
const folded = /[\u0300-\u036f]|[\u064b-\u065f]|\u0640|\u0670/g

/** The different words of a text in any language, and its emoji: without case, accents and forms of width. */
export function wordsOf(text: string): ReadonlySet<string> {
  const words = new Set<string>()
  for (const { segment, isWordLike } of segmenter.segment(fold(text))) {
    if (isWordLike === true || /\p{Extended_Pictographic}|\p{Regional_Indicator}/u.test(segment)) words.add(segment)
  }
  return words
}

// Upper case first, for letters that fold together only there: ß and ss, ς and σ, ı and i.
const fold = (text: string) =>
  text.normalize('NFKD').replaceAll(folded, '').toUpperCase().toLowerCase().replaceAll('ς', 'σ').normalize('NFC')

const mostPlaces = 50

/** Where the words of a query stand in a text, in UTF-16 units: the first fifty places. */
export function placesOf(text: string, words: ReadonlySet<string>): { readonly start: number; readonly end: number }[] {
  const places = []
  for (const { segment, index } of segmenter.segment(text)) {
    if (places.length === mostPlaces) break
    if (words.has(fold(segment))) places.push({ start: index, end: index + segment.length })
  }
  return places
}

/** What is stored of the words of a text: keyed 64-bit hashes (SipHash-2-4), sorted, so that no order is told. */
export function hashWords(key: Uint32Array, words: ReadonlySet<string>): readonly bigint[] {
  const hashes = new BigInt64Array(words.size)
  let position = 0
  for (const word of words) {
    const { h, l } = siphash.hash(key, utf8.encode(word))
    hashes[position] = (BigInt(h) << 32n) | BigInt(l)
    position += 1
  }
  return [...hashes.sort()]
}
