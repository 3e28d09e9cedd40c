import type { JsonObject, JsonValue } from '#src/db/columns.ts'
import { isObject, memberOf, storableObject, storableText } from '#src/personas/cards/json-values.ts'

const ratings = ['everyone', '16', '18'] as const

/** The members of `personality_config` that are a card's own fields: what they hold there is text. */
export const configFields = ['personality', 'scenario', 'post_history_instructions', 'nickname'] as const

/** A `personality_config` without the card's own fields. */
export const ownConfig = (config: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(config).filter(([name]) => !configFields.some((field) => field === name)))

/** What a companion has here that no other program has a field for: a card carries it in `extensions.neuraform`. */
export interface NeuraformExtension {
  /** What `personality_config` holds beside the card's own fields. */
  readonly personality_config: JsonObject
  readonly voice_config: JsonObject
  readonly vrm_model_path: string | null
  readonly expressions: readonly string[]
  readonly rating: (typeof ratings)[number]
}

export const noExtension: NeuraformExtension = {
  personality_config: {},
  voice_config: {},
  vrm_model_path: null,
  expressions: [],
  rating: 'everyone',
}

/** Reads a card's `extensions`: what is not as we write it is left out, since anybody may have written it. */
export function readExtension(extensions: JsonValue | undefined): NeuraformExtension {
  const own = isObject(extensions) ? memberOf(extensions, 'neuraform') : undefined
  if (!isObject(own)) return noExtension
  const [personality, voice] = [memberOf(own, 'personality_config'), memberOf(own, 'voice_config')]
  const [model, expressions] = [memberOf(own, 'vrm_model_path'), memberOf(own, 'expressions')]
  return {
    personality_config: isObject(personality) ? ownConfig(storableObject(personality)) : {},
    voice_config: isObject(voice) ? storableObject(voice) : {},
    vrm_model_path: typeof model === 'string' ? storableText(model) : null,
    expressions: Array.isArray(expressions)
      ? expressions.filter((name): name is string => typeof name === 'string').map(storableText)
      : [],
    rating: ratings.find((rating) => rating === memberOf(own, 'rating')) ?? 'everyone',
  }
}
