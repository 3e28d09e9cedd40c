import type { Caller } from '#src/db/scope.ts'
import { withDeadline } from '#src/http/deadline.ts'
import { Problem } from '#src/http/problem.ts'
import { contentTypeOf } from '#src/speech/audio-format.ts'
import { openVault } from '#src/vault/open-vault.ts'
import {
  askedLine,
  claimLine,
  type AskedLine,
  type BrokenAudio,
  type CachedLine,
  type ClaimedLine,
  type Wish,
} from '#src/voice/asked-line.ts'
import { signedAudio } from '#src/voice/signed-audio.ts'
import { audioKeyOf, findAudio, findTrack, type LinePlace } from '#src/voice/speech-cache.ts'
import type { Speech, Track } from '#src/voice/shapes.ts'
import { mostMs, synthesise, type Listener, type SpokenLine } from '#src/voice/synthesise.ts'

/**
 * Speaks a text: audio, words, visemes and emotions in one. What was spoken before for this person, or publicly, costs no call
 * of the vendor's; requests for one line at once cost one together. Throws `not_found` for a hidden persona, `speech_refused`,
 * `quota_exceeded`, `upstream_unavailable`, `upstream_nonsense`, `deadline_exceeded`.
 *
 * A hit takes one flight. A miss takes two: nothing is open while the vendor works.
 */
export async function speak(caller: Caller, wish: Wish): Promise<Speech> {
  const asked = await askedLine(caller, wish)
  const found = await findOrClaim(caller, asked, async (place, line) => await findTrack(caller, place, line))
  if (found.isHeld) return await speechOfHeld(caller, asked, found)
  const { claimed, place } = found
  return await speechOfSpoken(caller, asked, place, await making(caller, asked, claimed, place))
}

/**
 * The same as audio alone, which begins as soon as the vendor does and is stored as it passes. Throws as `speak` does until
 * the first piece is there; a vendor that breaks off later cuts the body. A listener who lags by ten seconds in all is left: others
 * may wait for the line.
 */
export async function speakAloud(caller: Caller, wish: Wish): Promise<Response> {
  const asked = await askedLine(caller, wish)
  const found = await findOrClaim(caller, asked, async (_place, line) => await findAudio(caller, line))
  const headers = { 'Content-Type': contentTypeOf[asked.format], 'Cache-Control': 'no-store' }
  if (found.isHeld) {
    const { size, body } = found.held
    return new Response(body.pipeThrough(new FixedLengthStream(size)), {
      headers: { ...headers, 'Content-Length': String(size), 'X-Speech-Id': found.line.id, 'X-Speech-Cache': 'hit' },
    })
  }
  const { claimed, place } = found
  const stream = new AudioStream()
  making(caller, asked, claimed, place, stream).catch((error: unknown) => stream.cut(error))
  await stream.begun
  return new Response(stream.body, { headers: { ...headers, 'X-Speech-Id': asked.id, 'X-Speech-Cache': 'miss' } })
}

const mostLagMs = 10_000

/** Audio on its way to a listener, no faster than they take it, whom a stall or a leave does not let hold up the making. */
class AudioStream implements Listener {
  readonly #begun = Promise.withResolvers<void>()
  readonly #pipe = new TransformStream<Uint8Array, Uint8Array>(undefined, { highWaterMark: 1 }, { highWaterMark: 1 })
  readonly #writer = this.#pipe.writable.getWriter()
  #isLeft = false
  #isEnded = false
  #lagMs = 0

