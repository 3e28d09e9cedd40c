import type { Shape } from '#src/speech/mouth.ts'

/** A sound that letters are likely to stand for: its shape, its usual length, and where the letters stand (UTF-16 units). */
export interface Sound extends Shape {
  readonly lengthMs: number
  readonly start: number
  readonly end: number
}

const vowelMs = 90
const consonantMs = 60
const closed: Shape = { v: 'sil', w: 0 }
const vowels = ['aa', 'ih', 'ou', 'ee', 'oh'] as const
const openness = { aa: 1, ih: 0.6, ou: 0.6, ee: 0.7, oh: 0.9 } as const
type Vowel = (typeof vowels)[number]

const lettersOfVowels: Readonly<Record<Vowel, string>> = {
  aa: 'a ai ay au æ а я α ا آ あ か さ た な は ま や ら わ が ざ だ ば ぱ ぁ ゃ ゎ',
  ih: 'i y ee ea ie ei ı и ы й і ї ι η υ ει οι ي い き し ち に ひ み り ぎ じ ぢ び ぴ ぃ ゐ',
  ou: 'u oo ou ue ui у ю ў ου و う く す つ ぬ ふ む ゆ る ぐ ず づ ぶ ぷ ぅ ゅ ゔ',
  ee: 'e ey œ е э є ε αι え け せ て ね へ め れ げ ぜ で べ ぺ ぇ ゑ',
  oh: 'o oa ow aw eau ø о ё ο ω お こ そ と の ほ も よ ろ を ご ぞ ど ぼ ぽ ぉ ょ',
}
const vowelOf: ReadonlyMap<string, Vowel> = new Map(
  vowels.flatMap((vowel) => lettersOfVowels[vowel].split(' ').map((letters): [string, Vowel] => [letters, vowel])),
)
const lips = new Set('mbpмбпμπβمبまばぱみびぴむぶぷめべぺもぼぽ')
const rounded = new Set(['w', 'r', 'j', 'q', 'sh', 'ch', 'sch', 'qu', 'ж', 'ш', 'щ', 'ч', 'р', 'ρ', 'ر'])
const teeth = new Set([...Array.from('fvszcxtdnlðþñßвфсзцтднлφσςζτδνλθ'), 'th', 'ph', 'ck'])
// By the order of the medial vowels in a Hangul syllable (Unicode §3.12).
const hangulVowels: readonly Vowel[] = (
  'aa ee aa ee oh ee oh ee oh aa ee ee oh ou oh ee ih ou ou ih ih'.split(' ') as readonly string[]
).map((name) => vowels.find((vowel) => vowel === name) ?? 'aa')
const hangulLips: ReadonlySet<number> = new Set([6, 7, 8, 17])
// The vowels of a digit's English name: most languages take about as long.
const digitVowels: readonly (readonly Vowel[])[] = [
  ['ih', 'oh'],
  ['ou', 'aa'],
  ['ou'],
  ['ih'],
  ['oh'],
  ['aa', 'ih'],
  ['ih'],
  ['ee', 'aa'],
  ['ee', 'ih'],
  ['aa', 'ih'],
]

/**
 * The sounds a text in any script is likely to have, in order; marks, punctuation and spaces have none. An estimate from
 * letters, which is enough to move a mouth: Latin, Cyrillic and Greek by letter, kana and Hangul by their vowel, and others by
 * a vowel that only depends on the letter.
 */
export function soundsOf(text: string): readonly Sound[] {
  const letters = Array.from(text, (letter) => ({ letter, folded: fold(letter) }))
  const sounds: Sound[] = []
  let start = 0
  for (let index = 0; index < letters.length;) {
    const count = clusterLength(letters, index)
    const cluster = letters.slice(index, index + count)
    const end = start + cluster.reduce((length, { letter }) => length + letter.length, 0)
    for (const { shape, lengthMs } of shapesOfLetters(cluster.map(({ folded }) => folded).join(''), sounds.at(-1))) {
      sounds.push({ v: shape.v, w: shape.w, lengthMs, start, end })
    }
    index += count
    start = end
  }
  return sounds
}

