import { describe, expect, it } from 'vitest'
import { drawByRules } from '#src/memories/rules.ts'

const drawnFrom = (...contents: readonly string[]) =>
  drawByRules(
    contents.map((content, place) => ({ id: String(place), content })),
    [],
  )

const wordsDrawn = (content: string) => drawnFrom(content).map((drawn) => drawn.content)

describe('memories that are drawn by rules', () => {
  it.each([
    'My sister’s name is Mina.',
    'And I live in Kyoto with two cats.',
    'I’m allergic to peanuts.',
    'I am learning the violin.',
    'I am 14 years old.',
    'I really love rainy evenings.',
    'I’ve got a dog called Rex.',
    'Please call me Robin.',
    'Ich heiße Sabine und wohne in Graz.',
    'Ich habe zwei Katzen.',
    'Meine Schwester heißt Eva.',
    'J’adore les étoiles.',
    'Me gustan los gatos.',
    'Eu moro em Lisboa.',
    '私は京都に住んでいます。',
  ])('are what people say of themselves: %s', (sentence) => {
    expect(wordsDrawn(`Hello. ${sentence} It rains.`)).toEqual([sentence.replaceAll('’', "'")])
  })

  it.each([
    'Where do you live?',
    'Do you know my dog is called Rex?',
    'I am a bit tired.',
    'I love you.',
    'I have a headache.',
    'I have no idea.',
    'Ich bin müde.',
    'You live in Kyoto.',
    'It is raining.',
    'I think so.',
    'My.',
    `I live in ${'a very long street '.repeat(20)}.`,
    '',
  ])('are nothing else: %s', (sentence) => {
    expect(wordsDrawn(sentence)).toEqual([])
  })

  it.each([
    'My password is hunter2.',
    'My card number is 4111 1111 1111 1111.',
    'My home address is 12 Harbour Lane.',
    'My number is 0664 123 45 67.',
    'My mail is robin@example.com.',
    'Mein Passwort ist geheim.',
    'Mi contraseña es secreta.',
    'I work late today.',
    'Ich arbeite heute zu Hause.',
  ])('are no secret, no address and nothing of the day: %s', (sentence) => {
    expect(wordsDrawn(sentence)).toEqual([])
  })

  it('come once, oldest first, each from its own words', () => {
    const words = [
      { id: 'a', content: 'I live in Kyoto. I play chess.' },
      { id: 'c', content: 'i live in kyoto' },
    ]
    expect(drawByRules(words, [{ content: 'I play chess' }])).toEqual([
      { content: 'I live in Kyoto.', sourceIds: ['a'], replacedIds: [] },
    ])
  })

  it('are eight at the most, the newest', () => {
    const drawn = drawnFrom(...Array.from({ length: 12 }, (_, n) => `I live in house ${n}.`))
    expect(drawn.map(({ sourceIds }) => sourceIds[0])).toEqual(['4', '5', '6', '7', '8', '9', '10', '11'])
  })
})
