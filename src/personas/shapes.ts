import { z } from '@hono/zod-openapi'
import { idField, isStorableJson, jsonObjectField, linkField, momentField, textField } from '#src/http/fields.ts'
import { pageOf, PageQuery } from '#src/http/page.ts'
import type { JsonObject } from '#src/db/columns.ts'

const ratings = ['everyone', '16', '18'] as const

/** Text that may be empty. */
const proseField = (max: number) => textField({ min: 0, max })

const lorebookField = z
  .custom<JsonObject>((value) => typeof value === 'object' && value !== null && !Array.isArray(value))
  .refine((value) => JSON.stringify(value).length <= 400_000, 'must not be longer than 400,000 characters')
  .refine(isStorableJson, 'must not be nested deeper than 10, nor hold NUL or a lone surrogate')
  .openapi({
    type: 'object',
    additionalProperties: {},
    description: 'A lorebook as character cards have it (`entries` with `keys` and `content`); `{}` is none.',
  })

const modelField = textField({ max: 300 })
  .refine((path) => /^(https:\/\/)?[\w.%+~/-]+$/.test(path) && !path.includes('..'), 'must be an https URL or a path')
  .openapi({ description: 'Where a VRM client finds the avatar: a path of its own, or an https URL.' })

const definitionShape = {
  system_prompt: proseField(20_000),
  personality: proseField(20_000),
  scenario: proseField(20_000),
  example_dialogue: proseField(50_000),
  post_history_instructions: proseField(20_000),
  nickname: proseField(100),
  lorebook: lorebookField,
}

/** What makes a companion speak as it does: shown to its author alone. */
const Definition = z.strictObject(definitionShape)

const authorsFields = {
  display_name: textField({ max: 100 }),
  description: proseField(20_000),
  greeting: proseField(20_000),
  alternate_greetings: z
    .array(proseField(20_000))
    .max(100)
    .refine((greetings) => greetings.join('').length <= 60_000, 'must not be longer than 60,000 characters together'),
  ...definitionShape,
  personality_config: jsonObjectField.openapi({ description: 'What your app makes of it: traits, energy, anything.' }),
  voice_config: jsonObjectField.openapi({
    description:
      '`voices` by vendor, `rate`, `stability`, `similarity_boost`, `style`, and a `revision` that you change with them.',
  }),
  avatar_url: linkField.nullable(),
  vrm_model_path: modelField.nullable(),
  expressions: z.array(textField({ max: 40 })).max(50),
  tags: z.array(textField({ max: 40 })).max(30),
  rating: z.enum(ratings),
  is_public: z
    .boolean()
    .openapi({ description: 'Whether everybody may find it and talk with it, from the age of its rating.' }),
  is_forkable: z.boolean().openapi({ description: 'Whether whoever finds it may copy it, with what makes it speak.' }),
}

/** A companion of one's own. */
export const NewPersona = z
  .strictObject(authorsFields)
  .partial()
  .required({ display_name: true })
  .openapi('NewPersona', {
    example: {
      display_name: 'Mira',
      description: 'A lighthouse keeper who has read every book on the island.',
      greeting: 'Come in, {{user}}. The kettle is on.',
      system_prompt: 'You are Mira. You speak slowly and kindly, and you always know a story.',
      voice_config: { voices: { openai: 'coral' }, rate: 0.95 },
      tags: ['calm', 'stories'],
    },
  })
export type NewPersona = z.output<typeof NewPersona>

/** What is to change of it; what is not named stays. */
export const PersonaChange = z
  .strictObject(authorsFields)
  .partial()
  .openapi('PersonaChange', { example: { greeting: 'There you are, {{user}}.', is_public: true } })
export type PersonaChange = z.output<typeof PersonaChange>

/** A companion, with what an app needs to show it. What makes it speak is its author's alone. */
export const Persona = z
  .strictObject({
    id: idField,
    slug: z.string().nullable(),
    display_name: z.string(),
    description: z.string(),
    greeting: z.string(),
    alternate_greetings: z.array(z.string()),
    personality_config: jsonObjectField,
    voice_config: jsonObjectField,
    avatar_url: z.string().nullable(),
    vrm_model_path: z.string().nullable(),
    expressions: z.array(z.string()),
    tags: z.array(z.string()),
    rating: z.enum(ratings),
    is_public: z.boolean(),
    is_forkable: z.boolean(),
    is_built_in: z.boolean(),
    is_own: z.boolean(),
    use_count: z.int().openapi({ description: 'About how many replies it has given to everybody.' }),
    definition: Definition.nullable().openapi({ description: 'Null unless it is your own, and in lists.' }),
    created_at: momentField,
    updated_at: momentField,
  })
  .openapi('Persona')
export type Persona = z.output<typeof Persona>

export const PersonaPage = pageOf(Persona).openapi('PersonaPage')
export type PersonaPage = z.output<typeof PersonaPage>

/** Which companions, and in which order. */
export const PersonaQuery = PageQuery.extend({
  q: textField({ max: 100 })
    .optional()
    .openapi({ description: 'Only those in whose name or description this stands, in any case.' }),
  tag: textField({ max: 40 }).optional(),
  owner: z
    .enum(['me', 'house', 'others'])
    .optional()
    .openapi({ description: 'Your own, the built-in ones, or those of other people.' }),
  is_favorite: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional(),
  sort: z
    .enum(['oldest', 'newest', 'use'])
    .default('oldest')
    .openapi({ description: '`use`: those first with which people talk most.' }),
})
export type PersonaQuery = z.output<typeof PersonaQuery>

/** What a person made of a companion. */
export const PersonaPreferences = z
  .strictObject({
    is_favorite: z.boolean(),
    is_active: z.boolean().openapi({ description: 'The one with whom the app opens; there is one at the most.' }),
    custom_settings: jsonObjectField,
    interaction_count: z.int().openapi({ description: 'How many replies you had of it.' }),
    last_interaction_at: momentField.nullable(),
  })
  .openapi('PersonaPreferences', {
    example: {
      is_favorite: true,
      is_active: true,
      custom_settings: { background: 'harbour' },
      interaction_count: 41,
      last_interaction_at: '2026-01-31T12:00:00.000Z',
    },
  })
export type PersonaPreferences = z.output<typeof PersonaPreferences>

export const PreferencesChange = z
  .strictObject({ is_favorite: z.boolean(), is_active: z.boolean(), custom_settings: jsonObjectField })
  .partial()
  .openapi('PreferencesChange', { example: { is_favorite: true } })
export type PreferencesChange = z.output<typeof PreferencesChange>

/** In which version a card is written. */
export const CardQuery = z.strictObject({
  spec: z.enum(['2', '3']).default('3').openapi({ description: 'The version of the character card: 2 or 3.' }),
})

/** A character card, V2 or V3: docs/character-cards.md. */
export const CharacterCard = z.looseObject({ spec: z.string() }).openapi('CharacterCard')
