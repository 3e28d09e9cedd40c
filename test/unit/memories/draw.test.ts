import { describe, expect, it } from 'vitest'
import { promptForMemories, readDrawn } from '#src/memories/draw.ts'

const told = [
  { id: 'c', seq: 3, role: 'user', content: 'She is called Rex.' },
  { id: 'b', seq: 2, role: 'assistant', content: 'What is she called?' },
  { id: 'a', seq: 1, role: 'user', content: 'I have a dog.' },
] as const
const known = [
  { id: 'k1', content: 'Has a cat.', sourceIds: [] },
  { id: 'k2', content: 'Lives in Graz.', sourceIds: [] },
]
const answer = (...memories: readonly object[]) => JSON.stringify({ memories })
const read = (text: string) => readDrawn(text, told, known)

describe('what a model is asked for memories', () => {
  it('is what was said in its order and what is known, as JSON in words of the person’s', () => {
    const [order, asked] = promptForMemories(told, known)
    expect([order?.role, asked?.role]).toEqual(['system', 'user'])
    expect(JSON.parse(asked?.content ?? '')).toEqual({
      known: [
        { n: 1, text: 'Has a cat.' },
        { n: 2, text: 'Lives in Graz.' },
      ],
      said: [
        { n: 1, role: 'user', content: 'I have a dog.' },
        { n: 2, role: 'assistant', content: 'What is she called?' },
        { n: 3, role: 'user', content: 'She is called Rex.' },
      ],
    })
    expect(order?.content).not.toContain('She is called')
  })
})

describe('what a model drew', () => {
  it('is read by its numbers, with or without words around it', () => {
    const text = answer({ text: ' Has a dog called Rex. ', from: [3, 1, 3], replaces: [1, 1, 9] })
    const expected = [{ content: 'Has a dog called Rex.', sourceIds: ['a', 'c'], replacedIds: ['k1'] }]
    expect(read(text)).toEqual(expected)
    expect(read(`Here you are:\n\`\`\`json\n${text}\n\`\`\``)).toEqual(expected)
  })

  it('is only what the person said, and nothing that is known', () => {
    expect(
      read(
        answer(
          { text: 'From the companion.', from: [2] },
          { text: 'From nowhere.', from: [0, 4, -1] },
          { text: 'has a cat', from: [1] },
          { text: 'Kept.', from: [1, 2] },
        ),
      ),
    ).toEqual([{ content: 'Kept.', sourceIds: ['a'], replacedIds: [] }])
  })

  it('is bounded, and stored as it can be', () => {
    const [first, ...others] =
      read(answer(...Array.from({ length: 20 }, (_, n) => ({ text: `${n}\0😀`.repeat(400), from: [1] })))) ?? []
    expect([others.length, (first?.content.length ?? 0) <= 500, first?.content.isWellFormed()]).toEqual([7, true, true])
    expect(first?.content).not.toContain('\0')
  })

  it.each(['', 'nothing', '{}', '{"memories": {}}', '{"memories": [{"text": "No source."}]}', '[1]', '} {'])(
    'makes no sense: %s',
    (text) => {
      expect(read(text)).toBeUndefined()
    },
  )
})
