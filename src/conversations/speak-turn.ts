import { finishedUntil } from '#src/conversations/sentences.ts'
import { apart } from '#src/db/apart.ts'
import type { Caller } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import { Problem, type ProblemCode } from '#src/http/problem.ts'
import type { SpeechFormat } from '#src/speech/audio-format.ts'
import { spokenLine } from '#src/speech/spoken-line.ts'
import type { Speech } from '#src/voice/shapes.ts'
import { speak } from '#src/voice/speak.ts'

/** A part of a reply as it sounds, or why it does not; `from` and `to` are its place in the text, in UTF-16 units. */
export type SpokenPart = { readonly index: number; readonly from: number; readonly to: number } & (
  | Speech
  | { readonly code: ProblemCode }
)

/** Whose voice, and as what. */
export interface SpeechWish {
  readonly personaId: string
  /** Undefined where it is the vendor's to choose. */
  readonly format: SpeechFormat | undefined
}

const mostCharacters = 3_000

// Of these the next sentence would fail as well.
const hopeless: ReadonlySet<ProblemCode> = new Set(['quota_exceeded', 'not_configured', 'not_found', 'unauthenticated'])

/**
 * Has the companion speak a reply while it is being made: each sentence once it is finished, one after the other, so that their
 * parts come in order. It goes by a way to the database of its own, and the text waits for none of it.
 */
export class TurnSpeech {
  readonly #caller: Caller
  readonly #wish: SpeechWish
  readonly #emit: (part: SpokenPart) => void
  #text: string
  #begins: number
  #finished: number
  #count = 0
  #isOver = false
  #last: Promise<void> = Promise.resolve()

  /** `before` is what was said already, and is not spoken. */
  constructor(caller: Caller, wish: SpeechWish, before: string, emit: (part: SpokenPart) => void) {
    this.#caller = apart(caller)
    this.#wish = wish
    this.#emit = emit
    this.#text = before
    this.#begins = before.length
    this.#finished = before.length
  }

  /** What the reply goes on with. */
  add(delta: string): void {
    this.#text += delta
    this.#finished = finishedUntil(this.#text, this.#finished)
    this.#speakUntil(this.#finished)
  }

  /** Speaks what is left, and resolves once all of it was spoken. */
  async end(): Promise<void> {
    this.#speakUntil(this.#text.length)
    await this.#last
  }

  /** Nobody listens any more: what has not begun is not spoken. */
  leave(): void {
    this.#isOver = true
  }

  #speakUntil(to: number): void {
    const from = this.#begins
    const written = this.#text.slice(from, to)
    // A stage direction alone goes with the sentence behind it.
    if (spokenLine(written).text === '') return
    this.#begins = to
    const index = this.#count
    this.#count += 1
    const place = { index, from, to }
    this.#last = this.#last.then(async () => await this.#speak(place, written))
  }

  async #speak(place: Pick<SpokenPart, 'index' | 'from' | 'to'>, written: string): Promise<void> {
    if (this.#isOver) return
    const { personaId, format } = this.#wish
    try {
      const wish = { text: written.slice(0, mostCharacters), speaker: { persona: personaId, voice: null }, format }
      this.#emit({ ...place, ...(await speak(this.#caller, wish)) })
    } catch (error) {
      const code = error instanceof Problem ? error.code : 'internal'
      this.#caller.report({ event: 'sentence_not_spoken', ...describeFailure(error) })
      this.#isOver = hopeless.has(code)
      this.#emit({ ...place, code })
    }
  }
}
