import { markOf } from '#src/speech/expressions.ts'
import type { Expression } from '#src/speech/expressions.ts'

const faces: readonly (readonly [string, Expression])[] = [
  ['😀😃😄😁😆😅🤣😂🙂😊😇🥰😍🤩😘😗😚😙😋😛😜🤪😝🤗🤭🥳😎😺😸😹😻💕💖💗💓💞💝❤💛💚💙💜🧡🩷🎉🎊✨😉🫶👏', 'happy'],
  ['😌😴😪🥱🧘☕🌙😮‍💨🫠', 'relaxed'],
  ['😢😭😞😔😟🙁☹😥😓😿💔🥺😩😫😣😖', 'sad'],
  ['😠😡🤬😤👿💢😾🖕', 'angry'],
  ['😮😯😲😳😱🤯😨😧🙀‼⁉', 'surprised'],
  ['😐😑😶🫥', 'neutral'],
]
const expressionOfFace: ReadonlyMap<string, Expression> = new Map(
  faces.flatMap(([list, expression]) =>
    (list.match(/\p{Extended_Pictographic}/gu) ?? []).map((face): [string, Expression] => [face, expression]),
  ),
)

const modified = String.raw`[\uFE0E\uFE0F\p{Emoji_Modifier}\u{E0020}-\u{E007F}\u20E3]*`
const emoji = new RegExp(
  String.raw`[0-9#*]\uFE0F?\u20E3|(?:\p{Extended_Pictographic}|\p{Regional_Indicator})${modified}` +
    String.raw`(?:\u200D\p{Extended_Pictographic}${modified})*|[\uFE00-\uFE0F\u20E3\p{Emoji_Modifier}\u{E0020}-\u{E007F}♪♫♬♩☆♡]`,
  'gu',
)

// An emoticon stands alone: behind white space or the end of a sentence, and before white space or punctuation.
const apart = (pattern: string, flags = '') =>
  new RegExp(String.raw`(?<![^\s.,!?…\uE000-\uE006])(?:${pattern})(?![^\s.,!?…\uE000-\uE006])`, `gu${flags}`)

const emoticons: readonly (readonly [RegExp, Expression | undefined])[] = [
  [apart(String.raw`¯\\?_\(ツ\)_\/¯`), 'neutral'],
  [apart(String.raw`<\/3`), 'sad'],
  [apart(String.raw`<3+`), 'happy'],
  [apart(String.raw`>[:=]-?\(|>_>|ಠ_ಠ`), 'angry'],
  [apart(String.raw`[:=]['’]-?\(|[:=;]-?\(|[:=]-?\[|D:|T[_.]T|;_;|Q_Q|u_u`), 'sad'],
  [apart(String.raw`[:=]['’]-?\)|[:;=]-?[)DPp3*\]]|x-?D|X-?D|\^[_.-]?\^`), 'happy'],
  [apart(String.raw`[:=]-?[oO0]|[oO]_[oO]|O\.o|o\.O`), 'surprised'],
  [apart(String.raw`[:=]-?[/\\|]|-_-|>_<|>\.<`), undefined],
]
// Eyes and mouths of kaomoji; a face needs a mouth of its own and no more than these.
const kaomoji = /[(（][\^\-_;<>oO0TuU.ω▽‿□‸ˇ∀д﹏ᴗヮ益◕•≧≦●◉￣´｀`˘°¬ಠಥᵔー╥｡・*~=+'’/\\ノ]{2,12}[)）]/gu

/** Emoji, `:)` and `(^_^)` as marks of their expression. */
export function markFaces(text: string): string {
  let marked = text.replaceAll(kaomoji, (face) => markKaomoji(face))
  for (const [pattern, expression] of emoticons) marked = marked.replaceAll(pattern, markOf(expression))
  return marked.replaceAll(emoji, (sequence) => markOf(expressionOfEmoji(sequence)))
}

function expressionOfEmoji(sequence: string): Expression | undefined {
  return expressionOfFace.get(sequence.slice(0, String.fromCodePoint(sequence.codePointAt(0) ?? 0).length))
}

function markKaomoji(face: string): string {
  if (!/[_.ω▽‿□∀д﹏ᴗヮ益o]/u.test(face) || !/[\^;<>OTω▽‿□∀д﹏ᴗヮ益◕•≧≦●◉￣´｀`˘°¬ಠಥᵔー╥｡・_-]/u.test(face)) return face
  if (/^.(?:[A-Za-z]+|[.\d]+|\W?\d+|[-_]+)?.$/u.test(face) || !/[^\w.,()（）-]|_/u.test(face)) return face
  if (/[T;ಥ╥﹏]/u.test(face)) return markOf('sad')
  if (/[益ಠ]/u.test(face)) return markOf('angry')
  return markOf(/[\^▽‿ᴗ◕≧ωヮ´]/u.test(face) ? 'happy' : undefined)
}
