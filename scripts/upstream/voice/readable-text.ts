import { soundOfLetter } from '#scripts/upstream/voice/letters.ts'

const consonants = ['k', 'm', 't', 'n', 'r', 's', 'l', 'h', 'b', 'd', 'y', 'w']
const vowels = ['a', 'ee', 'oo', 'eh', 'o']
const punctuation: Readonly<Record<string, string>> = {
  '“': '"',
  '”': '"',
  '‘': "'",
  '’': "'",
  '–': ', ',
  '—': ', ',
  '…': '...',
  '。': '. ',
  '、': ', ',
  '！': '! ',
  '？': '? ',
  '¿': ' ',
  '¡': ' ',
  '؟': '? ',
  '،': ', ',
  '।': '. ',
}

/**
 * The text in the ASCII that Flite reads. Accents go, letters of other alphabets become their sound, and a script
 * without a table (Han, Arabic, Thai…) becomes syllables, so that it is heard and the mouth moves. Emoji are silent.
 * Empty when nothing in it can be heard.
 */
export function readableText(text: string): string {
  const ascii = Array.from(text.normalize('NFKC'), readCharacter).join('')
  const read = ascii
    .replaceAll(/([a-z]{30})(?=[a-z])/gi, '$1 ')
    .replaceAll(/\s+/g, ' ')
    .trim()
  return /[a-z0-9]/i.test(read) ? read : ''
}

function readCharacter(character: string): string {
  const point = character.codePointAt(0) ?? 0
  if (point < 0x20 || point === 0x7f) return ' '
  if (point < 0x80) return character
  const known = punctuation[character] ?? soundOf(character)
  if (known !== undefined) return known
  if (/\p{L}|\p{N}/u.test(character)) return syllableOf(point)
  return /\p{M}/u.test(character) ? '' : ' '
}

function soundOf(character: string): string | undefined {
  const letter = hiraganaOf(character.toLowerCase())
  const base = letter.normalize('NFD').replaceAll(/\p{M}/gu, '')
  return soundOfLetter.get(letter) ?? (/^[a-z]+$/.test(base) ? base : soundOfLetter.get(base))
}

function hiraganaOf(letter: string): string {
  return letter.replace(/[\u30a1-\u30f4]/u, (kana) => String.fromCharCode(kana.charCodeAt(0) - 0x60))
}

function syllableOf(point: number): string {
  return `${consonants[point % consonants.length]}${vowels[(point >> 4) % vowels.length]}`
}
