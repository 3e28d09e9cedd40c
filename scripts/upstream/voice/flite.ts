import { runCommand } from '#scripts/upstream/voice/wasi-command.ts'
import { readWav, secondsOf, writeWav, type Sound } from '#scripts/upstream/voice/wav.ts'

const pieceCharactersMost = 400
// The diphone voices are slower than they were recorded; the flag replaces that setting.
const usualStretch: Readonly<Record<string, number>> = { kal: 1.1, kal16: 1.1 }
const sentences = new Intl.Segmenter('en', { granularity: 'sentence' })

/** What to say: ASCII text, one of Flite's voices, and how fast (1 is normal, 2 twice as fast). */
export interface Utterance {
  readonly text: string
  readonly voice: string
  readonly rate: number
}

/** A phoneme of Flite's set (`hh`, `ax`, `pau` for silence…) and when it sounds. */
interface Phoneme {
  readonly phoneme: string
  readonly start_ms: number
  readonly end_ms: number
}

/** A WAV file, its length, and every phoneme in it in order, without gaps. */
export interface Speech {
  readonly wav: Uint8Array
  readonly sampleRateHz: number
  readonly durationMs: number
  readonly phonemes: readonly Phoneme[]
}

/**
 * Says the text, a few sentences at a time: 5,000 characters in one go need 270 MB, in pieces 25 MB. Deterministic.
 * Throws when Flite fails.
 */
export function speak(flite: WebAssembly.Module, { text, voice, rate }: Utterance): Speech {
  const sounds: Sound[] = []
  const phonemes: Phoneme[] = []
  let elapsedSeconds = 0
  for (const piece of piecesOf(text)) {
    const { sound, ends } = speakPiece(flite, { text: piece, voice, rate })
    const endSeconds = elapsedSeconds + secondsOf(sound)
    for (const { phoneme, seconds } of ends) {
      const start_ms = phonemes.at(-1)?.end_ms ?? 0
      const end_ms = Math.max(start_ms, toMs(Math.min(elapsedSeconds + seconds, endSeconds)))
      phonemes.push({ phoneme, start_ms, end_ms })
    }
    sounds.push(sound)
    elapsedSeconds = endSeconds
  }
  return {
    wav: writeWav(sounds),
    sampleRateHz: sounds[0]?.sampleRateHz ?? 0,
    durationMs: toMs(elapsedSeconds),
    phonemes,
  }
}

function speakPiece(flite: WebAssembly.Module, { text, voice, rate }: Utterance) {
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

function piecesOf(text: string): string[] {
  const pieces: string[] = []
  let piece = ''
  for (const part of Array.from(sentences.segment(text), ({ segment }) => segment).flatMap(shortParts)) {
    if (piece !== '' && piece.length + part.length > pieceCharactersMost) {
      pieces.push(piece)
      piece = ''
    }
    piece += part
  }
  return piece === '' ? pieces : [...pieces, piece]
}

function shortParts(sentence: string): string[] {
  return sentence.match(/.{1,400}(?:\s|$)|.{1,400}/gs) ?? []
}

function toMs(seconds: number): number {
  return Math.round(seconds * 1000)
}
