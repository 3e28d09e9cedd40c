import { describe, expect, it } from 'vitest'
import { parseStrictJson } from '#src/http/strict-json.ts'
import { Problem } from '#src/http/problem.ts'

function outcomeOf(text: string): unknown {
  try {
    return parseStrictJson(text)
  } catch (error) {
    return error instanceof Problem ? error.code : error
  }
}

describe('strict JSON', () => {
  it.each([
    ['{"a":"\\"}","b":["\\\\"]}', { a: '"}', b: ['\\'] }],
    ['"{\\"a\\":1,\\"a\\":2}"', '{"a":1,"a":2}'],
    ['{"a":{"b":1},"b":{"a":1}}', { a: { b: 1 }, b: { a: 1 } }],
  ])('%s is what it says', (text, value) => {
    expect(outcomeOf(text)).toEqual(value)
  })

  it.each([
    ['{"a":1,"a":2}'],
    ['{"a":1,"\\u0061":2}'],
    ['{"__proto__":1}'],
    ['{"a":"'],
    ['{"a":"\\'],
    ['{"a":"\\\n"}'],
    ['['.repeat(33) + ']'.repeat(33)],
  ])('%s is refused', (text) => {
    expect(outcomeOf(text)).toBe('malformed_body')
  })

  it('holds strings of 15 MiB, and names', () => {
    const long = 'x'.repeat(15 * 1_024 * 1_024)
    const escaped = String.raw`\"\n`.repeat(4 * 1_024 * 1_024)
    const unescaped = '"\n'.repeat(4 * 1_024 * 1_024)
    expect(outcomeOf(`["${long}"]`)).toEqual([long])
    expect(outcomeOf(`{"${escaped}":"${escaped}"}`)).toEqual({ [unescaped]: unescaped })
    expect(outcomeOf(`["${long}`)).toBe('malformed_body')
    expect(outcomeOf(`{"${long}":1,"${long}":1}`)).toBe('malformed_body')
  })

  it.each([
    ['a string that does not end', `["${'\\"'.repeat(500_000)}`],
    ['quotes', '"'.repeat(1_000_000)],
    ['backslashes', `"${'\\'.repeat(1_000_001)}`],
    ['brackets', '['.repeat(1_000_000)],
    ['colons', `{"${'x'.repeat(1_000_000)}"${':'.repeat(1_000_000)}`],
  ])('is refused at once, however long: %s', (_name, text) => {
    const startedAt = Date.now()
    expect(outcomeOf(text)).toBe('malformed_body')
    expect(Date.now() - startedAt).toBeLessThan(2_000)
  })
})
