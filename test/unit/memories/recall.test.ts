import { describe, expect, it } from 'vitest'
import { tokensOf } from '#src/llm/tokens.ts'
import { chooseMemories, notSaidIn } from '#src/memories/recall.ts'

const memory = (id: string, content: string, sourceIds: string[] = []) => ({ id, content, sourceIds, personaId: null })
const chosen = (contents: readonly string[], said: string, tokens: number) =>
  chooseMemories(
    contents.map((content, place) => memory(String(place), content)),
    [said],
    tokens,
  ).map(({ content }) => content)

describe('the memories of a prompt', () => {
  it('are those that it does not say anyway', () => {
    const known = [memory('a', 'both', ['1', '2']), memory('b', 'one', ['1']), memory('c', 'none')]
    expect(notSaidIn(known, new Set(['1'])).map(({ id }) => id)).toEqual(['a', 'c'])
    expect(notSaidIn(known, new Set(['1', '2'])).map(({ id }) => id)).toEqual(['c'])
    expect(notSaidIn(known, new Set())).toEqual(known)
  })

  it('are all of them, oldest first, where they fit', () => {
    expect(chosen(['new', 'old'], 'old', 100)).toEqual(['old', 'new'])
    expect(chosen([], 'old', 100)).toEqual([])
    expect(chosen(['new'], 'new', 0)).toEqual([])
  })

  it('are those that share the rarer words with what is said, then the newest', () => {
    const all = ['The cat sleeps', 'The dog barks', 'The boat sails', 'The kite flies']
    const room = 2 * (tokensOf('The boat sails') + 2)
    expect(chosen(all, 'Where is the BOAT?', room)).toEqual(['The boat sails', 'The cat sleeps'])
    expect(chosen(all, 'Nothing of it', room)).toEqual(['The dog barks', 'The cat sleeps'])
  })

  it('leave one out that is too long for what is left, and go on', () => {
    expect(chosen(['x'.repeat(300), 'short', 'also short'], '', 20)).toEqual(['also short', 'short'])
  })
})
