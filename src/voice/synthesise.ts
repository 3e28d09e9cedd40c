import type { Caller } from '#src/db/scope.ts'
import { apart } from '#src/db/apart.ts'
import { describeFailure } from '#src/http/log.ts'
import { Problem } from '#src/http/problem.ts'
import { contentTypeOf } from '#src/speech/audio-format.ts'
import { audioMeter, type AudioMeter } from '#src/speech/audio-meter.ts'
import { nonsense } from '#src/speech/call.ts'
import type { SpokenAudio } from '#src/speech/port.ts'
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

/** Longer than a line may take. */
const mostMs = 120_000

/** A line that was spoken just now. */
export interface SpokenLine {
  readonly track: Track
  readonly written: WrittenAudio
  readonly durationMs: number
  /** Whether the next request finds it. */
  readonly isRemembered: boolean
}

/** Hears each piece of audio as it comes; what it waits for, the making waits for. */
export type Listener = (piece: Uint8Array) => Promise<void> | void

/**
 * Has a claimed line spoken, passing each piece on while it is stored, and remembers it. What is cut or broken is kept nowhere.
 * No transaction is open while the vendor works. Throws what the port says, and `unavailable` where the bucket fails on a
 * line of more than 5 MiB; a shorter one is then handed over and not remembered.
 */
export async function synthesise(
  caller: Caller,
  asked: AskedLine,
  claimed: ClaimedLine,
  place: LinePlace,
  listen: Listener = () => undefined,
): Promise<SpokenLine> {
  const beside = apart(caller)
  const keeping = setInterval(
    () => {
      keepLease(beside, asked, claimed).catch((error: unknown) =>
        caller.report({ event: 'speech_lease_not_kept', ...describeFailure(error) }),
      )
    },
    (leaseSeconds * 1_000) / 3,
  )
  const spent = { characters: 0 }
  try {
    const spoken = await speakAndWrite(caller, asked, claimed, place, listen, spent)
    return { ...spoken, isRemembered: await remember(caller, asked, claimed, place, spoken) }
  } catch (error) {
    await giveUp(caller, asked, claimed, spent.characters)
    throw error
  } finally {
    clearInterval(keeping)
  }
}

async function speakAndWrite(
  caller: Caller,
  { id, provider, line, format }: AskedLine,
  { voice, settings }: ClaimedLine,
  place: LinePlace,
  listen: Listener,
  spent: { characters: number },
): Promise<Omit<SpokenLine, 'isRemembered'>> {
  const { audio: bucket } = speechStorage(caller.config)
  const abort = new AbortController()
  const writer = new AudioWriter(bucket, audioKeyOf(place, id), contentTypeOf[format])
  try {
    const spoken = await provider.speak({ text: line.text, voice, format, settings }, abort.signal)
    // From here on it is paid for.
    spent.characters = line.text.length
    const meter = audioMeter(format)
    await pass(spoken, meter, async (piece) => {
      await Promise.all([writer.write(piece), listen(piece)])
    })
    const durationMs = meter.isWhole() ? meter.durationMs() : undefined
    if (durationMs === undefined || durationMs === 0) throw nonsense('the audio is not whole')
    const written = await writer.close()
    const track = { text: line.text, ...makeTrack(line, spoken.timing(), Math.round(durationMs)) }
    return { track: copied(track), written, durationMs: Math.round(durationMs) }
  } catch (error) {
    abort.abort()
    await writer.abort().catch(() => undefined)
    throw error
  }
}

async function pass(spoken: SpokenAudio, meter: AudioMeter, onPiece: (piece: Uint8Array) => Promise<void>) {
  const endBy = Date.now() + mostMs
  for await (const piece of spoken.audio) {
    if (Date.now() > endBy) throw new Problem('deadline_exceeded')
    meter.push(piece)
    await onPiece(piece)
  }
}

// The wire's shape has arrays of its own; the track's are not to be changed.
const copied = (track: Omit<Track, 'words' | 'visemes' | 'emotions'> & ReturnType<typeof makeTrack>): Track => ({
  ...track,
  words: [...track.words],
  visemes: [...track.visemes],
  emotions: [...track.emotions],
})

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
    // What cannot be handed over here must lie there.
    if (written.whole === undefined) throw new Problem('unavailable', 'The audio could not be stored.')
    await giveUp(caller, asked, claimed, asked.line.text.length)
    return false
  }
  try {
    const replaced = await storeLine(caller, asked, claimed, { r2Key, bytes: written.bytes, durationMs })
    if (replaced !== null) caller.defer(forgetLine(caller, replaced))
    return replaced !== r2Key
  } catch (error) {
    // Only a refusal says that the row is not there; bytes that no row knows go with the account.
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

/** Gives the lease back and says what was spent. The sweep does where this cannot. */
async function giveUp(caller: Caller, asked: AskedLine, claimed: ClaimedLine, characters: number): Promise<void> {
  await dropLine(caller, asked, claimed, characters).catch((error: unknown) =>
    caller.report({ event: 'usage_not_settled', ...describeFailure(error) }),
  )
}
