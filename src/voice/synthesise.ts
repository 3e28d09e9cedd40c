import { apart } from '#src/db/apart.ts'
import type { Caller } from '#src/db/scope.ts'
import { withDeadline } from '#src/http/deadline.ts'
import { describeFailure } from '#src/http/log.ts'
import { Problem } from '#src/http/problem.ts'
import { contentTypeOf } from '#src/speech/audio-format.ts'
import { audioMeter } from '#src/speech/audio-meter.ts'
import { nonsense } from '#src/speech/call.ts'
import { makeTrack } from '#src/speech/track.ts'
import {
  dropLine,
  keepLease,
  leaseSeconds,
  storeLine,
  type AskedLine,
  type ClaimedLine,
} from '#src/voice/asked-line.ts'
import { AudioWriter, type WrittenAudio } from '#src/voice/audio-writer.ts'
import { audioKeyOf, forgetLine, putEntry, sealTrack, speechStorage, trackKeyOf } from '#src/voice/speech-cache.ts'
import type { LinePlace } from '#src/voice/speech-cache.ts'
import type { Track } from '#src/voice/shapes.ts'

/** No line takes longer. */
export const mostMs = 120_000

/** A line that was spoken just now. */
export interface SpokenLine {
  readonly track: Track
  readonly written: WrittenAudio
  readonly durationMs: number
  /** Whether the next request finds it. */
  readonly isRemembered: boolean
}

/** Hears the audio as it comes; what it waits for, the making waits for. */
export interface Listener {
  hear(piece: Uint8Array): Promise<void> | void
  /** All of it was heard, and it is whole. */
  end(): void
}

const nobody: Listener = { hear: () => undefined, end: () => undefined }

/**
 * Has a claimed line spoken, passing each piece on while it is stored, and remembers it. What is cut or broken is kept nowhere.
 * No transaction is open while the vendor works. A bucket that fails costs the line its place in the cache: who listens hears it
 * all the same. Throws what the port says.
 */
export async function synthesise(
  caller: Caller,
  asked: AskedLine,
  claimed: ClaimedLine,
  place: LinePlace,
  listener: Listener = nobody,
): Promise<SpokenLine> {
  const keeping = setInterval(
    () => {
      keepLease(apart(caller), asked, claimed).catch((error: unknown) =>
        caller.report({ event: 'speech_lease_not_kept', ...describeFailure(error) }),
      )
    },
    (leaseSeconds * 1_000) / 3,
  )
  const spent = { characters: 0 }
  const abort = new AbortController()
  try {
    // Also a vendor that sends something now and then, and never a sound, is left in the end.
    const making = speakAndWrite(caller, asked, claimed, place, { listener, spent, signal: abort.signal })
    const spoken = await withDeadline(making, mostMs, () => abort.abort())
    listener.end()
    return { ...spoken, isRemembered: await remember(caller, asked, claimed, place, spoken) }
  } catch (error) {
    abort.abort()
    await giveUp(caller, asked, claimed, spent.characters)
    throw error
  } finally {
    clearInterval(keeping)
  }
}

interface Making {
  readonly listener: Listener
  readonly spent: { characters: number }
  readonly signal: AbortSignal
}

async function speakAndWrite(
  caller: Caller,
  { id, provider, line, format }: AskedLine,
  { voice, settings }: ClaimedLine,
  place: LinePlace,
  { listener, spent, signal }: Making,
): Promise<Omit<SpokenLine, 'isRemembered'>> {
  const writer = new AudioWriter(speechStorage(caller.config).audio, audioKeyOf(place, id), contentTypeOf[format])
  try {
    const spoken = await provider.speak({ text: line.text, voice, format, settings }, signal)
    // From here on it is paid for.
    spent.characters = line.text.length
    const meter = audioMeter(format)
    for await (const piece of spoken.audio) {
      if (signal.aborted) throw new Problem('deadline_exceeded')
      meter.push(piece)
      await Promise.all([writer.write(piece), listener.hear(piece)])
    }
    const durationMs = meter.isWhole() ? meter.durationMs() : undefined
    if (durationMs === undefined || durationMs === 0) throw nonsense('the audio is not whole')
    const { words, visemes, emotions, source } = makeTrack(line, spoken.timing(), Math.round(durationMs))
    const track = { text: line.text, words: [...words], visemes: [...visemes], emotions: [...emotions], source }
    return { track, written: await writer.close(), durationMs: Math.round(durationMs) }
  } catch (error) {
    await writer.abort()
    throw error
  }
}

async function remember(
  caller: Caller,
  asked: AskedLine,
  claimed: ClaimedLine,
  place: LinePlace,
  { track, written, durationMs }: Omit<SpokenLine, 'isRemembered'>,
): Promise<boolean> {
  const { id } = asked
  const r2Key = audioKeyOf(place, id)
  if (!written.isStored || !(await putTrack(caller, place, id, track))) {
    caller.defer(forgetLine(caller, r2Key, place))
    await giveUp(caller, asked, claimed, asked.line.text.length)
    return false
  }
  try {
    const replaced = await storeLine(caller, asked, claimed, { bytes: written.bytes, durationMs })
    if (replaced !== null) caller.defer(forgetLine(caller, replaced))
    return replaced !== r2Key
  } catch (error) {
    // Only a refusal says that the row is not there; what no row knows is found by its lease, or goes with the account.
    if (error instanceof Problem && error.code === 'unauthenticated') caller.defer(forgetLine(caller, r2Key, place))
    throw error
  }
}

// The entry comes before the row: once the row is refused because the account has ended, both stores are cleaned.
async function putTrack(caller: Caller, place: LinePlace, id: string, track: Track): Promise<boolean> {
  const r2Key = audioKeyOf(place, id)
  const sealed = await sealTrack(place, id, track)
  const [stored] = await Promise.allSettled([
    speechStorage(caller.config).audio.put(trackKeyOf(r2Key), sealed),
    putEntry(caller, place, { id, r2_key: r2Key, track: sealed }),
  ])
  return stored.status === 'fulfilled'
}

/** Gives the lease back and says what was spent. Where this cannot, the lease ends by itself, and the sweep gives back what was set aside. */
async function giveUp(caller: Caller, asked: AskedLine, claimed: ClaimedLine, characters: number): Promise<void> {
  await dropLine(caller, asked, claimed, characters).catch((error: unknown) =>
    caller.report({ event: 'usage_not_settled', ...describeFailure(error) }),
  )
}
