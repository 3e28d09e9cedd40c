import type { Expression } from '#src/speech/expressions.ts'

/** How surely words describe what someone does: not at all, as a bare or -ing or past form, or in the third person. */
type DirectionForm = 'none' | 'weak' | 'strong'

/** What a lexicon makes of the content of a possible stage direction. */
export interface Direction {
  readonly form: DirectionForm
  readonly expression: Expression | undefined
}

const verbs = table({
  happy:
    'smile grin laugh giggle chuckle snicker snort beam cheer hug clap wave wink dance kiss squeal bounce twirl smirk',
  relaxed: 'nod hum stretch breathe relax yawn purr cuddle snuggle nuzzle exhale',
  sad: 'sigh cry sob weep frown sniffle sniff pout whimper wince',
  angry: 'glare growl scowl huff snarl hiss grumble scoff yell shout fume',
  surprised: 'gasp blink startle gulp widen',
  neutral: 'shrug',
})
// What they do shows on no face, and they are ordinary in prose: they count in the third person and as -ing only.
const plainVerbs = new Set(
  (
    'whisper cough clear pause look lean tilt turn take reach gaze stare glance walk step sit stand hold ' +
    'touch pull push play speak murmur mutter blush shiver tremble shake roll raise lift lower open close bite rub ' +
    'pat poke tap think ponder hesitate swallow stammer squint peek move run rest place put'
  ).split(' '),
)
const modifiers = table({
  happy:
    'happy happily cheerful cheerfully excited excitedly playful playfully joyfully warmly brightly proudly amused',
  relaxed: 'calm calmly relaxed contentedly peacefully gently',
  sad: 'sad sadly tearful tearfully sorrowfully crying disappointed',
  angry: 'angry angrily furious furiously annoyed irritated mad',
  surprised: 'surprised shocked shock astonished startled amazed stunned',
})
const plainModifiers = new Set(
  'softly quietly slowly whispering sarcastic sarcastically nervously shyly thoughtfully'.split(' '),
)
// German, Spanish, French: whole words, as written between asterisks.
const foreign = table({
  happy:
    'lächelt lacht grinst kichert zwinkert umarmt strahlt lächelnd lachend sonríe ríe guiña abraza sonriendo riendo ' +
    'risas sourit rit rigole rires souriant ricane embrasse',
  relaxed: 'nickt asiente entspannt',
  sad: 'seufzt weint schluchzt schmollt suspira llora solloza soupire pleure sanglote',
  angry: 'knurrt schnaubt faucht gruñe grogne grommelle enfadada enfadado',
  surprised: 'staunt keucht erschrickt jadea sorprendida sorprendido halète sursaute',
})
// Japanese, Korean and Chinese: a part of the content, which is short.
const parts: readonly (readonly [RegExp, Expression])[] = [
  [/苦笑|ため息|溜息|泣|涙|哭|叹气|嘆氣|한숨|울음|훌쩍|ㅠㅠ/, 'sad'],
  [/怒|生气|生氣|화난|화를/, 'angry'],
  [/驚|びっくり|惊|깜짝|놀라|놀란/, 'surprised'],
  [/笑|にこ|ニコ|にっこり|クスクス|くすくす|ウインク|拥抱|擁抱|眨眼|미소|웃|윙크|포옹/, 'happy'],
  [/うなず|頷|点头|點頭|끄덕/, 'relaxed'],
]
const longestPart = 8
const subjects = new Set('she he they i it je er sie il elle se me'.split(' '))
// Behind these a noun was meant: "smiles are free".
const prose = new Set('is are was were have has had can will would should make makes of and or that in'.split(' '))
const mostWords = 12

/** What the words of a possible stage direction say: whether they are one, and which face goes with them. */
export function readDirection(content: string): Direction {
  const words = content
    .toLowerCase()
    .split(/[^\p{L}\p{M}\p{N}'’]+/u, mostWords + 2)
    .filter((word) => word !== '')
  const compact = content.replaceAll(/[\s.…。！!～~]/g, '')
  const part = compact.length > longestPart ? undefined : parts.find(([pattern]) => pattern.test(compact))
  if (part !== undefined) return { form: 'strong', expression: part[1] }
  const form = words.length > mostWords ? 'none' : formOf(words)
  return { form, expression: form === 'none' && words.length < 2 ? undefined : expressionOf(words) }
}

/** Whether the content is one word that names a face, a voice or a gesture in the third person: "smiles", "lächelt". */
export function isFaceVerb(content: string): boolean {
  const word = content.trim().toLowerCase()
  const { stem, form } = verbForm(word)
  return foreign.has(word) || (form === 'third' && verbs.has(stem))
}

function formOf(words: readonly string[]): DirectionForm {
  const from = words.findIndex((word) => !subjects.has(word) && !(word.endsWith('ly') && words.length > 1))
  const first = words[from] ?? ''
  if (foreign.has(first)) return 'strong'
  if (words.length === 1 && (modifiers.has(first) || plainModifiers.has(first))) return 'weak'
  if (prose.has(words[from + 1] ?? '')) return 'none'
  const { stem, form } = verbForm(first)
  if (form === 'third' && (verbs.has(stem) || (plainVerbs.has(stem) && words.length > 1))) return 'strong'
  if (form === 'other' && (verbs.has(stem) || plainVerbs.has(stem))) return 'weak'
  if (form === 'bare' && verbs.has(stem) && words.length <= 2) return 'weak'
  return 'none'
}

function expressionOf(words: readonly string[]): Expression | undefined {
  const found = words.map((word) => modifiers.get(word)).find((expression) => expression !== undefined)
  return (
    found ??
    words
      .map((word) => foreign.get(word) ?? verbs.get(verbForm(word).stem))
      .find((expression) => expression !== undefined)
  )
}

/** The bare form of an English verb the lexicon knows, and which form the word was: -ing and -ed are `other`. */
function verbForm(word: string): { readonly stem: string; readonly form: 'bare' | 'third' | 'other' } {
  const known = (stem: string) => verbs.has(stem) || plainVerbs.has(stem)
  if (known(word)) return { stem: word, form: 'bare' }
  const third = [word.replace(/s$/, ''), word.replace(/es$/, ''), word.replace(/ies$/, 'y')].find(known)
  if (third !== undefined) return { stem: third, form: 'third' }
  const root = word.replace(/(?:ing|ed)$/, '')
  const other = [root, `${root}e`, root.replace(/(.)\1$/, '$1'), root.replace(/i$/, 'y')].find(known)
  return other === undefined ? { stem: word, form: 'bare' } : { stem: other, form: 'other' }
}

function table(words: Partial<Record<Expression, string>>): ReadonlyMap<string, Expression> {
  const entries = new Map<string, Expression>()
  const add = (expression: Expression) =>
    words[expression]?.split(' ').forEach((word) => {
      entries.set(word, expression)
    })
  add('happy')
  add('relaxed')
  add('sad')
  add('angry')
  add('surprised')
  add('neutral')
  return entries
}
