import type { JsonObject, JsonValue } from '#src/db/columns.ts'

export const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const isList = (value: JsonValue | undefined): value is readonly JsonValue[] => Array.isArray(value)

/** An object's own member: never what it inherits. */
export const memberOf = (object: JsonObject, name: string): JsonValue | undefined =>
  Object.hasOwn(object, name) ? object[name] : undefined

/** A text that PostgreSQL stores: without NUL, each lone surrogate as U+FFFD. */
export const storableText = (text: string): string => text.replaceAll('\0', '').toWellFormed()

/** A value whose texts and names PostgreSQL stores as `jsonb`; a number beyond a double's range is null. */
function storableJson(value: JsonValue): JsonValue {
  if (typeof value === 'string') return storableText(value)
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (isList(value)) return value.map(storableJson)
  return isObject(value) ? storableObject(value) : value
}

/** The same of an object. */
export const storableObject = (object: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(object).map(([name, value]) => [storableText(name), storableJson(value)]))

/** Whether two values of JSON say the same: the order of members does not count (`jsonb` changes it), nor do undefined ones. */
export function isSame(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) || Array.isArray(other)) {
    return (
      Array.isArray(one) &&
      Array.isArray(other) &&
      one.length === other.length &&
      one.every((item, index) => isSame(item, other[index]))
    )
  }
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return one === other
  const [left, right] = [new Map(Object.entries(one)), new Map(Object.entries(other))]
  return [...left.keys(), ...right.keys()].every((name) => isSame(left.get(name), right.get(name)))
}
