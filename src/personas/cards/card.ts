import type { JsonObject, JsonValue } from '#src/db/columns.ts'
import { Problem, type Fault } from '#src/http/problem.ts'
import { nestingOf } from '#src/personas/cards/json-text.ts'
import { isObject, memberOf } from '#src/personas/cards/json-values.ts'
import { commaParts, liberalReader } from '#src/personas/cards/liberal-values.ts'
import { readLorebook, type Lorebook } from '#src/personas/cards/lorebook-json.ts'
import { readExtension, type NeuraformExtension } from '#src/personas/cards/neuraform-extension.ts'

/** What this service knows of a card, whichever version it has. Texts hold no NUL and no lone surrogate. */
export interface CardFields {
  readonly name: string
  readonly nickname: string
  readonly description: string
  readonly personality: string
  readonly scenario: string
  readonly greeting: string
  readonly alternate_greetings: readonly string[]
  readonly example_dialogue: string
  readonly system_prompt: string
  readonly post_history_instructions: string
  readonly creator: string
  readonly creator_notes: string
  readonly character_version: string
  readonly tags: readonly string[]
  readonly lorebook: Lorebook | undefined
  readonly extension: NeuraformExtension
}

/** A parsed card. `originalText` is its JSON as it came but for a byte order mark: what to store, and to export from. */
export interface CharacterCard {
  readonly version: 1 | 2 | 3
  readonly fields: CardFields
  readonly original: JsonObject
  readonly originalText: string
}

export type TextField = Exclude<keyof CardFields, 'alternate_greetings' | 'tags' | 'lorebook' | 'extension'>

/**
 * How a card names each text: first as V2 and V3 do in `data`, then as old flat cards do (TavernAI, Pygmalion,
 * SillyTavern's `creatorcomment`).
 */
export const textNames: Readonly<Record<TextField, readonly [string, ...string[]]>> = {
  name: ['name', 'char_name'],
  nickname: ['nickname'],
  description: ['description', 'char_persona'],
  personality: ['personality'],
  scenario: ['scenario', 'world_scenario'],
  greeting: ['first_mes', 'char_greeting'],
  example_dialogue: ['mes_example', 'example_dialogue'],
  system_prompt: ['system_prompt'],
  post_history_instructions: ['post_history_instructions'],
  creator: ['creator'],
  creator_notes: ['creator_notes', 'creatorcomment'],
  character_version: ['character_version'],
}

/** How long a card's JSON may be, in bytes of UTF-8. */
export const cardTextBytes = 2 * 1_024 * 1_024
const deepest = 50

/**
 * Reads a character card: V1 (flat), V2 or V3. Throws `payload_too_large` beyond 2 MiB, `malformed_body` for what is not
 * JSON or nested deeper than 50, `invalid_body` with JSON Pointers for JSON that is no card.
 * Sources: malfoyslastname/character-card-spec-v2, kwaroran/character-card-spec-v3.
 */
export function parseCardJson(text: string): CharacterCard {
  const originalText = text.startsWith('\u{feff}') ? text.slice(1) : text
  const original = parseObject(originalText)
  const data = memberOf(original, 'data')
  const version = versionOf(memberOf(original, 'spec'), data)
  if (version !== 1 && !isObject(data)) throw notACard([{ pointer: '/data', detail: 'must be an object' }])
  const faults: Fault[] = []
  const fields = version === 1 || !isObject(data) ? readFields(original, '', faults) : readFields(data, '/data', faults)
  if (faults.length > 0) throw notACard(faults)
  return { version, fields, original, originalText }
}

/** The text of a card's bytes; throws `payload_too_large` beyond 2 MiB and `malformed_body` for what is not UTF-8. */
export function decodeCardText(bytes: Uint8Array): string {
  if (bytes.length > cardTextBytes) throw tooLong()
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw new Problem('malformed_body', 'The card is not UTF-8.', { cause: error })
  }
}

const tooLong = () => new Problem('payload_too_large', 'A character card may hold at most 2 MiB of JSON.')

const notACard = (errors: readonly Fault[]) => new Problem('invalid_body', 'This is not a character card.', { errors })

function parseObject(text: string): JsonObject {
  if (text.length > cardTextBytes || Buffer.byteLength(text) > cardTextBytes) throw tooLong()
  if (!text.isWellFormed()) throw new Problem('malformed_body', 'The card holds a lone surrogate.')
  if (nestingOf(text) > deepest) throw new Problem('malformed_body', `The card is nested deeper than ${deepest}.`)
  const value = parseJson(text)
  if (!isObject(value)) throw notACard([{ pointer: '', detail: 'must be an object' }])
  return value
}

function parseJson(text: string): JsonValue {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- JSON.parse makes nothing else
    return JSON.parse(text) as JsonValue
  } catch (error) {
    throw new Problem('malformed_body', 'The card is not JSON.', { cause: error })
  }
}

// A later version keeps to V3's members (CCv3, `spec_version`); some programs leave `spec` out.
function versionOf(spec: JsonValue | undefined, data: JsonValue | undefined): 1 | 2 | 3 {
  if (spec === 'chara_card_v2') return 2
  if (typeof spec === 'string' && /^chara_card_v[3-9]$/.test(spec)) return 3
  return isObject(data) ? 2 : 1
}

function readFields(object: JsonObject, pointer: string, faults: Fault[]): CardFields {
  const read = liberalReader(object, pointer, faults)
  const isFlat = pointer === ''
  const text = (field: TextField) => {
    const names = textNames[field]
    const [first] = names
    return read.text(isFlat ? (names.find((name) => isFilled(memberOf(object, name))) ?? first) : first)
  }
  const name = text('name')
  if (name.trim() === '') read.fault('name', 'must be the name of the character')
  return {
    name,
    nickname: text('nickname'),
    description: text('description'),
    personality: text('personality'),
    scenario: text('scenario'),
    greeting: text('greeting'),
    alternate_greetings: read.texts('alternate_greetings'),
    example_dialogue: text('example_dialogue'),
    system_prompt: text('system_prompt'),
    post_history_instructions: text('post_history_instructions'),
    creator: text('creator'),
    creator_notes: text('creator_notes'),
    character_version: text('character_version'),
    tags: read.texts('tags', commaParts),
    lorebook: readLorebook(memberOf(object, 'character_book'), `${pointer}/character_book`, faults),
    extension: readExtension(memberOf(object, 'extensions')),
  }
}

const isFilled = (value: JsonValue | undefined) => value !== undefined && value !== null && value !== ''
