import type { Draw } from '#scripts/upstream/companion/draw.ts'
import type { Memory, Scene } from '#scripts/upstream/companion/scene.ts'
import { contentWordsOf } from '#scripts/upstream/companion/words.ts'

/** What can stand in a phrase's slots; undefined is what this conversation does not offer. */
export type Slots = Readonly<Record<string, string | undefined>>

const tale = /\b(?:story|tale|joke|poem)\b/i

/** The slots of one draft of a reply. */
export function slotsOf(scene: Scene, draw: Draw): Slots {
  const { persona, intent, message } = scene
  const topics = intent === 'story' ? taleTopics(scene) : scene.topics.slice(0, intent === 'low' ? 1 : 2)
  const topic = draw(topics, 'topic')
  return {
    topic,
    second: draw(
      topics.filter((other) => other !== topic),
      'second',
    ),
    reflected: scene.reflected,
    memory: draw(intent === 'recall' ? related(scene) : scene.memories.filter(({ isSad }) => !isSad), 'memory')?.text,
    echo: scene.echo,
    kind: tale.exec(message)?.[0].toLowerCase() ?? 'story',
    user: scene.userName,
    self: persona.name,
    role: persona.role,
    interest: draw(persona.interests, 'interest'),
  }
}

/** Those templates whose slots can all be filled, filled, each starting with a capital letter. */
export function filled(templates: readonly string[], slots: Slots): string[] {
  return templates.flatMap((template) => {
    const names = Array.from(template.matchAll(/\{(!?)(\w+)\}/g))
    const isPossible = names.every(([, not, name = '']) => (slots[name] === undefined) === (not === '!'))
    if (!isPossible) return []
    const text = template.replaceAll(/\{(!?)(\w+)\}/g, (_all, _not, name: string) => slots[name] ?? '')
    return [text.charAt(0).toUpperCase() + text.slice(1)]
  })
}

function taleTopics({ topics, persona }: Scene): readonly string[] {
  const asked = topics.filter((topic) => !tale.test(topic))
  if (asked.length > 0) return asked
  return persona.interests.length > 0 ? persona.interests : ['the sea']
}

function related({ memories, message }: Scene): readonly Memory[] {
  const asked = new Set(contentWordsOf(message))
  return memories.filter((memory) => contentWordsOf(memory.text).some((word) => asked.has(word)))
}
