import type { Conversation, Message } from '#src/conversations/shapes.ts'

/** Where a message stands in its conversation. */
export interface Place {
  readonly id: string
  readonly parentId: string | null
  readonly role: 'user' | 'assistant'
}

/** A conversation that is written to a file: all but what was said, which comes piece by piece. */
export interface ExportedChat {
  readonly conversation: Conversation
  /** With whom it is held, as far as its person may still see. */
  readonly persona: { readonly id: string; readonly display_name: string } | null
  /** All that was said, in the order in which it was. */
  readonly places: readonly Place[]
  /** What was said at some of those places, in their order. */
  readonly messages: (ids: readonly string[]) => AsyncIterable<Message>
}

/** Writes a file of one format, piece by piece. */
export interface TranscriptWriter {
  readonly contentType: string
  readonly extension: string
  /** What stands around the conversations, and between two of them. */
  readonly begin: (now: Date) => string
  readonly between: string
  readonly end: string
  readonly write: (chat: ExportedChat) => AsyncGenerator<string>
}

/** The places on the path that counts, the first one first. */
export function pathOf({ conversation, places }: ExportedChat): readonly Place[] {
  const byId = new Map(places.map((place) => [place.id, place]))
  const path: Place[] = []
  let next = byId.get(conversation.leaf_message_id ?? '')
  while (next !== undefined) {
    path.push(next)
    next = next.parentId === null ? undefined : byId.get(next.parentId)
  }
  return path.toReversed()
}
