import type { FileLine } from '#src/conversations/transcripts/file-lines.ts'
import { mostItemBytes, parsedOrProblem } from '#src/conversations/transcripts/json-items.ts'
import { isHeader, SillyTavernChat } from '#src/conversations/transcripts/sillytavern.ts'
import { requireFew, type Transcript } from '#src/conversations/transcripts/transcript.ts'
import { Problem } from '#src/http/problem.ts'

/** What one line may hold: as many values as a thousand versions of a message have. */
const mostLineValues = 20_000
const mostVersions = 50_000

/** The chats of a file of SillyTavern's. One of which a line cannot be taken is refused when its next line is a header. */
export class SillyTavernLines {
  #chat: SillyTavernChat | undefined
  #problem: unknown
  #lines = 0
  #length = 0

  /** Takes a line, and gives the chat that ended before it. Throws `malformed_body`, and `invalid_body` where no chat began. */
  take({ text }: FileLine): (() => Transcript) | undefined {
    const value = text === undefined ? tooLong() : parsedOrProblem(text, mostLineValues)
    if (isHeader(value) && !(value instanceof Problem)) {
      const before = this.finish()
      this.#chat = new SillyTavernChat(value)
      this.#problem = undefined
      this.#lines = 0
      this.#length = text?.length ?? 0
      return before
    }
    if (this.#chat === undefined && this.#problem === undefined && !(value instanceof Problem)) {
      throw new Problem('invalid_body', 'It is not the header of a chat.')
    }
    try {
      this.#add(value, text?.length ?? 0)
    } catch (error) {
      // The first of its problems is told, and nothing of it is held.
      this.#problem ??= error
      this.#chat = undefined
    }
    return undefined
  }

  /** The chat that is open, which throws where it cannot be taken in. */
  finish(): (() => Transcript) | undefined {
    const [chat, problem] = [this.#chat, this.#problem]
    if (chat !== undefined) return () => chat.finish()
    if (problem === undefined) return undefined
    return () => {
      throw problem
    }
  }

  #add(value: unknown, length: number): void {
    if (value instanceof Problem) throw value
    this.#lines += 1
    this.#length += length
    requireFew(this.#lines)
    if (this.#length > mostItemBytes) throw tooLong()
    this.#chat?.add(value)
    if ((this.#chat?.length ?? 0) > mostVersions) {
      throw new Problem('payload_too_large', `It has more than ${mostVersions} versions of messages.`)
    }
  }
}

const tooLong = () => new Problem('payload_too_large', `It is longer than ${mostItemBytes} bytes.`)
