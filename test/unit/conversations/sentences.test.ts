import { describe, expect, it } from 'vitest'
import { finishedUntil } from '#src/conversations/sentences.ts'

const finished = (text: string, from = 0) => text.slice(0, finishedUntil(text, from))

describe('the sentences of a growing text that are finished', () => {
  it.each([
    ['', ''],
    ['Hello', ''],
    ['Hello.', ''],
    ['Hello. ', ''],
    ['Hello. How', 'Hello. '],
    ['Hello. How are you? I', 'Hello. How are you? '],
    ['It costs 3.5 euros. Yes', 'It costs 3.5 euros. '],
    ['One\nTwo', 'One\n'],
    ['潮が満ちる。また', '潮が満ちる。'],
    ['Cold 🌊! Does', 'Cold 🌊! '],
    ['مرحبا؟ نعم', 'مرحبا؟ '],
  ])('of %j are %j', (text, expected) => {
    expect(finished(text)).toBe(expected)
  })

  it('are the same where an earlier call is gone on from', () => {
    const text = 'One. Two. Three'
    expect(finished(text, finishedUntil('One. Tw', 0))).toBe('One. Two. ')
    expect(finished(text, 10)).toBe('One. Two. ')
  })

  it('grow only, letter by letter, up to a part of the text', () => {
    const text = 'Well… I said: “No.” Then (later) he left. 潮が満ちる。Fine'
    let from = 0
    for (let length = 0; length <= text.length; length += 1) {
      const until = finishedUntil(text.slice(0, length), from)
      expect(until).toBeGreaterThanOrEqual(from)
      expect(until).toBeLessThanOrEqual(length)
      from = until
    }
    expect(text.slice(0, from)).toMatch(/満ちる。$/)
  })
})
