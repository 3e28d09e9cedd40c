const cyrillic =
  'а:a б:b в:v г:g д:d е:ye ё:yo ж:zh з:z и:ee й:y к:k л:l м:m н:n о:o п:p р:r с:s т:t у:oo ф:f х:h ц:ts ч:ch ш:sh ' +
  'щ:sh ъ: ы:i ь: э:e ю:yu я:ya і:ee ї:yi є:ye ґ:g ў:w ј:y љ:ly њ:ny ћ:ch ђ:j џ:j'

const greek =
  'α:a β:v γ:g δ:dh ε:e ζ:z η:ee θ:th ι:ee κ:k λ:l μ:m ν:n ξ:x ο:o π:p ρ:r σ:s ς:s τ:t υ:ee φ:f χ:h ψ:ps ω:o'

const hiragana =
  'あ:a い:ee う:oo え:eh お:o か:ka き:kee く:koo け:keh こ:ko さ:sa し:shee す:soo せ:seh そ:so た:ta ち:chee つ:tsoo ' +
  'て:teh と:to な:na に:nee ぬ:noo ね:neh の:no は:ha ひ:hee ふ:foo へ:heh ほ:ho ま:ma み:mee む:moo め:meh も:mo ' +
  'や:ya ゆ:yoo よ:yo ら:ra り:ree る:roo れ:reh ろ:ro わ:wa を:o ん:n が:ga ぎ:gee ぐ:goo げ:geh ご:go ざ:za じ:jee ' +
  'ず:zoo ぜ:zeh ぞ:zo だ:da ぢ:jee づ:zoo で:deh ど:do ば:ba び:bee ぶ:boo べ:beh ぼ:bo ぱ:pa ぴ:pee ぷ:poo ぺ:peh ' +
  'ぽ:po ゃ:ya ゅ:yoo ょ:yo っ: ー: ゔ:voo ぁ:a ぃ:ee ぅ:oo ぇ:eh ぉ:o'

const latin = 'ß:ss æ:ae œ:oe ø:o ł:l đ:d ð:th þ:th ı:i ħ:h ŋ:ng'

/** How an English voice may say a letter that it does not know; lower case, katakana as hiragana. */
export const soundOfLetter: ReadonlyMap<string, string> = new Map(
  [cyrillic, greek, hiragana, latin].flatMap((table) =>
    table.split(' ').map((entry): [string, string] => {
      const [letter = '', sound = ''] = entry.split(':')
      return [letter, sound]
    }),
  ),
)
