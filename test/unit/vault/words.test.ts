import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashWords, wordsOf } from '#src/vault/words.ts'

const key = new Uint32Array([0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c])
const listOf = (text: string) => [...wordsOf(text)]

describe('the words of a text', () => {
  it.each([
    ['English', 'The cat’s pyjamas, aren’t they?', ['the', "cat's", 'pyjamas', "aren't", 'they']],
    ['numbers', 'Room 42, at 3.14 or 1,000', ['room', '42', 'at', '3.14', 'or', '1,000']],
    ['Japanese', '私は東京都に住んでいます', ['私', 'は', '東京', '都', 'に']],
    ['Thai', 'สวัสดีครับ วันนี้อากาศดี', ['สวัสดี', 'ครับ', 'อากาศ']],
    ['Chinese', '我喜欢北京烤鸭', ['喜欢', '北京']],
    ['Arabic', 'السَّلامُ عليكم', ['السلام', 'عليكم']],
    ['Korean', '안녕하세요 세계', ['안녕하세요', '세계']],
    ['Hindi', 'नमस्ते दुनिया', ['नमस्ते', 'दुनिया']],
    ['emoji', 'I 👩‍🚀 you 🇫🇷 ❤️!', ['i', '👩‍🚀', 'you', '🇫🇷']],
  ])('are found in %s', (_language, text, words) => {
    const found = listOf(text).map((word) => word.replaceAll('’', "'"))
    expect(found).toEqual(expect.arrayContaining(words))
  })

  it.each([
    ['case', 'ISTANBUL Straße ΟΔΟΣ', 'istanbul STRASSE οδός'],
    ['accents', 'Café naïve Ångström Łódź', 'cafe NAIVE angstrom łodz'],
    ['width', 'ＦＵＬＬ ｶﾀｶﾅ', 'full カタカナ'],
    ['how it is composed', 'e\u0301te\u0301', '\u00e9t\u00e9'],
    ['Arabic vowel points and stretching', 'مُحَمَّد', 'محمـــد'],
    ['ligatures', 'ﬁne oﬃce', 'fine office'],
  ])('are the same without %s', (_what, one, other) => {
    expect(listOf(one)).toEqual(listOf(other))
  })

  it.each([
    ['が and か', 'が', 'か'],
    ['มา and ม้า', 'มา', 'ม้า'],
  ])('stay apart where a mark makes another letter: %s', (_what, one, other) => {
    expect(listOf(one)).not.toEqual(listOf(other))
  })

  it('are none where there is none', () => {
    expect(['', '   ', '?!… — “”', '\n\t'].map((text) => wordsOf(text).size)).toEqual([0, 0, 0, 0])
  })

  it('of any text are the same however it is composed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        expect(wordsOf(text.normalize('NFD'))).toEqual(wordsOf(text.normalize('NFC')))
      }),
    )
  })
})

describe('their hashes', () => {
  it('are SipHash-2-4 of the reference vectors', () => {
    // The key 00 01 … 0f and the message 00 01 … 0e of the algorithm’s paper (appendix A), which is no word, but is bytes.
    const message = String.fromCharCode(...Array.from({ length: 15 }, (_, index) => index))
    expect(hashWords(key, new Set([message]))).toEqual([BigInt.asIntN(64, 0xa129ca6149be45e5n)])
  })

  it('are sorted, so that they tell no order', () => {
    const hashes = hashWords(key, wordsOf('one two three four five six seven eight nine ten'))
    expect(hashes.length).toBe(10)
    expect([...hashes]).toEqual(BigInt64Array.from(hashes).sort().values().toArray())
  })

  it('are others under another key', () => {
    const words = wordsOf('hello world')
    const other = hashWords(new Uint32Array([1, 2, 3, 4]), words)
    expect(hashWords(key, words).filter((hash) => other.includes(hash))).toEqual([])
  })
})
