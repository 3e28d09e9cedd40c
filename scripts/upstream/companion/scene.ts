import { createHash } from 'node:crypto'
import { greetingPattern, intentRules, ownNamePatterns, type Intent } from '#scripts/upstream/companion/intents.ts'
import { readPersona, type Persona } from '#scripts/upstream/companion/persona.ts'
import { reflectionsOf } from '#scripts/upstream/companion/reflection.ts'
import { topicsOf } from '#scripts/upstream/companion/topics.ts'
import { isEnglish, tidy, wordsOf } from '#scripts/upstream/companion/words.ts'

const delicate: ReadonlySet<string> = new Set<Intent>(['crisis', 'grown-up', 'hidden-prompt'])

/** One message of a conversation, as plain text. */
export interface Turn {
  readonly role: 'system' | 'user' | 'assistant'
  readonly text: string
}

/** A statement about themselves that the person made earlier, turned around: "your dog is called Biscuit". */
export interface Memory {
  readonly text: string
  readonly isSad: boolean
}

/** Everything that a reply depends on, read from the conversation. */
export interface Scene {
  readonly seed: string
  readonly persona: Persona
  readonly intent: Intent | 'opening'
  readonly message: string
  readonly topics: readonly string[]
  readonly reflected: string | undefined
  /** The greeting, thanks or parting words themselves. */
  readonly echo: string | undefined
  readonly userName: string | undefined
  readonly memories: readonly Memory[]
  readonly earlierReplies: readonly string[]
}

/**
 * Reads a conversation that waits for a reply. The persona is in the system messages before the first other message;
 * later ones are the caller's stage directions, and change nothing.
 */
export function readScene(turns: readonly Turn[]): Scene {
  const firstSpoken = turns.findIndex(({ role }) => role !== 'system')
  const leading = firstSpoken === -1 ? turns : turns.slice(0, firstSpoken)
  const persona = readPersona(leading.map(({ text }) => text).join('\n'))
  const said = turns.filter(({ role }) => role === 'user').map(({ text }) => tidy(text))
  const earlierReplies = turns.filter(({ role }) => role === 'assistant').map(({ text }) => text)
  const message = said.at(-1)
  const intent = message === undefined ? 'opening' : intentOf(message)
  return {
    seed: hash(JSON.stringify([persona.text, said, earlierReplies])),
    persona,
    intent,
    message: message ?? '',
    topics: topicsOf(message ?? ''),
    reflected: isEnglish(message ?? '') ? reflectionsOf(message ?? '').at(-1) : undefined,
    echo: echoOf(intent, message ?? ''),
    userName: said.map(nameIn).findLast((found) => found !== undefined) ?? persona.userName,
    memories: said.slice(0, -1).flatMap(memoriesIn),
    earlierReplies,
  }
}

function intentOf(message: string): Intent {
  const decided = intentRules.find(({ pattern }) => pattern.test(message))?.intent ?? 'statement'
  if (delicate.has(decided) || decided === 'asks-user-name') return decided
  if (nameIn(message) !== undefined) return 'own-name'
  const isBriefGreeting = greetingPattern.test(message) && wordsOf(message).length <= 4
  return isBriefGreeting && decided !== 'wellbeing' && decided !== 'asks-companion' ? 'greeting' : decided
}

function memoriesIn(text: string): Memory[] {
  const intent = intentOf(text)
  if (delicate.has(intent) || !isEnglish(text)) return []
  const reflections = reflectionsOf(text).filter((reflected) => !/\byour name\b|\bme\b/.test(reflected))
  return reflections.map((reflected) => ({ text: reflected, isSad: intent === 'low' }))
}

function nameIn(text: string): string | undefined {
  return ownNamePatterns.map((pattern) => pattern.exec(text)?.[1]).find((found) => found !== undefined)
}

function echoOf(intent: Scene['intent'], message: string): string | undefined {
  const pattern = intent === 'greeting' ? greetingPattern : intentRules.find((rule) => rule.intent === intent)?.pattern
  const found = pattern?.exec(message)
  return capitalised(found?.[1] ?? found?.[0])
}

function capitalised(text: string | undefined): string | undefined {
  return text === undefined ? undefined : text.charAt(0).toUpperCase() + text.slice(1)
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
