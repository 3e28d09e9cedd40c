import type { Said, TranscriptMessage } from '#src/conversations/transcripts/transcript.ts'

/** A node of a file's tree; one without `said` is only in the way. */
export interface TreeNode {
  readonly key: string
  readonly parentKey: string | null
  readonly said: Said | undefined
}

interface Grown {
  readonly messages: readonly TranscriptMessage[]
  readonly leaf: number | null
}

/**
 * The messages of a tree by their time, each after the one that it follows: that is the nearest before it that holds
 * something. What follows what is not there begins the conversation, and so does one message of a circle. The path ends at
 * `endKey`, or at the newest message where that names nothing.
 */
export function growTree(nodes: readonly TreeNode[], endKey: string | null): Grown {
  const byKey = new Map(nodes.toReversed().map((node) => [node.key, node]))
  const isRoot = ({ key, parentKey }: TreeNode) => parentKey === null || parentKey === key || !byKey.has(parentKey)
  const children = Map.groupBy(
    [...byKey.values()].toReversed().filter((node) => !isRoot(node)),
    ({ parentKey }) => parentKey,
  )
  const found: TranscriptMessage[] = []
  /** Where each node leads: to its own message, or to that of the nearest before it. */
  const places = new Map<string, number | null>()
  const visit = (root: TreeNode) => {
    const waiting = [{ node: root, parent: null as number | null }]
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { node, parent } = next
      if (places.has(node.key)) continue
      const place = node.said === undefined ? parent : found.push(placed(node.said, parent, found)) - 1
      places.set(node.key, place)
      for (const child of (children.get(node.key) ?? []).toReversed()) waiting.push({ node: child, parent: place })
    }
  }
  for (const node of nodes) if (isRoot(node)) visit(node)
  for (const node of nodes) visit(node)
  return byTime(found, endKey === null ? null : (places.get(endKey) ?? null))
}

// One that does not say when it was said, or says that it was before what it follows, was said with that.
function placed(said: Said, parent: number | null, found: readonly TranscriptMessage[]): TranscriptMessage {
  const before = parent === null ? null : (found[parent]?.placedAt ?? null)
  return { ...said, parent, placedAt: before === null ? said.at : Math.max(before, said.at ?? before) }
}

function byTime(found: readonly TranscriptMessage[], end: number | null): Grown {
  const order = [...found.keys()].toSorted((one, other) => (found[one]?.placedAt ?? 0) - (found[other]?.placedAt ?? 0))
  const places = new Map(order.map((old, place) => [old, place]))
  const placeOf = (old: number | null) => (old === null ? null : (places.get(old) ?? null))
  const messages = order.flatMap((old) => {
    const message = found[old]
    return message === undefined ? [] : [{ ...message, parent: placeOf(message.parent) }]
  })
  return { messages, leaf: placeOf(end) ?? (messages.length === 0 ? null : messages.length - 1) }
}
