import { z } from 'zod'
import type { DurableClient } from '#bench/durability/client.ts'

/** What became of what was acknowledged. */
export interface Verdict {
  readonly lost: number
  readonly doubled: number
}

const Stored = z.object({
  id: z.uuid(),
  parent_id: z.uuid().nullable(),
  role: z.enum(['user', 'assistant']),
  content: z.string().nullable(),
  status: z.string(),
})
type Stored = z.output<typeof Stored>
const Page = z.object({ items: z.array(Stored), next_cursor: z.string().nullable() })

/** Reads everything that a client said back through the service, and compares it with what was acknowledged. */
export async function judge(origin: string, client: DurableClient): Promise<Verdict> {
  const stored = await readAll(origin, client, 'order=oldest')
  // Nobody edits here: whatever is there is on the path that counts.
  const aside = stored.length - (await readAll(origin, client, 'branch=current')).length
  const [said, replies] = [
    Map.groupBy(
      stored.filter(({ role }) => role === 'user'),
      ({ content }) => content,
    ),
    Map.groupBy(
      stored.filter(({ role }) => role === 'assistant'),
      (message) => message.parent_id,
    ),
  ]
  let [lost, doubled] = [0, 0]
  for (const { content, way, reply } of client.acknowledged) {
    const words = said.get(content) ?? []
    const answers = words.flatMap(({ id }) => replies.get(id) ?? [])
    doubled += Math.max(0, words.length - 1) + Math.max(0, answers.length - 1)
    const isAnswered = answers.some((answer) => answer.content === reply && answer.status === 'complete')
    if (words.length === 0 || (way !== 'message' && !isAnswered)) lost += 1
  }
  // Whatever else is there nobody has said.
  const known = new Set(client.acknowledged.map(({ content }) => content))
  doubled += [...said.keys()].filter((content) => content === null || !known.has(content)).length
  return { lost: lost + aside, doubled }
}

async function readAll(
  origin: string,
  { talker, conversationId }: DurableClient,
  query: string,
): Promise<readonly Stored[]> {
  const stored: Stored[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const url: string = `${origin}/conversations/${conversationId}/messages?${query}&limit=100${cursor === '' ? '' : `&cursor=${cursor}`}`
    const response = await fetch(url, { headers: { Authorization: `Bearer ${talker.token}` } })
    const page = Page.parse(await response.json())
    stored.push(...page.items)
    cursor = page.next_cursor
  }
  return stored
}
