import type { JsonObject, JsonValue } from '#src/db/columns.ts'
import { Problem, type Fault } from '#src/http/problem.ts'
import { isList, isObject, memberOf, storableText } from '#src/personas/cards/json-values.ts'
import { commaParts, liberalReader, type LiberalReader } from '#src/personas/cards/liberal-values.ts'

/** What a companion knows of its world (V3 `Lorebook`, V2 `character_book`). Unknown members are in the card's own text. */
export interface Lorebook {
  readonly name: string
  readonly description: string
  /** How many of the last messages are searched for keys. */
  readonly scan_depth?: number
  readonly token_budget?: number
  readonly recursive_scanning: boolean
  readonly entries: readonly LorebookEntry[]
}

export interface LorebookEntry {
  readonly keys: readonly string[]
  readonly secondary_keys: readonly string[]
  readonly content: string
  readonly enabled: boolean
  readonly insertion_order: number
  readonly case_sensitive: boolean
  readonly use_regex: boolean
  readonly constant: boolean
  readonly selective: boolean
  readonly name: string
  readonly comment: string
  readonly priority?: number
  readonly id?: string | number
  readonly position?: 'before_char' | 'after_char'
}

const mostEntries = 5_000

/** Reads a lorebook that stands at a pointer of a card; null and absence are no lorebook. What is wrong goes to `faults`. */
export function readLorebook(value: JsonValue | undefined, pointer: string, faults: Fault[]): Lorebook | undefined {
  if (value === undefined || value === null) return undefined
  if (!isObject(value)) {
    faults.push({ pointer, detail: 'must be an object' })
    return undefined
  }
  const read = liberalReader(value, pointer, faults)
  const entries = entriesOf(memberOf(value, 'entries') ?? [], read)
  return {
    name: read.text('name'),
    description: read.text('description'),
    ...given('scan_depth', read.number('scan_depth')),
    ...given('token_budget', read.number('token_budget')),
    recursive_scanning: read.flag('recursive_scanning', false),
    entries: entries.map((entry, index) => {
      if (!isObject(entry)) read.fault(`entries/${index}`, 'must be an object')
      const object = isObject(entry) ? entry : {}
      return readEntry(object, liberalReader(object, `${pointer}/entries/${index}`, faults))
    }),
  }
}

function entriesOf(value: JsonValue, read: LiberalReader): readonly JsonValue[] {
  if (isList(value) && value.length <= mostEntries) return value
  read.fault('entries', isList(value) ? `must not hold more than ${mostEntries} entries` : 'must be a list')
  return []
}

function readEntry(entry: JsonObject, read: LiberalReader): LorebookEntry {
  const id = memberOf(entry, 'id')
  const position = memberOf(entry, 'position')
  return {
    keys: read.texts('keys', commaParts),
    secondary_keys: read.texts('secondary_keys', commaParts),
    content: read.text('content'),
    enabled: read.flag('enabled', true),
    insertion_order: read.number('insertion_order') ?? 100,
    case_sensitive: read.flag('case_sensitive', false),
    use_regex: read.flag('use_regex', false),
    constant: read.flag('constant', false),
    selective: read.flag('selective', false),
    name: read.text('name'),
    comment: read.text('comment'),
    ...given('priority', read.number('priority')),
    ...(typeof id === 'number' && Number.isFinite(id) ? { id } : {}),
    ...(typeof id === 'string' ? { id: storableText(id) } : {}),
    ...(position === 'before_char' || position === 'after_char' ? { position } : {}),
  }
}

const given = <Name extends string>(name: Name, value: number | undefined): { [name in Name]?: number } =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a computed name widens to string
  (value === undefined ? {} : { [name]: value }) as { [name in Name]?: number }

/** The lorebook in a persona's column; `{}` is none. Throws `invalid_body` where it is something else. */
export function lorebookOf(column: JsonObject): Lorebook | undefined {
  if (Object.keys(column).length === 0) return undefined
  const faults: Fault[] = []
  const lorebook = readLorebook(column, '/lorebook', faults)
  if (faults.length > 0) throw new Problem('invalid_body', 'The lorebook is not valid.', { errors: faults })
  return lorebook
}

/** A lorebook as a persona's column holds it. */
export const lorebookColumn = (lorebook: Lorebook | undefined): JsonObject =>
  lorebook === undefined ? {} : { ...lorebook, entries: lorebook.entries.map((entry) => ({ ...entry })) }