/** How long a voice usually rests behind a word, by its last punctuation, in milliseconds. */
export function pauseAfterMs(word: string): number {
  const punctuation = /[\p{P}~～]*$/u.exec(word.slice(-8))?.[0] ?? ''
  if (/[.!?…。！？।؟]/u.test(punctuation)) return 320
  if (/[,;:—–、，；：،]/u.test(punctuation)) return 160
  return 0
}

type LengthyShape = { readonly shape: Shape; readonly lengthMs: number }

function shapesOfLetters(letters: string, before: Shape | undefined): readonly LengthyShape[] {
  const vowel = vowelOf.get(letters)
  if (vowel !== undefined) return syllable(vowel, /^[ぁ-ゖ]/.test(letters) && lips.has(letters))
  if (lips.has(letters)) return [{ shape: closed, lengthMs: consonantMs }]
  if (rounded.has(letters)) return [{ shape: { v: 'ou', w: 0.3 }, lengthMs: consonantMs }]
  if (teeth.has(letters)) return [{ shape: { v: 'ih', w: 0.2 }, lengthMs: consonantMs }]
  if (letters === 'ー') return before === undefined ? [] : [{ shape: before, lengthMs: vowelMs }]
  if (letters === 'っ') return [{ shape: closed, lengthMs: vowelMs }]
  if (letters === 'ん') return [{ shape: { v: 'ih', w: 0.2 }, lengthMs: vowelMs }]
  if (/^[0-9]$/.test(letters)) {
    return [
      { shape: { v: 'ih', w: 0.2 }, lengthMs: consonantMs },
      ...(digitVowels[Number(letters)] ?? []).flatMap(open),
    ]
  }
  const code = letters.codePointAt(0) ?? 0
  if (code >= 0xac00 && code <= 0xd7a3) {
    const vowelOfHangul = hangulVowels[Math.floor((code - 0xac00) / 28) % 21] ?? 'aa'
    return syllable(vowelOfHangul, hangulLips.has(Math.floor((code - 0xac00) / 588)))
  }
  if (/^[a-zа-яα-ω]/.test(letters)) return [{ shape: { v: 'aa', w: 0.2 }, lengthMs: consonantMs }]
  return otherScript(letters, code)
}

function otherScript(letters: string, code: number): readonly LengthyShape[] {
  if (!/^[\p{L}\p{N}]/u.test(letters)) return []
  const v = vowels[code % vowels.length] ?? 'aa'
  return [{ shape: { v, w: openness[v] }, lengthMs: /^[\p{Script=Han}\p{N}]/u.test(letters) ? 2 * vowelMs : vowelMs }]
}

function syllable(vowel: Vowel, isClosedFirst: boolean): readonly LengthyShape[] {
  return isClosedFirst ? [{ shape: closed, lengthMs: consonantMs }, ...open(vowel)] : open(vowel)
}

const open = (v: Vowel): readonly LengthyShape[] => [{ shape: { v, w: openness[v] }, lengthMs: vowelMs }]

function clusterLength(letters: readonly { readonly folded: string }[], index: number): number {
  for (const count of [3, 2]) {
    if (index + count > letters.length) continue
    const cluster = letters.slice(index, index + count).map(({ folded }) => folded)
    const joined = cluster.join('')
    if (cluster.every((letter) => letter !== '') && (vowelOf.has(joined) || rounded.has(joined) || teeth.has(joined))) {
      return count
    }
  }
  return 1
}

// Lower case and without accents; katakana as hiragana, which lie 0x60 below. A Hangul syllable stays whole.
function fold(letter: string): string {
  const composed = letter.normalize('NFKC')
  const code = composed.codePointAt(0) ?? 0
  if (code >= 0x30a1 && code <= 0x30f6) return String.fromCodePoint(code - 0x60)
  if (/^[가-힣\u3041-\u3096]/.test(composed)) return composed
  return composed.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase()
}
