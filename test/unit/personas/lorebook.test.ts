import { describe, expect, it } from 'vitest'
import { matchingEntries } from '#src/personas/cards/lorebook.ts'
import type { Lorebook, LorebookEntry } from '#src/personas/cards/lorebook-json.ts'

const entry = (content: string, changes: Partial<LorebookEntry> = {}): LorebookEntry => ({
  keys: [],
  secondary_keys: [],
  content,
  enabled: true,
  insertion_order: 0,
  case_sensitive: false,
  use_regex: false,
  constant: false,
  selective: false,
  name: '',
  comment: '',
  ...changes,
})
const book = (entries: readonly LorebookEntry[], changes: Partial<Lorebook> = {}): Lorebook => ({
  name: '',
  description: '',
  recursive_scanning: false,
  entries,
  ...changes,
})
const contents = (lorebook: Lorebook, texts: readonly string[], budget = 1_000) =>
  matchingEntries(lorebook, texts, budget, (text) => text.length).map(({ content }) => content)
const isFound = (key: string, text: string, changes: Partial<LorebookEntry> = {}) =>
  contents(book([entry('x', { keys: [key], ...changes })]), [text]).length === 1

describe('a key', () => {
  it.each([
    ['cat', 'the CAT sat', true],
    ['cat', 'concatenate', false],
    ['cat', 'cats', false],
    ['cat', "the cat's tail", true],
    ['cat', 'cat', true],
    ['cat', '"cat"', true],
    ['cat', 'cat_2', false],
    ['old lamp', 'an old\n lamp', true],
    ['old lamp', 'an older lamp', false],
    ['old', 'old lamp', true],
    [' lamp ', 'the lamp.', true],
    ['', 'anything', false],
    ['  ', 'any thing', false],
    ['図書館', '大きな図書館へ行く', true],
    ['Alice', 'Aliceは図書館', true],
    ['リス', 'クリスマス', true],
    ['앨리스', '앨리스는 말했다', true],
    ['🐿️', 'a 🐿️!', true],
    ['café', 'CAFE\u0301', true],
    ['Ünal', 'ÜNAL spoke', true],
    ['C++', 'I like C++.', true],
  ])('%s in %j: %s', (key, text, expected) => {
    expect(isFound(key, text)).toBe(expected)
  })

  it('may count its case', () => {
    expect(isFound('Hope', 'there is hope', { case_sensitive: true })).toBe(false)
    expect(isFound('Hope', 'there is Hope', { case_sensitive: true })).toBe(true)
  })

  it.each([
    ['lamp', 'the lamp', true],
    ['Mr. Hale', 'ask Mr. Hale', true],
    ['Mr. Hale', 'ask MrX Hale', false],
    ['lamps?', 'the lamp', false],
    ['lamps?', 'lamps?', false],
    ['/lamp/i', 'the /lamp/i', false],
    ['(a+)+$', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab', false],
  ])('of a regular expression is a text or nothing: %s in %j', (key, text, expected) => {
    expect(isFound(key, text, { use_regex: true })).toBe(expected)
  })

  it('is not found across two texts', () => {
    expect(contents(book([entry('x', { keys: ['old lamp'] })]), ['so old', 'lamp'])).toEqual([])
  })
})

describe('an entry enters a prompt', () => {
  it('that is constant, and never one that is disabled or empty', () => {
    const entries = [
      entry('constant', { constant: true }),
      entry('regex', { constant: true, use_regex: true, keys: ['.*'] }),
      entry('disabled', { constant: true, enabled: false }),
      entry('  ', { constant: true }),
      entry('no key'),
    ]
    expect(contents(book(entries), ['hello'])).toEqual(['constant', 'regex'])
  })

  it('with a second key, where it is selective', () => {
    const keys = { keys: ['lamp'], secondary_keys: ['oil', 'wick'] }
    const entries = [entry('both', { ...keys, selective: true }), entry('one', keys)]
    expect(contents(book(entries), ['the lamp'])).toEqual(['one'])
    expect(contents(book(entries), ['the lamp', 'a wick'])).toEqual(['both', 'one'])
    expect(contents(book([entry('none', { keys: ['lamp'], selective: true })]), ['lamp'])).toEqual(['none'])
  })

  it('in the order of insertion, and of the book where that is equal', () => {
    const entries = [3, 1, 2, 1].map((insertion_order, index) =>
      entry(`${insertion_order}${'abcd'[index]}`, { constant: true, insertion_order }),
    )
    expect(contents(book(entries), [])).toEqual(['1b', '1d', '2c', '3a'])
  })

  it('without its decorators, of which two are followed', () => {
    const entries = [
      entry('@@depth 4\n@@@role system\n\nplain\n@@not one', { constant: true }),
      entry('@@activate\nalways'),
      entry('@@dont_activate\nnever', { constant: true }),
      entry('@@depth 4', { constant: true }),
    ]
    expect(contents(book(entries), [])).toEqual(['plain\n@@not one', 'always'])
  })

  it('by the last messages that the book looks at', () => {
    const entries = [entry('old', { keys: ['old'] }), entry('new', { keys: ['new'] })]
    expect(contents(book(entries, { scan_depth: 1 }), ['old', 'new'])).toEqual(['new'])
    expect(contents(book(entries, { scan_depth: 0 }), ['old', 'new'])).toEqual([])
    expect(contents(book(entries, { scan_depth: 9 }), ['old', 'new'])).toEqual(['old', 'new'])
    expect(contents(book(entries), [`old ${'x'.repeat(20_000)}`, 'new'])).toEqual(['new'])
  })
})

describe('a short budget', () => {
  const five = (content: string, changes: Partial<LorebookEntry>) =>
    entry(content.padEnd(5, '.'), { keys: ['k'], ...changes })

  it('drops the lowest priority first, or the lowest order, and constant entries last', () => {
    const entries = [
      five('a', { priority: 1, insertion_order: 9 }),
      five('b', { priority: 3, insertion_order: 1 }),
      five('c', { insertion_order: 2 }),
      five('d', { constant: true, priority: 0, insertion_order: 5 }),
    ]
    expect(contents(book(entries), ['k'], 20)).toEqual(['b....', 'c....', 'd....', 'a....'])
    expect(contents(book(entries), ['k'], 19)).toEqual(['b....', 'c....', 'd....'])
    expect(contents(book(entries), ['k'], 10)).toEqual(['b....', 'd....'])
    expect(contents(book(entries), ['k'], 5)).toEqual(['d....'])
    expect(contents(book(entries), ['k'], 4)).toEqual([])
    expect(contents(book(entries, { token_budget: 5 }), ['k'], 20)).toEqual(['d....'])
    expect(contents(book(entries, { token_budget: 0 }), ['k'], 5)).toEqual(['d....'])
  })

  it('leaves out what is too long for it, and takes what follows', () => {
    const entries = [entry('x'.repeat(50), { keys: ['k'], priority: 9 }), five('b', { priority: 1 })]
    expect(contents(book(entries), ['k'], 20)).toEqual(['b....'])
  })
})

describe('a hostile lorebook', () => {
  it('costs no more than its size: keys that nearly match, everywhere', () => {
    const keys = Array.from({ length: 50 }, (_, index) => `${'a '.repeat(49)}${index}`)
    const entries = Array.from({ length: 2_000 }, (_, index) =>
      entry(String(index), { keys: [...keys.map((key) => key.slice(-100)), 'needle'] }),
    )
    const began = performance.now()
    expect(contents(book(entries), ['a '.repeat(10_000)], 1e9)).toEqual([])
    expect(performance.now() - began).toBeLessThan(2_000)
  })

  it('is counted to 1,000 entries of 50 keys', () => {
    const entries = Array.from({ length: 1_001 }, (_, index) => entry(String(index), { keys: ['k'] }))
    expect(contents(book(entries), ['k'], 1e9)).toHaveLength(1_000)
    const many = (count: number) => [...Array.from({ length: count }, (_, index) => `x${index}`), 'k']
    expect(contents(book([entry('49', { keys: many(49) }), entry('50', { keys: many(50) })]), ['k'])).toEqual(['49'])
    expect(isFound('k'.repeat(101), 'k'.repeat(101))).toBe(false)
  })
})
