import { Problem } from '#src/http/problem.ts'
import {
  cardTextBytes,
  parseCardJson,
  textNames,
  type CardFields,
  type CharacterCard,
  type TextField,
} from '#src/personas/cards/card.ts'
import { isSame, memberOf, storableText } from '#src/personas/cards/json-values.ts'
import { itemTexts, memberText, withItems, withMembers } from '#src/personas/cards/json-text.ts'
import { editedLorebook, freshLorebook } from '#src/personas/cards/lorebook-out.ts'
import { noExtension } from '#src/personas/cards/neuraform-extension.ts'

const specs = {
  2: { spec: 'chara_card_v2', spec_version: '2.0' },
  3: { spec: 'chara_card_v3', spec_version: '3.0' },
} as const

/**
 * A card's JSON text as V3, or V2 where asked. A card that was imported (`originalText`) keeps all that it was but for the
 * fields that differ from what its text says: unknown members, the order, numbers as written, to the byte; without edits
 * and in its own version it is the very text. A flat (V1) card stays as it is and gets `spec` and `data` beside its
 * members, as SillyTavern writes both. Throws `payload_too_large` beyond 2 MiB, and as `parseCardJson` does.
 */
export function exportCard(
  card: { readonly fields: CardFields; readonly originalText?: string | undefined },
  spec: 2 | 3 = 3,
): string {
  const text =
    card.originalText === undefined
      ? JSON.stringify({ ...specs[spec], data: freshData(card.fields, spec) }, undefined, 2)
      : editedCard(parseCardJson(card.originalText), card.fields, spec)
  if (text.length > cardTextBytes || Buffer.byteLength(text) > cardTextBytes) {
    throw new Problem('payload_too_large', 'The card would hold more than 2 MiB of JSON.')
  }
  return text
}

function editedCard(original: CharacterCard, fields: CardFields, spec: 2 | 3): string {
  const { originalText: text, version } = original
  const changes = duplicateChanges(original, fields)
  if (version === 1) {
    const flat = withMembers(text, structureChanges(text, original.fields, fields))
    changes.set('data', wrappedData(flat, fields, spec))
  } else {
    const data = memberText(text, 'data') ?? '{}'
    const edited = withMembers(data, dataChanges(data, original.fields, fields))
    const upgraded = spec === 3 && version === 2 ? upgradedData(edited) : edited
    if (upgraded !== data) changes.set('data', upgraded)
  }
  if (version !== spec || memberOf(original.original, 'spec') === undefined) {
    for (const [name, value] of Object.entries(specs[spec])) changes.set(name, JSON.stringify(value))
  }
  return withMembers(text, changes)
}

const texts = Object.keys(textNames).filter((name): name is TextField => Object.hasOwn(textNames, name))

/** A card's `data` that no card was before. */
function freshData(fields: CardFields, spec: 2 | 3): Record<string, unknown> {
  const { nickname, lorebook, extension } = fields
  const known = texts.filter((field) => field !== 'nickname').map((field) => [textNames[field][0], fields[field]])
  return {
    ...Object.fromEntries(known),
    alternate_greetings: fields.alternate_greetings,
    tags: fields.tags,
    ...(nickname === '' ? {} : { nickname }),
    ...(spec === 3 ? { group_only_greetings: [] } : {}),
    ...(lorebook === undefined ? {} : { character_book: JSON.parse(freshLorebook(lorebook)) as unknown }),
    extensions: isSame(extension, noExtension) ? {} : { neuraform: extension },
  }
}

function dataChanges(data: string, before: CardFields, after: CardFields): Map<string, string> {
  const changes = structureChanges(data, before, after)
  for (const field of texts) {
    if (before[field] !== after[field]) changes.set(textNames[field][0], JSON.stringify(after[field]))
  }
  for (const field of ['alternate_greetings', 'tags'] as const) {
    if (!isSame(before[field], after[field])) changes.set(field, JSON.stringify(after[field]))
  }
  return changes
}

/** Changes of the members that have members: only what differs within them. */
function structureChanges(object: string, before: CardFields, after: CardFields): Map<string, string> {
  const changes = new Map<string, string>()
  if (!isSame(before.lorebook, after.lorebook)) {
    const book = memberText(object, 'character_book')
    changes.set('character_book', lorebookText(book, before, after))
  }
  if (!isSame(before.extension, after.extension)) {
    const extensions = memberText(object, 'extensions')
    const own = new Map([['neuraform', JSON.stringify(after.extension)]])
    changes.set('extensions', withMembers(extensions?.startsWith('{') === true ? extensions : '{}', own))
  }
  return changes
}

function lorebookText(book: string | undefined, before: CardFields, after: CardFields): string {
  if (after.lorebook === undefined) return 'null'
  if (book === undefined || before.lorebook === undefined) return freshLorebook(after.lorebook)
  return editedLorebook(book, before.lorebook, after.lorebook)
}

/** The `data` of a card that was flat: its known fields, and the texts of those members that hold more than we know. */
function wrappedData(flat: string, fields: CardFields, spec: 2 | 3): string {
  const kept = new Map<string, string>()
  for (const name of ['character_book', 'extensions']) {
    const text = memberText(flat, name)
    if (text?.startsWith('{') === true) kept.set(name, text)
  }
  const data = withMembers(JSON.stringify(freshData(fields, spec)), kept)
  return spec === 3 ? upgradedData(data) : data
}

/** What V3 demands of `data` and V2 has not: `group_only_greetings`, and `use_regex` in each entry of the lorebook. */
function upgradedData(data: string): string {
  const changes = new Map<string, string>()
  if (memberText(data, 'group_only_greetings') === undefined) changes.set('group_only_greetings', '[]')
  const book = memberText(data, 'character_book')
  const entries = book?.startsWith('{') === true ? memberText(book, 'entries') : undefined
  if (book !== undefined && entries?.startsWith('[') === true) {
    const upgraded = itemTexts(entries).map((entry) =>
      memberText(entry, 'use_regex') === undefined ? withMembers(entry, new Map([['use_regex', 'false']])) : entry,
    )
    changes.set('character_book', withMembers(book, new Map([['entries', withItems(entries, upgraded)]])))
  }
  return withMembers(data, changes)
}

/**
 * Changes of the flat fields: a V1 card's own, and the copies that SillyTavern writes beside `data`, for programs that read
 * only those. A copy that said something else than `data` stays.
 */
function duplicateChanges(
  { original, version, fields: before }: CharacterCard,
  after: CardFields,
): Map<string, string> {
  const changes = new Map<string, string>()
  for (const field of texts) {
    if (before[field] === after[field]) continue
    for (const name of textNames[field]) {
      const value = memberOf(original, name)
      const isCopy = typeof value === 'string' && storableText(value) === before[field]
      if (value !== undefined && (version === 1 || isCopy)) changes.set(name, JSON.stringify(after[field]))
    }
  }
  for (const field of ['alternate_greetings', 'tags'] as const) {
    const value = memberOf(original, field)
    const isCopy = version === 1 ? value !== undefined : isSame(value, before[field])
    if (!isSame(before[field], after[field]) && isCopy) changes.set(field, JSON.stringify(after[field]))
  }
  return changes
}
