import { Problem } from '#src/http/problem.ts'
import type { Reply } from '#src/llm/port.ts'

/**
 * The reply, once its first piece of text is there. A model that fails before it said anything, or ends without a word,
 * throws here, where the answer can still have the right status.
 */
export async function awaitFirst(reply: Reply): Promise<Reply> {
  const deltas = reply.deltas[Symbol.asyncIterator]()
  const first = await deltas.next()
  if (first.done === true) throw new Problem('upstream_nonsense', 'The language model said nothing.')
  return {
    ...reply,
    deltas: (async function* () {
      yield first.value
      yield* { [Symbol.asyncIterator]: () => deltas }
    })(),
  }
}
