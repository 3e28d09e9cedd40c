import type { Reply } from '#src/llm/port.ts'

/**
 * The reply, once its first piece of text is there. A model that fails before it said anything throws here, where the
 * answer can still have the right status.
 */
export async function awaitFirst(reply: Reply): Promise<Reply> {
  const deltas = reply.deltas[Symbol.asyncIterator]()
  const first = await deltas.next()
  return {
    ...reply,
    deltas: (async function* () {
      if (first.done === true) return
      yield first.value
      yield* { [Symbol.asyncIterator]: () => deltas }
    })(),
  }
}
