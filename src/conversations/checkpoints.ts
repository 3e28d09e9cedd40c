import { sql } from 'drizzle-orm'
import { apart } from '#src/db/apart.ts'
import { finishedUntil } from '#src/conversations/sentences.ts'
import { turns } from '#src/conversations/tables.ts'
import { asTurn, type TurnCaller } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import { Problem } from '#src/http/problem.ts'
import type { Vault } from '#src/vault/vault.ts'

/** The longest time between two words to the database, in milliseconds. */
const pulseMs = 1_000

/** Nobody has answered a turn of which nothing was heard for so many seconds: its Worker died. */
export const deadAfterSeconds = 30

interface CheckedTurn {
  readonly caller: TurnCaller
  readonly vault: Vault
  readonly turnId: string
}

/** Why a turn may not go on. */
export type Ending = 'stopped' | 'signed_out' | 'gone'

/**
 * Keeps what a turn says, beside its answer: each sentence as it is finished, those that are finished during one flight in
 * the next one together. Every flight, one a second at the least, says that somebody answers and hears whether to stop.
 * They go by a way to the database of their own, so that the answer waits for none of them.
 */
export class Checkpoints {
  readonly #turn: CheckedTurn
  readonly #caller: TurnCaller
  readonly #ending = Promise.withResolvers<Ending>()
  readonly #running: Promise<void>
  #wake = Promise.withResolvers<void>()
  #text: string
  #finished: number
  #kept: number
  #isClosed = false
  #flights = 0

  /** `before` is what a turn that is continued had said: nothing shorter is kept. */
  constructor(turn: CheckedTurn, before: string) {
    this.#turn = turn
    this.#text = before
    this.#finished = before.length
    this.#kept = before.length
    this.#caller = apart(turn.caller)
    this.#running = this.#run()
  }

  /** How many flights it took. */
  get flights(): number {
    return this.#flights
  }

  /** Resolves once the turn may not go on. */
  get ending(): Promise<Ending> {
    return this.#ending.promise
  }

  /** What has been said so far. */
  add(text: string): void {
    this.#text = text
    const finished = finishedUntil(text, this.#finished)
    if (finished === this.#finished) return
    this.#finished = finished
    this.#wake.resolve()
  }

  /** Ends it, and waits for the flight that is out. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#wake.resolve()
    await this.#running
  }

  async #run(): Promise<void> {
    while (true) {
      await this.#woken()
      if (this.#isClosed) return
      this.#wake = Promise.withResolvers()
      const ending = await this.#fly().catch((error: unknown) => this.#endingOf(error))
      if (ending === undefined) continue
      this.#ending.resolve(ending)
      return
    }
  }

  async #woken(): Promise<void> {
    const timer = setTimeout(() => this.#wake.resolve(), pulseMs)
    await this.#wake.promise
    clearTimeout(timer)
  }

  async #fly(): Promise<Ending | undefined> {
    const until = this.#finished
    const said = until === this.#kept ? null : this.#text.slice(0, until)
    const sealed = await this.#turn.vault.sealOptional(turns.checkpoint, this.#turn.turnId, said)
    this.#flights += 1
    const { isSessionLive, isStopped } = await asTurn(this.#caller, (db) => [
      db.execute(sql`select app.checkpoint_turn(${sealed}::bytea)`),
    ])
    this.#kept = until
    if (isStopped) return 'stopped'
    return isSessionLive ? undefined : 'signed_out'
  }

  // What cannot be kept now is kept with the next flight; a turn that has ended elsewhere says so for good.
  #endingOf(error: unknown): Ending | undefined {
    this.#caller.report({ event: 'turn_not_checked', ...describeFailure(error) })
    return error instanceof Problem && error.status < 500 ? 'gone' : undefined
  }
}
