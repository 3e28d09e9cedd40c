import { describe, expect, it } from 'vitest'
import { endsInsideMark } from '#src/speech/open-marks.ts'

describe('a mark that is open at the end of a text', () => {
  it.each([
    ['*She leans in. '],
    ['_She leans in. '],
    ['**Important. '],
    ['Well (or so they say. '],
    ['[sighs. '],
    ['（笑。'],
    ['【so. '],
    ['```\ncode. '],
    ['He *waves*. *And '],
    ['Once.\n\n*Twice. '],
  ])('is open: %j', (text) => {
    expect(endsInsideMark(text)).toBe(true)
  })

  it.each([
    [''],
    ['Plain. '],
    ['*She waves.* '],
    ['_She waves._ '],
    ['**Important.** Go. '],
    ['***Both.*** '],
    ['snake_case_name. '],
    ['f(x). '],
    ['[1] a note. '],
    ['```\ncode.\n``` '],
    ['*never closed\n\nA new paragraph. '],
    [':) '],
  ])('is not: %j', (text) => {
    expect(endsInsideMark(text)).toBe(false)
  })

  it('is found in a moment, whatever the text', () => {
    for (const mark of ['*', '_', '(', '[', '`', ' _a', '*a ']) {
      const startedAt = performance.now()
      endsInsideMark(mark.repeat(16_000))
      expect(performance.now() - startedAt).toBeLessThan(500)
    }
  })
})
