import type { SpeechFormat } from '#src/speech/audio-format.ts'
import type { SpeechTiming } from '#src/speech/timing.ts'

/** How a voice is to sound; a vendor takes of it what it knows. */
export interface VoiceSettings {
  /** 1 is the voice's own pace. */
  readonly rate: number
  /** 0 to 1: how alike it sounds each time. */
  readonly stability?: number | undefined
  /** 0 to 1: how near to the voice that was cloned. */
  readonly similarity_boost?: number | undefined
  /** 0 to 1: how much of a manner it has. */
  readonly style?: number | undefined
}

/** What to say, and how. */
interface SpeechRequest {
  readonly text: string
  readonly voice: string
  readonly format: SpeechFormat
  readonly settings: VoiceSettings
}

/** Speech as it is being made. */
interface SpokenAudio {
  /**
   * The bytes of one file, in order. Throws `upstream_unavailable`, `upstream_nonsense` or `deadline_exceeded` where the
   * vendor breaks off, makes no sense or stalls.
   */
  readonly audio: AsyncIterable<Uint8Array<ArrayBuffer>>
  /** When what sounds, where the vendor says so; complete once `audio` has ended. */
  timing(): SpeechTiming | undefined
}

/** A voice that a vendor offers. */
export interface CatalogueVoice {
  readonly id: string
  readonly name: string
  readonly description: string | null
}

/** A voice vendor. */
export interface SpeechProvider {
  readonly name: 'elevenlabs' | 'openai' | 'offline'
  /** The formats that it makes; the first is what it makes where none is asked for. */
  readonly formats: readonly [SpeechFormat, ...SpeechFormat[]]
  /** The model that speaks: other ones sound otherwise. */
  readonly model: string
  /** The voice that speaks where a persona names none. */
  readonly defaultVoice: string
  /**
   * Begins to speak a text. Resolves once the vendor has accepted it. Throws `upstream_unavailable` (unreachable or refused,
   * with its Retry-After), `upstream_nonsense`, `deadline_exceeded`, or `speech_refused` where the voice cannot speak this text.
   */
  speak(request: SpeechRequest, signal: AbortSignal): Promise<SpokenAudio>
  /** The voices that it offers. Throws as `speak` does. */
  voices(): Promise<readonly CatalogueVoice[]>
}
