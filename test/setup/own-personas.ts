import type { NewPersona, Persona, PersonaPage } from '#src/personas/shapes.ts'
import { call, type Answer } from '#test/setup/client.ts'

type Made = Answer<Persona & { code?: string; errors?: { pointer: string }[] }>

/** Makes a companion of somebody's own. */
export const make = async (token: string, body: Partial<NewPersona> = {}, headers = {}): Promise<Made> =>
  await call('POST', '/personas', { token, body: { display_name: 'Mira', ...body }, headers })

export const change = async (token: string, id: string, body: unknown): Promise<Made> =>
  await call('PATCH', `/personas/${id}`, { token, body })

export const read = async (token: string, id: string): Promise<Made> => await call('GET', `/personas/${id}`, { token })

/** The names in a list of companions. */
export const namesOf = async (token: string, query: string) =>
  (await call<PersonaPage>('GET', `/personas${query}`, { token })).body.items.map((one) => one.display_name)

/** One with everything that there is. */
export const whole = {
  display_name: 'Mira',
  description: 'A lighthouse keeper.',
  greeting: 'Come in, {{user}}.',
  alternate_greetings: ['You again!'],
  system_prompt: 'You are Mira.',
  personality: 'calm',
  scenario: 'A storm.',
  example_dialogue: '{{user}}: Hi.\n{{char}}: Hm.',
  post_history_instructions: 'Stay calm.',
  nickname: 'Mi',
  lorebook: { entries: [{ keys: ['lamp'], content: 'The lamp is old.' }] },
  personality_config: { traits: ['calm'] },
  voice_config: { voices: { offline: 'slt' } },
  avatar_url: 'https://example.com/mira.png',
  vrm_model_path: 'vrm/mira.vrm',
  expressions: ['happy'],
  tags: ['sea'],
  rating: 'everyone' as const,
  is_public: false,
  is_forkable: false,
}
