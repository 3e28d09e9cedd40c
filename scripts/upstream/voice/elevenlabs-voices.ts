/** One of ElevenLabs' voices: an id of 20 characters, and the Flite voice that speaks for it. */
export interface ElevenLabsVoice {
  readonly id: string
  readonly flite: string
  readonly name: string
  readonly description: string
  readonly labels: Readonly<Record<'accent' | 'gender' | 'age' | 'language' | 'use_case', string>>
}

/** The voices, of which each speaks as one of Flite's. */
export const elevenLabsVoices: readonly ElevenLabsVoice[] = [
  voice('sLtW0manUsEngl1shA2b', 'slt', 'A woman who speaks US English', { accent: 'american', gender: 'female' }),
  voice('rMsManUsEngl1shC4d5e', 'rms', 'A man who speaks US English', { accent: 'american', gender: 'male' }),
  voice('aWbManSc0tt1shF6g7h8', 'awb', 'A man who speaks Scottish English', { accent: 'scottish', gender: 'male' }),
  voice('kAlS1xteenKhzJ9k0m1n', 'kal16', 'An older, robotic man', { accent: 'american', gender: 'male' }),
  voice('kAlE1ghtKhzPh0neQ2r3', 'kal', 'The robotic man on the telephone', { accent: 'american', gender: 'male' }),
]

/** The voices as `GET /v2/voices` lists them (elevenlabs.io/docs/api-reference/voices/search). */
export const elevenLabsVoiceList = {
  voices: elevenLabsVoices.map(({ id, name, description, labels }) => ({
    voice_id: id,
    name,
    category: 'premade',
    labels,
    description,
    preview_url: null,
  })),
  has_more: false,
  total_count: elevenLabsVoices.length,
  next_page_token: null,
}

function voice(
  id: string,
  flite: string,
  description: string,
  { accent, gender }: { accent: string; gender: string },
): ElevenLabsVoice {
  const labels = { accent, gender, age: 'middle_aged', language: 'en', use_case: 'conversational' }
  return { id, flite, name: flite, description, labels }
}