  constructor() {
    // Whoever waits for the beginning hears of a failure there.
    this.#begun.promise.catch(() => undefined)
    this.#writer.closed.catch(() => {
      this.#isLeft = true
    })
  }

  get body(): ReadableStream<Uint8Array> {
    return this.#pipe.readable
  }

  /** Resolves with the first piece; rejects where there is none. */
  get begun(): Promise<void> {
    return this.#begun.promise
  }

  async hear(piece: Uint8Array): Promise<void> {
    if (this.#isLeft) return
    const startedAt = Date.now()
    const writing = this.#writer.write(piece)
    this.#begun.resolve()
    await withDeadline(writing, Math.max(0, mostLagMs - this.#lagMs), () => this.#leave()).catch(() => this.#leave())
    this.#lagMs += Date.now() - startedAt
  }

  end(): void {
    this.#isEnded = true
    this.#begun.resolve()
    this.#writer.close().catch(() => undefined)
  }

  /** What fails behind its end is no matter of the listener's. */
  cut(reason: unknown): void {
    if (this.#isEnded) return
    this.#begun.reject(reason)
    this.#writer.abort(reason).catch(() => undefined)
  }

  #leave(): void {
    this.#isLeft = true
    this.#writer.abort().catch(() => undefined)
  }
}

type Found<T> =
  | { readonly isHeld: true; readonly line: CachedLine; readonly held: T; readonly place: LinePlace }
  | { readonly isHeld: false; readonly claimed: ClaimedLine; readonly place: LinePlace }

const pollsMs = [100, 150, 250, 500, 1_000] as const

/** Wakes those of this isolate who wait for a line, by its key; the clock wakes those of others. */
const ends = new Map<string, Promise<unknown>>()

/**
 * The line as the stores hold it, or the claim to speak it; waits while another request has it spoken. `look` finds in the stores
 * what is needed of it, and undefined where that is not there.
 */
async function findOrClaim<T>(
  caller: Caller,
  asked: AskedLine,
  look: (place: LinePlace, line: CachedLine) => Promise<T | undefined>,
): Promise<Found<T>> {
  const waitUntil = Date.now() + mostMs
  let broken: BrokenAudio | undefined
  for (let polls = 0; ; polls += 1) {
    const claim = await claimLine(caller, asked, broken)
    const place = { vault: await openVault(caller), isShared: claim.is_shared, cacheKey: claim.cache_key }
    if (claim.state === 'ours') return { isHeld: false, claimed: claim, place }
    if (claim.state === 'cached') {
      const held = await look(place, claim)
      if (held !== undefined) return { isHeld: true, line: claim, held, place }
      broken = { id: claim.id, wasCounted: true }
      continue
    }
    if (broken !== undefined) broken = { ...broken, wasCounted: false }
    if (Date.now() > waitUntil) throw new Problem('deadline_exceeded')
    await woken(ends.get(nameOf(place)), pollsMs[Math.min(polls, pollsMs.length - 1)] ?? 1_000)
  }
}

/** Resolves with the end of what is waited for, or after so many milliseconds. */
async function woken(end: Promise<unknown> | undefined, milliseconds: number): Promise<void> {
  const pause = Promise.withResolvers<void>()
  const timer = setTimeout(() => pause.resolve(), milliseconds)
  await Promise.race([end ?? pause.promise, pause.promise])
  clearTimeout(timer)
}

const nameOf = ({ vault, isShared, cacheKey }: LinePlace) => `${isShared ? '' : vault.userId}/${cacheKey.toHex()}`

/** Has the line spoken to its end, whether or not somebody still listens. */
async function making(
  caller: Caller,
  asked: AskedLine,
  claimed: ClaimedLine,
  place: LinePlace,
  listen?: Listener,
): Promise<SpokenLine> {
  const name = nameOf(place)
  const work = synthesise(caller, asked, claimed, place, listen)
  const end = work.then(
    () => undefined,
    () => undefined,
  )
  ends.set(name, end)
  caller.defer(
    end.then(() => {
      if (ends.get(name) === end) ends.delete(name)
    }),
  )
  return await work
}

async function speechOfHeld(
  caller: Caller,
  { format }: AskedLine,
  { line, held: track, place }: Found<Track> & { isHeld: true },
): Promise<Speech> {
  const { id, audio_bytes, duration_ms } = line
  const content_type = contentTypeOf[format]
  const audio = { key: line.r2_key, size: audio_bytes, type: content_type, isShared: place.isShared }
  const signed = await signedAudio(caller.config, id, audio)
  return { id, ...signed, content_type, audio_bytes, duration_ms, ...track, cache: 'hit' }
}

async function speechOfSpoken(
  caller: Caller,
  { id, format }: AskedLine,
  place: LinePlace,
  { track, written: { bytes, whole }, durationMs, isRemembered }: SpokenLine,
): Promise<Speech> {
  const content_type = contentTypeOf[format]
  const key = audioKeyOf(place, id)
  if (!isRemembered && whole === undefined) throw new Problem('unavailable', 'The audio could not be stored.')
  const signed =
    isRemembered || whole === undefined
      ? await signedAudio(caller.config, id, { key, size: bytes, type: content_type, isShared: place.isShared })
      : inlineAudio(caller, content_type, whole)
  return { id, ...signed, content_type, audio_bytes: bytes, duration_ms: durationMs, ...track, cache: 'miss' }
}

// A bucket that is away costs a call of the vendor's each time, and nobody their companion's voice.
function inlineAudio({ config }: Caller, type: string, bytes: Uint8Array) {
  return {
    audio_url: `data:${type};base64,${bytes.toBase64()}`,
    audio_url_expires_at: new Date(Date.now() + config.AUDIO_URL_SECONDS * 1_000).toISOString(),
  }
}
