import type { z } from 'zod'
import type { JsonObject } from '#src/db/columns.ts'
import { Problem } from '#src/http/problem.ts'

/** Which programs' files are read and written. */
export const transcriptFormats = ['neuraform', 'openai', 'sillytavern'] as const
export type TranscriptFormat = (typeof transcriptFormats)[number]

/** One conversation of a file, as every format says it. */
export interface Transcript {
  /** What its program calls it: two files that hold the same conversation call it alike. */
  readonly name: string
  readonly title: string | null
  /** When it began, in milliseconds since 1970. */
  readonly at: number | null
  readonly personaId: string | null
  readonly isActive: boolean
  readonly isPinned: boolean
  readonly tags: readonly string[]
  readonly metadata: JsonObject
  /** Each stands after the one that it follows. */
  readonly messages: readonly TranscriptMessage[]
  /** Where among them the path ends that counts. */
  readonly leaf: number | null
  /** Whether a message is known by what it follows, too, for want of an id of its own. */
  readonly isChained: boolean
  /** How much of it is nothing that one of the two said. */
  readonly skipped: number
}

/** A conversation of a file that cannot be taken in: which one, counted from one, and why. */
export interface Refused {
  readonly refused: { readonly conversation: number; readonly detail: string }
}

/** How many messages one conversation of a file may have. */
const mostMessages = 10_000

/** Throws `payload_too_large` where a conversation has more messages than it may. */
export function requireFew(count: number): void {
  if (count > mostMessages) throw new Problem('payload_too_large', `It has more than ${mostMessages} messages.`)
}

/** A part of a conversation as its shape has it. Throws what zod found, with its place in the whole. */
export function parsedAt<Shape extends z.ZodType>(
  shape: Shape,
  value: unknown,
  place: readonly PropertyKey[],
): z.output<Shape> {
  const { data, error } = shape.safeParse(value)
  if (error === undefined) return data
  for (const issue of error.issues) issue.path.unshift(...place)
  throw error
}

/** What was said, as every format says it. */
export interface Said {
  /** What its program calls it, among those of its conversation. */
  readonly name: string
  readonly role: 'user' | 'assistant'
  readonly content: string
  readonly contentType: 'text' | 'markdown'
  /** When it was said by its own account, in milliseconds since 1970. */
  readonly at: number | null
  readonly status: 'complete' | 'interrupted'
  readonly metadata: JsonObject
  readonly model: string | null
  readonly tokens: number | null
  readonly latencyMs: number | null
  readonly feedback: 'up' | 'down' | null
  /** Whether it is not all that the file has of it. */
  readonly isAltered: boolean
}

/** The same with its place: which of its conversation's messages it follows. */
export interface TranscriptMessage extends Said {
  readonly parent: number | null
  /** When it was said, never before what it follows. */
  readonly placedAt: number | null
}

/** What most formats say nothing of. */
export const unsaid = {
  contentType: 'text',
  status: 'complete',
  metadata: {},
  model: null,
  tokens: null,
  latencyMs: null,
  feedback: null,
} as const

/** How much one message of a file may hold, in UTF-16 units; the rest of it is left out. */
const mostCharacters = 100_000

/** A text as the database keeps it: without NUL and lone surrogates, and no longer than may be. */
export function keepable(text: string, most = mostCharacters): { readonly text: string; readonly isAltered: boolean } {
  const whole = text.replaceAll('\0', '').toWellFormed()
  const kept = whole.slice(0, most).replace(/[\ud800-\udbff]$/, '')
  return { text: kept, isAltered: kept !== text }
}

const lastMoment = Date.UTC(9999, 11, 31)

/** A moment in milliseconds as it is kept: whole, from 1970 to 9999; null for any other. */
export function momentOf(milliseconds: number): number | null {
  const at = Math.round(milliseconds)
  return at > 0 && at < lastMoment ? at : null
}
