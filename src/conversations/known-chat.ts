import type { Config } from '#src/config.ts'
import type { Transcript, TranscriptFormat, TranscriptMessage } from '#src/conversations/transcripts/transcript.ts'
import { idField } from '#src/http/fields.ts'
import { derivedId, derivedIdAt, isDerived } from '#src/vault/derived-id.ts'

/** The ids that a file's conversation and its messages have here: they follow from the file, for this person alone. */
export interface Identity {
  readonly chatId: string
  /** What the file itself calls the conversation, where that may be an id of ours. */
  readonly ownId: string | null
  readonly messageIds: readonly string[]
}

/**
 * The same file gives the same ids. Those of messages begin with the moments that it says, as a UUIDv7 does; a conversation's
 * does not, since it is the same whenever its file says that it began. A message without an id of its own is known by what it
 * follows, who said it, when, and its words.
 */
export async function identify(
  config: Config,
  userId: string,
  format: TranscriptFormat,
  { name, messages, isChained }: Transcript,
): Promise<Identity> {
  const idOf = async (moment: number | null, ...names: string[]) =>
    await derivedIdAt(config, 'import', userId, JSON.stringify([format, name, ...names]), moment ?? 0)
  const messageIds: string[] = []
  for (const { parent, name: own, at: saidAt } of messages) {
    const before = isChained && parent !== null ? (messageIds[parent] ?? '') : ''
    messageIds.push(await idOf(saidAt, before, own))
  }
  const chatId = await derivedId(config, 'import', userId, JSON.stringify([format, name]))
  return { chatId, ownId: isChained ? null : idOrNull(name), messageIds }
}

const idOrNull = (name: string) => (idField.safeParse(name).success ? name : null)

/** A message of a file, and whether the conversation has it. */
export interface KnownMessage {
  readonly said: TranscriptMessage
  readonly id: string
  readonly parentId: string | null
  readonly isHere: boolean
}

/** A conversation as a file has it, beside what is here of it. */
export interface KnownChat {
  readonly id: string
  readonly isNew: boolean
  /** What its own row takes. */
  readonly ownBytes: number
  /** Where the path ends here. */
  readonly leafId: string | null
  /** Each once, behind the one that it follows. */
  readonly messages: readonly KnownMessage[]
  /** Those on the path that counts in the file. */
  readonly path: ReadonlySet<string>
  /** Where that path ends, if it is here already. */
  readonly endHere: string | undefined
}

/** Compares a file's messages with those that its conversation has: one that is there under the file's own id is that one. */
export function compare(
  { messages, leaf, isChained }: Transcript,
  messageIds: readonly string[],
  here: ReadonlySet<string>,
): Pick<KnownChat, 'messages' | 'path' | 'endHere'> {
  const ids = messages.map(({ name }, place) => (!isChained && here.has(name) ? name : (messageIds[place] ?? '')))
  const idAt = (place: number | null) => (place === null ? null : (ids[place] ?? null))
  const known = new Map<string, KnownMessage>()
  for (const [place, said] of messages.entries()) {
    const id = ids[place] ?? ''
    // Swipes may be alike to the letter: they are one message.
    if (!known.has(id)) known.set(id, { said, id, parentId: idAt(said.parent), isHere: here.has(id) })
  }
  const path = new Set<string>()
  for (let place = leaf; place !== null; place = messages[place]?.parent ?? null) path.add(ids[place] ?? '')
  const end = known.get(idAt(leaf) ?? '')
  return { messages: [...known.values()], path, endHere: end?.isHere === true ? end.id : undefined }
}

/** Where the path leads once a batch is stored: with the file, unless its person has gone on here. */
export function leafAfter({ messages, path, endHere }: KnownChat, batch: readonly KnownMessage[], leaf: string | null) {
  // What was imported before may have been edited in its program since, and is in its file no more.
  if (leaf !== null && !isDerived(leaf) && messages.every(({ id }) => id !== leaf)) return leaf
  return batch.findLast(({ id }) => path.has(id))?.id ?? endHere ?? leaf ?? batch.at(-1)?.id ?? null
}
