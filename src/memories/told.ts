/** Something that was said; `seq` numbers it in its conversation. */
export interface Told {
  readonly id: string
  readonly seq: number
  readonly role: 'user' | 'assistant'
  readonly content: string | null
  /** Whether anything may be drawn from it, and whether it was looked through for that. */
  readonly isRecallable: boolean
  readonly isDrawn: boolean
}

/** Words of the person's that are to be looked through, and what the companion said right before, if that may be told. */
export interface OpenWords {
  readonly id: string
  readonly content: string
  readonly before: string | undefined
}

/** Something worth remembering: the person's words that it was drawn from, and what it takes the place of. */
export interface Drawn {
  readonly content: string
  readonly sourceIds: readonly string[]
  readonly replacedIds: readonly string[]
}

/** Something that a companion remembers, opened. */
export interface Recalled {
  readonly id: string
  readonly content: string
  /** Who remembers it; null is all of them. */
  readonly personaId: string | null
  /** The messages that it was drawn from. */
  readonly sourceIds: readonly string[]
}

/** Whether the same is remembered already, whatever its case and its last mark. */
export const isKnown = (known: readonly Pick<Recalled, 'content'>[], content: string): boolean =>
  known.some((memory) => plain(memory.content) === plain(content))

const plain = (text: string) =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[\s.!。！]+$/g, '')
