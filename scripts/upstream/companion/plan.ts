import type { Draw } from '#scripts/upstream/companion/draw.ts'
import { memories, openers, phrases, selfRemarks, smallQuestions } from '#scripts/upstream/companion/phrases.ts'
import type { Scene } from '#scripts/upstream/companion/scene.ts'
import { filled, slotsOf } from '#scripts/upstream/companion/slots.ts'

const refusals: ReadonlySet<string> = new Set(['grown-up', 'hidden-prompt'])
const topical: ReadonlySet<string> = new Set(['story', 'low', 'glad', 'preference', 'question', 'statement'])

/** Whether the reply to this scene must not take up words of the message. */
export function keepsItsOwnWords({ intent }: Scene): boolean {
  return intent === 'crisis' || refusals.has(intent)
}

/**
 * One draft of a reply, sentence by sentence: how this persona opens, the message taken up, perhaps a remark, a question.
 * Small talk gets openings and questions that need no topic.
 */
export function planReply(scene: Scene, draw: Draw): string[] {
  const { intent, persona } = scene
  const { greetings, bright, tender, asides, questions, tenderQuestions } = persona.temperament
  const slots = slotsOf(scene, draw)
  const one = (templates: readonly string[]) => draw(filled(templates, slots), templates[0] ?? '')
  const topicless = (templates: readonly string[]) =>
    draw(filled(templates, { ...slots, topic: undefined }), templates[0] ?? '')
  const plan = (): (string | undefined)[] => {
    if (intent === 'opening') return [one(openers), one(greetings), one(smallQuestions)]
    const taken = one(phrases[intent])
    if (intent === 'crisis') return [taken]
    if (refusals.has(intent)) return [one(persona.temperament.refusals), taken, one(smallQuestions)]
    if (intent === 'greeting') return [taken, one(greetings), one(smallQuestions)]
    if (intent === 'farewell') return [taken, topicless(asides)]
    if (intent === 'low') return [one(tender), taken, one(tenderQuestions)]
    if (!topical.has(intent)) return [topicless(bright), taken, one(smallQuestions)]
    const remark = draw([one(asides), one(selfRemarks), one(selfRemarks), one(memories), undefined], 'remark')
    return [one(bright), taken, remark, one(questions)]
  }
  return plan().filter((sentence) => sentence !== undefined)
}

/** A sentence that holds a word of the message, for a draft that happened to leave them all out. */
export function planUptake(scene: Scene, draw: Draw, templates: readonly string[]): string[] {
  const sentence = draw(filled(templates, slotsOf(scene, draw)), 'uptake')
  return sentence === undefined ? [] : [sentence]
}
