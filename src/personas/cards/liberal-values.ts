import type { JsonObject, JsonValue } from '#src/db/columns.ts'
import type { Fault } from '#src/http/problem.ts'
import { isList, memberOf, storableText } from '#src/personas/cards/json-values.ts'

/**
 * Reads members of one object as programs write them: null and absence are the default, a number may stand for its text
 * and a text for its number. What has no clear meaning is put on the list of faults, and the default is returned.
 */
export interface LiberalReader {
  readonly text: (name: string) => string
  readonly texts: (name: string, fromText?: (text: string) => readonly string[]) => readonly string[]
  readonly flag: (name: string, otherwise: boolean) => boolean
  readonly number: (name: string) => number | undefined
  readonly fault: (name: string, detail: string) => void
}

const mostFaults = 20

/** A reader of an object that stands at a JSON Pointer (RFC 6901) of the card. */
export function liberalReader(object: JsonObject, pointer: string, faults: Fault[]): LiberalReader {
  const fault = (name: string, detail: string) => {
    if (faults.length < mostFaults) faults.push({ pointer: `${pointer}/${name}`, detail })
  }
  const wrong = <Value>(name: string, detail: string, otherwise: Value): Value => {
    fault(name, detail)
    return otherwise
  }
  return {
    fault,
    text: (name) => textOf(memberOf(object, name)) ?? wrong(name, 'must be a text', ''),
    texts: (name, fromText) => textsOf(memberOf(object, name), fromText) ?? wrong(name, 'must be a list of texts', []),
    flag: (name, otherwise) => {
      const value = memberOf(object, name) ?? otherwise
      return flags.get(value) ?? wrong(name, 'must be true or false', otherwise)
    },
    number: (name) => {
      const value = memberOf(object, name)
      if (value === undefined || value === null || value === '') return undefined
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
      return typeof number === 'number' && Number.isFinite(number) ? number : wrong(name, 'must be a number', undefined)
    },
  }
}

const flags: ReadonlyMap<JsonValue, boolean> = new Map<JsonValue, boolean>([
  [true, true],
  ['true', true],
  [1, true],
  [false, false],
  ['false', false],
  [0, false],
  ['', false],
])

function textOf(value: JsonValue | undefined): string | undefined {
  if (value === undefined || value === null) return ''
  if (typeof value === 'string') return storableText(value)
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

function textsOf(
  value: JsonValue | undefined,
  fromText: (text: string) => readonly string[] = (text) => (text === '' ? [] : [text]),
): readonly string[] | undefined {
  if (value === undefined || value === null) return []
  if (typeof value === 'string') return fromText(storableText(value))
  if (!isList(value)) return undefined
  const texts = value.filter((item) => item !== null).map(textOf)
  return texts.every((text) => text !== undefined) ? texts : undefined
}

/** The parts of a text between commas, without the blank ones. */
export const commaParts = (text: string): readonly string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
