import type { JsonObject } from '#src/db/columns.ts'
import { parseCardJson, type CardFields, type CharacterCard } from '#src/personas/cards/card.ts'
import { exportCard } from '#src/personas/cards/card-out.ts'
import { memberOf } from '#src/personas/cards/json-values.ts'
import { lorebookColumn, lorebookOf } from '#src/personas/cards/lorebook-json.ts'
import { configFields, ownConfig, type NeuraformExtension } from '#src/personas/cards/neuraform-extension.ts'

/** What of a persona comes from a card and goes into one, named and shaped as its columns. */
export interface PersonaFields {
  readonly display_name: string
  readonly description: string
  readonly system_prompt: string
  readonly greeting: string
  readonly alternate_greetings: readonly string[]
  readonly example_dialogue: string
  readonly lorebook: JsonObject
  readonly personality_config: JsonObject
  readonly voice_config: JsonObject
  readonly vrm_model_path: string | null
  readonly expressions: readonly string[]
  readonly tags: readonly string[]
  readonly rating: NeuraformExtension['rating']
  /** `{"text": …}`: the JSON text of the card that it was imported from, which `jsonb` would not keep byte for byte. */
  readonly card: JsonObject | null
}

/** A persona's columns as a card has them; docs/character-cards.md says which is which. Macros stay as they are. */
export function cardToPersona({ fields, originalText }: CharacterCard): PersonaFields {
  const { extension } = fields
  const config = configFields.filter((field) => fields[field] !== '').map((field) => [field, fields[field]])
  return {
    display_name: fields.name,
    description: fields.description,
    system_prompt: fields.system_prompt,
    greeting: fields.greeting,
    alternate_greetings: fields.alternate_greetings,
    example_dialogue: fields.example_dialogue,
    lorebook: lorebookColumn(fields.lorebook),
    personality_config: { ...extension.personality_config, ...Object.fromEntries(config) },
    voice_config: extension.voice_config,
    vrm_model_path: extension.vrm_model_path,
    expressions: extension.expressions,
    tags: fields.tags,
    rating: extension.rating,
    card: { text: originalText },
  }
}

/**
 * A card's fields as a persona has them now. `creator`, `creator_notes` and `character_version` have no column: they are
 * those of the imported card. Throws `invalid_body` where the lorebook is none, and as `parseCardJson` for the card.
 */
export function personaToCardFields(persona: PersonaFields): CardFields {
  const imported = importedText(persona)
  const card = imported === undefined ? undefined : parseCardJson(imported).fields
  const config = persona.personality_config
  const text = (field: (typeof configFields)[number]) => {
    const value = memberOf(config, field)
    return typeof value === 'string' ? value : ''
  }
  return {
    name: persona.display_name,
    nickname: text('nickname'),
    description: persona.description,
    personality: text('personality'),
    scenario: text('scenario'),
    greeting: persona.greeting,
    alternate_greetings: persona.alternate_greetings,
    example_dialogue: persona.example_dialogue,
    system_prompt: persona.system_prompt,
    post_history_instructions: text('post_history_instructions'),
    creator: card?.creator ?? '',
    creator_notes: card?.creator_notes ?? '',
    character_version: card?.character_version ?? '',
    tags: persona.tags,
    lorebook: lorebookOf(persona.lorebook),
    extension: {
      personality_config: ownConfig(config),
      voice_config: persona.voice_config,
      vrm_model_path: persona.vrm_model_path,
      expressions: persona.expressions,
      rating: persona.rating,
    },
  }
}

/** A persona as the JSON text of a card: see `exportCard`. */
export const exportPersona = (persona: PersonaFields, spec: 2 | 3 = 3): string =>
  exportCard({ fields: personaToCardFields(persona), originalText: importedText(persona) }, spec)

function importedText({ card }: PersonaFields): string | undefined {
  const text = card === null ? undefined : memberOf(card, 'text')
  return typeof text === 'string' ? text : undefined
}

/**
 * A text with its macros replaced, as CCv3 names them, in any case: `{{char}}`, `<char>` and `<bot>` by the companion's
 * name (its nickname, if it has one), `{{user}}` and `<user>` by the person's. For a prompt: what is stored keeps them.
 */
export const fillMacros = (text: string, names: { readonly char: string; readonly user: string }): string =>
  text.replaceAll(/\{\{(char|user)\}\}|<(char|bot|user)>/gi, (_, braced?: string, angled?: string) =>
    (braced ?? angled)?.toLowerCase() === 'user' ? names.user : names.char,
  )
