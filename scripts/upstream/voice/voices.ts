import { Failure } from '#scripts/upstream/part.ts'

/** A voice of CMU Flite, under Flite's own name. */
export interface Voice {
  readonly name: string
  readonly description: string
}

/** The voices that can read any text. Flite's sixth, `awb_time`, can only tell the time and is left out. */
export const voices: readonly Voice[] = [
  { name: 'slt', description: 'a woman, US English' },
  { name: 'rms', description: 'a man, US English' },
  { name: 'awb', description: 'a man, Scottish English' },
  { name: 'kal16', description: 'a man, US English, older and robotic' },
  { name: 'kal', description: 'the same at 8 kHz, like an old telephone' },
]

/** Returns the name when such a voice exists. Throws Failure 400, which lists the voices, when not. */
export function knownVoice(name: string): string {
  if (voices.some((voice) => voice.name === name)) return name
  const names = voices.map((voice) => voice.name).join(', ')
  throw new Failure(400, 'unknown_voice', `There is no voice "${name}". Voices: ${names}.`, 'voice')
}
