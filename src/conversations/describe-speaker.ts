import type { JsonObject } from '#src/db/columns.ts'
import { tokensOf } from '#src/llm/tokens.ts'
import { lorebookOf } from '#src/personas/cards/lorebook-json.ts'
import { matchingEntries } from '#src/personas/cards/lorebook.ts'
import { fillMacros } from '#src/personas/cards/mapping.ts'

/** Who speaks, as the author wrote them. */
export interface Speaker {
  readonly displayName: string
  readonly description: string
  readonly systemPrompt: string
  readonly exampleDialogue?: string
  readonly personalityConfig?: JsonObject
  readonly lorebook?: JsonObject
}

/** How much of a prompt a companion may take. */
export const mostOfSpeaker = 0.6
/** And how much its lorebook. */
const mostOfLore = 0.25

/**
 * A companion for a system message: name, description and instructions, then as far as they fit personality, scenario, what the
 * lorebook knows of what is said (`texts`, the oldest first), what holds always, and how they speak. `{{char}}` and `{{user}}` are
 * filled in.
 */
export function describeSpeaker(speaker: Speaker, texts: readonly string[], budget: number): string {
  const config = speaker.personalityConfig ?? {}
  const text = (name: string) => (typeof config[name] === 'string' ? config[name].trim() : '')
  const name = text('nickname') === '' ? speaker.displayName : text('nickname')
  const filled = (written: string) => fillMacros(written, { char: name, user: 'the person' })
  const core = filled(
    `Companion: ${speaker.displayName}\nAbout: ${speaker.description}\n\n${speaker.systemPrompt}`.trimEnd(),
  )
  let left = Math.floor(budget * mostOfSpeaker) - tokensOf(core)
  if (left <= 0) return shortened(core, Math.floor(budget * mostOfSpeaker))
  const parts = [core]
  for (const [title, written] of [
    ['Personality', text('personality')],
    ['Scenario', text('scenario')],
    [`What ${name} knows`, loreOf(speaker, texts, Math.min(left, Math.floor(budget * mostOfLore)))],
    ['Always', text('post_history_instructions')],
    [`How ${name} speaks, for example`, speaker.exampleDialogue?.trim() ?? ''],
  ] as const) {
    const part = filled(`${title}: ${written}`)
    const tokens = tokensOf(part)
    if (written === '' || tokens > left) continue
    parts.push(part)
    left -= tokens
  }
  return parts.join('\n\n')
}

function loreOf({ lorebook: column }: Speaker, texts: readonly string[], budget: number): string {
  const lorebook = lorebookOf(column ?? {})
  if (lorebook === undefined) return ''
  return matchingEntries(lorebook, texts, budget, tokensOf)
    .map(({ content }) => content)
    .join('\n')
}

/** As much of the beginning of a text as so many tokens hold. */
function shortened(text: string, tokens: number): string {
  // A token is three bytes of UTF-8: see `tokensOf`.
  return new TextDecoder().decode(new TextEncoder().encode(text).subarray(0, tokens * 3)).replace(/\uFFFD$/, '')
}
