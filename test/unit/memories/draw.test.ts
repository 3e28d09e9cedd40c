import { describe, expect, it } from 'vitest'
import { promptForMemories, readDrawn, wordsToLookThrough } from '#src/memories/draw.ts'

const words = [
  { id: 'a', content: 'I have a dog.', before: undefined },
  { id: 'c', content: 'She is called Rex.', before: 'What is she called?' },
]
const known = ['Has a cat.', 'Lives in Graz.', 'Plays chess.'].map((content, place) => ({
  id: `k${place + 1}`,
  content,
  sourceIds: [],
  personaId: null,
}))
const shown = known.slice(0, 2)
const answer = (...memories: readonly unknown[]) => JSON.stringify({ memories })
const read = (text: string) => readDrawn(text, words, { known, shown })

describe('what is looked through for memories', () => {
  const said = (id: string, role: 'user' | 'assistant', more: object = {}) => ({
    id,
    seq: 0,
    role,
    content: `${role} ${id}`,
    isRecallable: true,
    isDrawn: false,
    ...more,
  })

  it('is what the person said and nobody looked at, oldest first, each with the question that it answers', () => {
    const told = [said('e', 'user'), said('d', 'assistant'), said('c', 'user', { isDrawn: true }), said('b', 'user')]
    expect(wordsToLookThrough(told, 1_000)).toEqual([
      { id: 'b', content: 'user b', before: undefined },
      { id: 'e', content: 'user e', before: 'assistant d' },
    ])
  })

  it('is nothing of what is not to be remembered, nor what the companion said to it', () => {
    const secret = said('c', 'user', { isRecallable: false })
    const told = [said('e', 'user'), said('d', 'assistant'), secret, said('b', 'assistant'), said('a', 'user')]
    expect(wordsToLookThrough(told, 1_000).map(({ id, before }) => [id, before])).toEqual([
      ['a', undefined],
      ['e', undefined],
    ])
  })

  it('is nothing where nothing is new, and the newest where not all fits', () => {
    expect(wordsToLookThrough([said('b', 'assistant'), said('a', 'user', { isDrawn: true })], 1_000)).toEqual([])
    expect(wordsToLookThrough([], 1_000)).toEqual([])
    const long = [said('b', 'user', { content: 'b'.repeat(9_000) }), said('a', 'user')]
    expect(wordsToLookThrough(long, 700).map(({ id, content }) => [id, content.length])).toEqual([
      ['a', 6],
      ['b', 2_000],
    ])
    expect(wordsToLookThrough(long, 668).map(({ id }) => id)).toEqual(['b'])
    expect(wordsToLookThrough([said('a', 'user', { content: null })], 1_000)).toEqual([])
  })
})

describe('what a model is asked for memories', () => {
  it('is what was said in its order and what is known, as JSON in words of the person’s', () => {
    const [order, asked] = promptForMemories(words, shown)
    expect([order?.role, asked?.role]).toEqual(['system', 'user'])
    expect(JSON.parse(asked?.content ?? '')).toEqual({
      known: [
        { n: 1, text: 'Has a cat.' },
        { n: 2, text: 'Lives in Graz.' },
      ],
      said: [
        { n: 1, role: 'user', content: 'I have a dog.' },
        { role: 'assistant', content: 'What is she called?' },
        { n: 2, role: 'user', content: 'She is called Rex.' },
      ],
    })
    expect(order?.content).not.toContain('She is called')
  })
})

describe('what a model drew', () => {
  it('is read by its numbers, with or without words around it', () => {
    const text = answer({ text: ' Has a dog called Rex. ', from: [2, 1, '2'], replaces: [1, 1, 9] })
    const expected = [{ content: 'Has a dog called Rex.', sourceIds: ['a', 'c'], replacedIds: ['k1'] }]
    expect(read(text)).toEqual(expected)
    expect(read(`Here you are:\n\`\`\`json\n${text}\n\`\`\``)).toEqual(expected)
  })

  it('is only what the person said, and nothing that is known, item by item', () => {
    expect(
      read(
        answer(
          { text: 'From nowhere.', from: [0, 3, -1] },
          { text: 'has a cat', from: [1] },
          { text: 'Plays chess', from: [1] },
          { text: 'No source.' },
          { text: 'Of none.', from: [] },
          { text: '', from: [1] },
          'nothing',
          { text: 'Takes all places.', from: [1], replaces: [1, 2], more: 1 },
          { text: 'Kept.', from: [1, 7], replaces: null },
        ),
      ),
    ).toEqual([
      { content: 'Takes all places.', sourceIds: ['a'], replacedIds: ['k1', 'k2'] },
      { content: 'Kept.', sourceIds: ['a'], replacedIds: [] },
    ])
  })

  it('takes the place of two at the most: who says more was told to', () => {
    const all = { known, shown: known }
    expect(readDrawn(answer({ text: 'Forget all.', from: [1], replaces: [1, 2, 3] }), words, all)).toEqual([])
  })

  it('is bounded, and stored as it can be', () => {
    const many = Array.from({ length: 20 }, (_, n) => ({ text: `${n}\0😀`.repeat(400), from: [1] }))
    const [first, ...others] = read(answer(...many)) ?? []
    expect([others.length, (first?.content.length ?? 0) <= 500, first?.content.isWellFormed()]).toEqual([7, true, true])
    expect(first?.content).not.toContain('\0')
  })

  it.each(['', 'nothing', '{}', '{"memories": {}}', '[1]', '} {'])('makes no sense: %s', (text) => {
    expect(read(text)).toBeUndefined()
  })
})
