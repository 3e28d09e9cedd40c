interface Branch {
  readonly next: Map<string, Branch>
  isFound: boolean
}

/** Answers whether a key was found in the texts. */
export type KeySearch = (key: string) => boolean

// Scripts that put no space between words: each of their characters is a word.
const pieces =
  /[[\p{L}\p{M}\p{N}_]--[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]]+|\s+|./gsv

/** Words, single other characters, and a space for any white space. */
const piecesOf = (text: string): readonly string[] =>
  (text.match(pieces) ?? []).map((piece) => (piece.trim() === '' ? ' ' : piece))

const normalOf = (text: string, isCaseSensitive: boolean) =>
  isCaseSensitive ? text.normalize('NFC') : text.normalize('NFC').toLowerCase()

/**
 * Looks for many keys in texts at once: for whole words, or anywhere in scripts without spaces. The time is linear in the
 * texts and in the keys (a tree of all keys is walked from each word), however they are made.
 */
export function searchKeys(keys: readonly string[], texts: readonly string[], isCaseSensitive: boolean): KeySearch {
  const root = newBranch()
  const ends = new Map<string, Branch>()
  for (const key of keys) {
    if (ends.has(key) || key.trim() === '') continue
    let branch = root
    for (const piece of piecesOf(normalOf(key.trim(), isCaseSensitive))) branch = grown(branch, piece)
    ends.set(key, branch)
  }
  for (const text of texts) markFound(root, piecesOf(normalOf(text, isCaseSensitive)))
  return (key) => ends.get(key)?.isFound === true
}

const newBranch = (): Branch => ({ next: new Map(), isFound: false })

function grown(branch: Branch, piece: string): Branch {
  const known = branch.next.get(piece)
  if (known !== undefined) return known
  const added = newBranch()
  branch.next.set(piece, added)
  return added
}

function markFound(root: Branch, text: readonly string[]): void {
  for (const start of text.keys()) {
    let branch: Branch | undefined = root
    for (let at = start; branch !== undefined; at += 1) {
      branch = branch.next.get(text[at] ?? '')
      if (branch !== undefined) branch.isFound = true
    }
  }
}
