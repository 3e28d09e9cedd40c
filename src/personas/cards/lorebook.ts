import { searchKeys, type KeySearch } from '#src/personas/cards/key-search.ts'
import type { Lorebook, LorebookEntry } from '#src/personas/cards/lorebook-json.ts'

const mostEntries = 1_000
const mostKeys = 50
const keyCharacters = 100
const allKeyCharacters = 200_000
const textCharacters = 20_000

/**
 * The entries of a lorebook that enter a prompt, in the order of their insertion, without decorators (CCv3 § Decorators).
 *
 * `texts` are what was said, the oldest first: of the last `scan_depth` of them, the last 20,000 characters are searched.
 * A key is found as a whole word without regard to case (unless `case_sensitive`), in CJK and other scripts without spaces
 * anywhere. Regular expressions of strangers are not run: a key of a `use_regex` entry counts as the text that it is where
 * that text matches itself, and else is never found. `constant` entries always enter, disabled ones never. `@@activate`
 * and `@@dont_activate` are followed, other decorators are not.
 *
 * Where the budget (or the lorebook's own, if smaller) is short, constant entries go first, then those of higher
 * `priority` (`insertion_order` where there is none); what does not fit stays out. Counted are the first 1,000 entries,
 * 50 keys each, keys to 100 characters, 200,000 characters of keys in all.
 */
export function matchingEntries(
  lorebook: Lorebook,
  texts: readonly string[],
  budgetTokens: number,
  tokensOf: (text: string) => number,
): readonly LorebookEntry[] {
  const candidates = lorebook.entries.slice(0, mostEntries).filter(({ enabled }) => enabled)
  const searched = recentTexts(texts, lorebook.scan_depth)
  const search = { exact: keySearch(candidates, searched, true), folded: keySearch(candidates, searched, false) }
  const matching = candidates
    .map((entry) => ({ entry, plain: withoutDecorators(entry.content) }))
    .filter(({ entry, plain }) => plain.content !== '' && isMatching(entry, plain.decorators, search))
    .map(({ entry, plain }) => withContent(entry, plain.content))
    .sort((one, two) => one.insertion_order - two.insertion_order)
  const own = lorebook.token_budget ?? 0
  return fitting(matching, own > 0 ? Math.min(own, budgetTokens) : budgetTokens, tokensOf)
}

const withContent = (entry: LorebookEntry, content: string): LorebookEntry => ({ ...entry, content })

interface Search {
  readonly exact: KeySearch
  readonly folded: KeySearch
}

function isMatching(entry: LorebookEntry, decorators: readonly string[], search: Search): boolean {
  if (decorators.includes('dont_activate')) return false
  if (entry.constant || decorators.includes('activate')) return true
  const isFound = entry.case_sensitive ? search.exact : search.folded
  const isAnyFound = (keys: readonly string[]) => searchedKeys(keys, entry).some(isFound)
  return (
    isAnyFound(entry.keys) &&
    (!entry.selective || entry.secondary_keys.length === 0 || isAnyFound(entry.secondary_keys))
  )
}

// SillyTavern sets `use_regex` on every entry that it writes, and means it only of keys between slashes. A dot matches
// itself, so that "Mr. Smith" stays a key.
const searchedKeys = (keys: readonly string[], { use_regex }: LorebookEntry): readonly string[] =>
  keys
    .slice(0, mostKeys)
    .filter((key) => key.length <= keyCharacters && !(use_regex && /[\\^$*+?()[\]{}|]|^\/.*\/\w*$/s.test(key)))

function keySearch(entries: readonly LorebookEntry[], texts: readonly string[], isCaseSensitive: boolean): KeySearch {
  let characters = 0
  const keys = entries
    .filter(({ case_sensitive, constant }) => case_sensitive === isCaseSensitive && !constant)
    .flatMap((entry) => [entry.keys, entry.secondary_keys].flatMap((list) => searchedKeys(list, entry)))
    .filter((key) => (characters += key.length) <= allKeyCharacters)
  return searchKeys(keys, keys.length === 0 ? [] : texts, isCaseSensitive)
}

function recentTexts(texts: readonly string[], scanDepth: number | undefined): readonly string[] {
  const isDepth = scanDepth !== undefined && scanDepth >= 0
  const recent: string[] = []
  let left = textCharacters
  for (const text of texts.slice(isDepth ? Math.max(0, texts.length - Math.floor(scanDepth)) : 0).toReversed()) {
    if (left === 0) break
    recent.push(text.slice(-left))
    left -= Math.min(left, text.length)
  }
  return recent
}

/** The decorators before a content by name (`@@name value`; `@@@name` is a fallback), and the content after them. */
function withoutDecorators(text: string): { readonly decorators: readonly string[]; readonly content: string } {
  const lines = text.split('\n')
  const first = lines.findIndex((line) => !line.startsWith('@@') && line.trim() !== '')
  const head = first < 0 ? lines : lines.slice(0, first)
  const decorators = head.map((line) => /^@@@?(\w+)/.exec(line)?.[1]).filter((name) => name !== undefined)
  return decorators.length === 0
    ? { decorators, content: text.trim() === '' ? '' : text }
    : { decorators, content: first < 0 ? '' : lines.slice(first).join('\n').trimEnd() }
}

function fitting(
  entries: readonly LorebookEntry[],
  budgetTokens: number,
  tokensOf: (text: string) => number,
): readonly LorebookEntry[] {
  const rank = ({ priority, insertion_order }: LorebookEntry) => priority ?? insertion_order
  const byRank = entries.toSorted((one, two) => Number(two.constant) - Number(one.constant) || rank(two) - rank(one))
  let left = budgetTokens
  const chosen = new Set<LorebookEntry>()
  for (const entry of byRank) {
    const tokens = tokensOf(entry.content)
    if (tokens > left) continue
    left -= tokens
    chosen.add(entry)
  }
  return entries.filter((entry) => chosen.has(entry))
}
