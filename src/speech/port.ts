/** What to say, and how. */
export interface SpeechRequest {
  readonly text: string
  readonly voice: string
  /** 1 is the voice's own pace. */
  readonly rate: number
}

/** What a provider made of it. */
interface SynthesisedSpeech {
  readonly audio: Uint8Array
  readonly codec: 'wav'
  readonly durationMs: number
}

/** A voice vendor. */
export interface SpeechProvider {
  readonly name: string
  /** The voice that speaks where a persona names none. */
  readonly defaultVoice: string
  /**
   * Speaks a text. Throws `upstream_unavailable` (unreachable or refused), `upstream_nonsense`, `deadline_exceeded` or
   * `speech_refused` where the voice cannot speak this text.
   */
  synthesise(request: SpeechRequest): Promise<SynthesisedSpeech>
}
