import { finishedUntil } from '#src/conversations/sentences.ts'
import { apart } from '#src/db/apart.ts'
import type { Caller } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import { Problem, type ProblemCode } from '#src/http/problem.ts'
import type { SpeechFormat } from '#src/speech/audio-format.ts'
import { endsInsideMark } from '#src/speech/open-marks.ts'
import { spokenLine } from '#src/speech/spoken-line.ts'
import type { Speech } from '#src/voice/shapes.ts'
import { speak } from '#src/voice/speak.ts'

/** A part of a reply as it sounds, or why it does not; `from` and `to` are its place in the text, in UTF-16 units. */
export type SpokenPart = Place & (Speech | { readonly code: ProblemCode })

interface Place {
  readonly index: number
  readonly from: number
  readonly to: number
}

/** Whose voice, and as what. */
export interface SpeechWish {
  readonly personaId: string
  /** Undefined where it is the vendor's to choose. */
  readonly format: SpeechFormat | undefined
}

const mostCharacters = 3_000
// A mark that stays open for longer was none.
const mostHeldBack = 600
// Once the text is over, nobody waits longer for its sound.
const mostTailMs = 30_000
const mostFailures = 2
const atOnce = 2

/**
 * Has the companion speak a reply while it is being made: each sentence once it is finished, two at once, and told of in order. It
 * goes by ways to the database of its own, and the text waits for none of it. After two failures in a row the rest stays silent.
 */
export class TurnSpeech {
  readonly #caller: Caller
  readonly #wish: SpeechWish
  readonly #emit: (part: SpokenPart) => void
  readonly #made: Promise<void>[] = []
  #text: string
  #begins: number
  #finished: number
  #failures = 0
  #isOver = false
  #told: Promise<void> = Promise.resolve()

  /** `before` is what was said already, and is not spoken. */
  constructor(caller: Caller, wish: SpeechWish, before: string, emit: (part: SpokenPart) => void) {
    this.#caller = caller
    this.#wish = wish
    this.#emit = emit
    this.#text = before
    this.#begins = before.length
    this.#finished = before.length
  }

  /** What the reply goes on with. */
  add(delta: string): void {
    this.#text += delta
    const finished = finishedUntil(this.#text, this.#finished)
    if (finished === this.#finished) return
    this.#finished = finished
    const pending = this.#text.slice(this.#begins, finished)
    // What a mark is, its end says: half of a stage direction would be spoken.
    if (pending.length < mostHeldBack && endsInsideMark(pending)) return
    this.#speakUntil(finished)
  }

  /** Speaks what is left, and resolves once all of it was spoken, or has taken too long. */
  async end(): Promise<void> {
    this.#speakUntil(this.#text.length)
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(() => {
      this.#isOver = true
      resolve()
    }, mostTailMs)
    await Promise.race([this.#told, late])
    clearTimeout(timer)
  }

  /** Nobody listens any more: what has not begun is not spoken. */
  leave(): void {
    this.#isOver = true
  }

  #speakUntil(end: number): void {
    for (let to = this.#begins; to < end;) {
      const from = to
      to = Math.min(end, from + mostCharacters)
      const written = this.#text.slice(from, to)
      // A stage direction alone goes with the sentence behind it.
      if (spokenLine(written).text === '') return
      this.#begins = to
      this.#speak({ index: this.#made.length, from, to }, written)
    }
  }

  #speak(place: Place, written: string): void {
    const before = this.#made[place.index - atOnce] ?? Promise.resolve()
    const part = before.then(async () => await this.#partOf(place, written))
    this.#made.push(part.then(() => undefined))
    this.#told = this.#told.then(async () => {
      const told = await part
      if (told !== undefined && !this.#isOver) this.#tell(told)
    })
  }

  async #partOf(place: Place, written: string): Promise<SpokenPart | undefined> {
    if (this.#isOver) return undefined
    const { personaId, format } = this.#wish
    try {
      const wish = { text: written, speaker: { persona: personaId, voice: null }, format }
      return { ...place, ...(await speak(apart(this.#caller), wish)) }
    } catch (error) {
      this.#caller.report({ event: 'sentence_not_spoken', ...describeFailure(error) })
      return { ...place, code: error instanceof Problem ? error.code : 'internal' }
    }
  }

  #tell(part: SpokenPart): void {
    this.#emit(part)
    this.#failures = 'code' in part ? this.#failures + 1 : 0
    this.#isOver = this.#failures >= mostFailures
  }
}
