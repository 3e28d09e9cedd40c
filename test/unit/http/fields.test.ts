import { describe, expect, it } from 'vitest'
import { isStorableJson, jsonObjectField } from '#src/http/fields.ts'

/** So deep a value, counting itself. */
const nested = (depth: number): object => (depth === 1 ? {} : { a: nested(depth - 1) })

describe('a small JSON object', () => {
  const faultOf = (value: unknown) => jsonObjectField.safeParse(value).error?.issues.map(({ message }) => message)

  it('is no deeper than 10', () => {
    expect([faultOf(nested(10)), isStorableJson(nested(10))]).toEqual([undefined, true])
    expect([faultOf(nested(11)), isStorableJson(nested(11))]).toEqual([['must not be nested deeper than 10'], false])
  })

  it('holds no more than 100 names', () => {
    const named = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, place) => [`n${place}`, 0]))
    expect([faultOf(named(100)), faultOf(named(101))]).toEqual([undefined, ['must not hold more than 100 names']])
  })

  it.each([
    ['names', Object.fromEntries(Array.from({ length: 130_000 }, (_, place) => [`n${place}`, 0]))],
    ['items', { list: Array.from({ length: 130_000 }, () => 0) }],
  ])('of 130,000 %s is refused', (_name, value) => {
    expect(faultOf(value)).toEqual(['must not be longer than 16,000 characters'])
  })

  it('is stored by PostgreSQL with as many items as there are', () => {
    expect(isStorableJson(Array.from({ length: 130_000 }, () => 0))).toBe(true)
  })
})
