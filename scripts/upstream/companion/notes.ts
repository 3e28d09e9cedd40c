import * as z from 'zod'
import type { Turn } from '#scripts/upstream/companion/scene.ts'
import { contentWordsOf, sentencesOf } from '#scripts/upstream/companion/words.ts'
import { drawByRules } from '#src/memories/rules.ts'

const Lines = z.array(z.object({ role: z.string(), content: z.string() }))
const Known = z.object({
  known: z.array(z.object({ text: z.string() })),
  said: z.array(z.object({ n: z.int().optional(), content: z.string() })),
})
const titleWords = 5
const summarySentences = 8

/**
 * What the companion writes where it is asked for a title or a summary instead of a reply (`src/conversations/take-notes.ts`):
 * the first words that mean something, and what was said first of each message; or for memories (`src/memories/draw.ts`): what
 * people say of themselves. Undefined for anything else.
 */
export function composeNote(turns: readonly Turn[]): string | undefined {
  const [order, asked] = turns
  const kind = order?.role === 'system' ? /^(TITLE|SUMMARY|MEMORY)\./.exec(order.text)?.[1] : undefined
  if (kind === undefined || asked === undefined) return undefined
  if (kind === 'MEMORY') return memoriesIn(parsed(asked.text))
  const lines = Lines.safeParse(parsed(asked.text)).data ?? []
  const said = lines.filter(({ role }) => role !== 'assistant').map(({ content }) => content)
  if (kind === 'SUMMARY')
    return said
      .flatMap((content) => sentencesOf(content).slice(0, 1))
      .slice(0, summarySentences)
      .join(' ')
  const words = contentWordsOf(said.join(' ')).slice(0, titleWords).join(' ')
  return words === '' ? 'A talk' : `${words.slice(0, 1).toUpperCase()}${words.slice(1)}`
}

function memoriesIn(asked: unknown): string {
  const { known, said } = Known.safeParse(asked).data ?? { known: [], said: [] }
  const drawn = drawByRules(
    said.flatMap(({ n, content }) => (n === undefined ? [] : [{ id: String(n), content }])),
    known.map(({ text }) => ({ content: text })),
  )
  return JSON.stringify({
    memories: drawn.map(({ content, sourceIds }) => ({ text: content, from: sourceIds.map(Number), replaces: [] })),
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
