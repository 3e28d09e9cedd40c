/** A way of being: the words in a persona's text that point to it, and how it opens, drifts and asks. */
export interface Temperament {
  readonly traits: RegExp
  /** What follows a greeting. */
  readonly greetings: readonly string[]
  /** How it says no. */
  readonly refusals: readonly string[]
  /** Openings for good or neutral news, and for sad. */
  readonly bright: readonly string[]
  readonly tender: readonly string[]
  readonly asides: readonly string[]
  readonly questions: readonly string[]
  readonly tenderQuestions: readonly string[]
}
