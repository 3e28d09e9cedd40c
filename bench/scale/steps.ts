import type { ScaleOptions } from '#bench/scale/options.ts'

/** What one step of growth adds: from what is there already to what is there then. */
export interface Step {
  readonly percent: number
  /** Messages are numbered in the order of their time; a step begins at a multiple of 200. */
  readonly messages: Range
  readonly conversations: Range
  readonly users: Range
  readonly heavyEvery: number
  /** Short conversations of the heavy person's among the new ones, and everybody else's. */
  readonly heavyConversations: number
  readonly ordinaryConversations: number
  /** How many conversations an ordinary person has. */
  readonly usualConversations: number
}

interface Range {
  readonly from: number
  readonly to: number
}

/** The steps in which the data grow. The first person and the first conversation are the heavy person's. */
export function stepsOf({ messages, conversations, users, heavyEvery, sizes }: ScaleOptions): readonly Step[] {
  const part = (whole: number, percent: number, multiple: number) =>
    Math.round((whole * percent) / 100 / multiple) * multiple
  return sizes.map((percent, at) => {
    const before = sizes[at - 1]
    const range = (whole: number, multiple: number): Range => ({
      from: before === undefined ? 0 : part(whole, before, multiple),
      to: part(whole, percent, multiple),
    })
    const [said, talks, people] = [range(messages, 200), range(conversations, 1), range(users, 1)]
    const [added, newcomers] = [talks.to - Math.max(talks.from, 1), people.to - Math.max(people.from, 1)]
    const heavyConversations = Math.min(
      Math.floor((talks.to - talks.from) / 10),
      (said.to - said.from) / (2 * heavyEvery),
    )
    const ordinaryConversations = added - heavyConversations
    return {
      percent,
      messages: said,
      conversations: talks,
      users: people,
      heavyEvery,
      heavyConversations,
      ordinaryConversations,
      usualConversations: Math.ceil(ordinaryConversations / newcomers),
    }
  })
}
