import { runCommand } from '#scripts/upstream/voice/wasi-command.ts'
import { readWav, secondsOf, type Sound } from '#scripts/upstream/voice/wav.ts'

// The diphone voices are slower than they were recorded; the flag replaces that setting.
const usualStretch: Readonly<Record<string, number>> = { kal: 1.1, kal16: 1.1 }

/** What to say, by one of Flite's voices, and how fast (1 is normal, 2 twice as fast). */
export interface Utterance {
  /** As it was written. */
  readonly text: string
  /** As Flite reads it: ASCII, of which each piece becomes sound by itself. */
  readonly pieces: readonly string[]
  readonly voice: string
  readonly rate: number
}

/** A phoneme of Flite's set (`hh`, `ax`, `pau` for silence…) and when it sounds. */
export interface Phoneme {
  readonly phoneme: string
  readonly start_ms: number
  readonly end_ms: number
}

/** When a piece sounds, and every phoneme in it in order, without gaps; all times from the utterance's beginning. */
export interface PieceTimes {
  readonly startMs: number
  readonly endMs: number
  readonly phonemes: readonly Phoneme[]
}

interface SoundingPiece {
  readonly sound: Sound
  readonly ends: readonly { readonly phoneme: string; readonly seconds: number }[]
}

// The newest pieces: to begin a run fills 21 MB of memory, which takes longer than to say a line.
const kept = new Map<string, SoundingPiece>()
const mostKeptBytes = 8_000_000
let keptBytes = 0

/**
 * Says the utterance piece by piece: 5,000 characters in one go need 270 MB, in pieces 25 MB. Deterministic, so that what
 * was said lately is not said anew. Throws when Flite fails.
 */
export function* speak(
  flite: WebAssembly.Module,
  { pieces, voice, rate }: Utterance,
): Generator<PieceTimes & { readonly sound: Sound }> {
  let elapsedSeconds = 0
  let lastMs = 0
  for (const piece of pieces) {
    const { sound, ends } = pieceOf(flite, piece, voice, rate)
    const [startMs, endSeconds] = [toMs(elapsedSeconds), elapsedSeconds + secondsOf(sound)]
    const phonemes: Phoneme[] = []
    for (const { phoneme, seconds } of ends) {
      const start_ms = lastMs
      lastMs = Math.max(start_ms, toMs(Math.min(elapsedSeconds + seconds, endSeconds)))
      phonemes.push({ phoneme, start_ms, end_ms: lastMs })
    }
    yield { sound, startMs, endMs: toMs(endSeconds), phonemes }
    elapsedSeconds = endSeconds
  }
}

function pieceOf(flite: WebAssembly.Module, text: string, voice: string, rate: number): SoundingPiece {
  const key = JSON.stringify([text, voice, rate])
  const known = kept.get(key)
  if (known !== undefined) return known
  const piece = speakPiece(flite, text, voice, rate)
  kept.set(key, piece)
  keptBytes += piece.sound.pcm.length
  for (const [oldest, { sound }] of kept) {
    if (keptBytes <= mostKeptBytes) break
    kept.delete(oldest)
    keptBytes -= sound.pcm.length
  }
  return piece
}

function speakPiece(flite: WebAssembly.Module, text: string, voice: string, rate: number): SoundingPiece {
  const stretch = String((usualStretch[voice] ?? 1) / rate)
  const args = ['-voice', voice, '--setf', `duration_stretch=${stretch}`, '-psdur', '-t', text, '-o', '/speech.wav']
  const { exitCode, stdout, file } = runCommand(flite, ['flite', ...args])
  if (exitCode !== 0) throw new Error(`flite ended with exit code ${exitCode}`)
  const ends = Array.from(stdout.matchAll(/(\S+):(\d+\.\d+)/g), ([, phoneme = '', end]) => ({
    phoneme,
    seconds: Number(end),
  }))
  return { sound: readWav(file), ends }
}

function toMs(seconds: number): number {
  return Math.round(seconds * 1000)
}
