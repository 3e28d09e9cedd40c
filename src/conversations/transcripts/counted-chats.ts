import { z } from 'zod'
import type { Refused, Transcript } from '#src/conversations/transcripts/transcript.ts'
import { faultsOf } from '#src/http/faults.ts'
import { Problem } from '#src/http/problem.ts'

/** So many conversations are refused one by one; a file with more of them is not of its kind. */
const mostRefused = 1_000

/** Counts the conversations of a file, and tells those that can be read from those that cannot. */
export class CountedChats {
  #number = 1
  #refused = 0

  /** Which one comes next, counted from one. */
  get number(): number {
    return this.#number
  }

  /** Reads the next one, or says why that cannot be. Throws `invalid_body` where that is so too often. */
  read(next: () => Transcript): Transcript | Refused {
    try {
      return next()
    } catch (error) {
      const detail = reasonOf(error)
      if (detail === undefined) throw error
      this.#refused += 1
      if (this.#refused > mostRefused) {
        throw new Problem('invalid_body', `It is one of more than ${mostRefused} that cannot be taken in.`)
      }
      return { refused: { conversation: this.#number, detail } }
    } finally {
      this.#number += 1
    }
  }
}

// A name within a pointer may be as long as its conversation.
const mostPointer = 200

function reasonOf(error: unknown): string | undefined {
  if (error instanceof z.ZodError) {
    const [fault] = faultsOf(error.issues)
    return `It is not as its format has it: ${fault?.pointer.slice(0, mostPointer).toWellFormed()}: ${fault?.detail}`
  }
  if (error instanceof Problem) return error.detail ?? error.title
  return error instanceof RangeError ? tooLarge : undefined
}

const tooLarge = 'It is too large to be read.'

/** The same problem, saying where in the file it is; what zod found is `invalid_body`, and what nothing can hold `payload_too_large`. */
export function placed(error: unknown, place: string): unknown {
  if (error instanceof z.ZodError) {
    const errors = faultsOf(error.issues)
    return new Problem('invalid_body', `${place} is not as its format has it.`, { errors, cause: error })
  }
  if (error instanceof RangeError) return new Problem('payload_too_large', `${place}: ${tooLarge}`, { cause: error })
  if (!(error instanceof Problem)) return error
  return new Problem(error.code, `${place}: ${error.detail ?? error.title}`, { cause: error })
}
