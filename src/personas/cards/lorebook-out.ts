import type { JsonValue } from '#src/db/columns.ts'
import { isSame } from '#src/personas/cards/json-values.ts'
import { itemTexts, memberText, withItems, withMembers } from '#src/personas/cards/json-text.ts'
import type { Lorebook, LorebookEntry } from '#src/personas/cards/lorebook-json.ts'

/** A lorebook as the JSON text of a card that had none. */
export function freshLorebook(lorebook: Lorebook): string {
  const { entries, ...head } = lorebook
  return JSON.stringify({ ...head, extensions: {}, entries: entries.map(withExtensions) })
}

const withExtensions = (entry: LorebookEntry) => ({ ...entry, extensions: {} })

/**
 * A lorebook's text with what was edited: `before` is what it was read as, `text` the object it was read from. An entry
 * that stayed keeps its bytes wherever it moved; one that has the id or the place of an old one changes only where they
 * differ; others are laid out anew.
 */
export function editedLorebook(text: string, before: Lorebook, after: Lorebook): string {
  const { entries: oldEntries, ...oldHead } = before
  const { entries: newEntries, ...newHead } = after
  const changes = changesOf(oldHead, newHead)
  if (!isSame(oldEntries, newEntries)) {
    const list = memberText(text, 'entries')
    const isText = list?.startsWith('[') === true
    const texts = editedEntries(isText ? itemTexts(list) : [], oldEntries, newEntries)
    changes.set('entries', withItems(isText ? list : '[]', texts))
  }
  return withMembers(text, changes)
}

function editedEntries(
  texts: readonly string[],
  before: readonly LorebookEntry[],
  after: readonly LorebookEntry[],
): string[] {
  const sources = sourcesOf(before, after)
  return after.map((entry, at) => {
    const source = sources.get(at)
    const [text, old] = source === undefined ? [] : [texts[source], before[source]]
    return text === undefined || old === undefined
      ? JSON.stringify(withExtensions(entry))
      : withMembers(text, changesOf(old, entry))
  })
}

/** Which old entry each new one is: the same, or else that of its id, or else that of its place. */
function sourcesOf(before: readonly LorebookEntry[], after: readonly LorebookEntry[]): ReadonlyMap<number, number> {
  const free = new Set(before.keys())
  const sources = new Map<number, number>()
  for (const keyOf of [unmovedKey, contentKey, idKey, placeKey]) {
    const places = Map.groupBy([...free].toReversed(), (at) => keyOf(before[at], at))
    for (const [at, entry] of after.entries()) {
      const key = keyOf(entry, at)
      if (sources.has(at) || key === undefined) continue
      const source = places.get(key)?.pop()
      if (source === undefined) continue
      sources.set(at, source)
      free.delete(source)
    }
  }
  return sources
}

// The order of members is not what an entry says: `jsonb` changes it.
const contentKey = (entry: LorebookEntry | undefined) =>
  JSON.stringify(Object.entries(entry ?? {}).sort(([one], [two]) => (one < two ? -1 : 1)))
const unmovedKey = (entry: LorebookEntry | undefined, at: number) => `${at} ${contentKey(entry)}`
const idKey = (entry: LorebookEntry | undefined) => entry?.id
const placeKey = (_: LorebookEntry | undefined, at: number) => at

/** What an object's members became, as JSON texts; one that is gone is null, which readers take as absent. */
function changesOf<Shape extends object>(before: Shape, after: Shape): Map<string, string> {
  const [old, now] = [entriesOf(before), entriesOf(after)]
  const changed = [...new Set([...old.keys(), ...now.keys()])].filter((name) => !isSame(old.get(name), now.get(name)))
  return new Map(changed.map((name) => [name, JSON.stringify(now.get(name) ?? null)]))
}

const entriesOf = (object: object): Map<string, JsonValue | undefined> => new Map(Object.entries(object))
