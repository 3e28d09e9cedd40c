import { createDraw, type Draw } from '#scripts/upstream/companion/draw.ts'
import { continuations, uptakes } from '#scripts/upstream/companion/phrases.ts'
import { keepsItsOwnWords, planReply, planUptake } from '#scripts/upstream/companion/plan.ts'
import { readScene, type Scene, type Turn } from '#scripts/upstream/companion/scene.ts'
import { contentWordsOf, sentencesOf, wordsOf } from '#scripts/upstream/companion/words.ts'

const attempts = 40
const recentReplies = 4

/**
 * The companion's reply to a conversation: two to four sentences in the persona's manner that take up words of the last
 * message, and that it has not said before in this conversation. The same conversation always gets the same reply. When
 * the last turn is the companion's own, the reply is what should follow it.
 */
export function composeReply(turns: readonly Turn[]): string {
  const last = turns.findLast(({ role }) => role !== 'system')
  return last?.role === 'assistant' ? composeContinuation(turns, last) : composeFresh(turns)
}

function composeContinuation(turns: readonly Turn[], last: Turn): string {
  const whole = composeFresh(turns.filter((turn) => turn !== last))
  if (whole.startsWith(last.text) && whole !== last.text) return whole.slice(last.text.length)
  return ` ${createDraw(readScene(turns).seed)(continuations, 'continuation') ?? ''}`
}

function composeFresh(turns: readonly Turn[]): string {
  const scene = readScene(turns)
  const stalenessOf = createStaleness(scene.earlierReplies)
  const drafts: { text: string; faults: number }[] = []
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const { text, isPatched } = draft(scene, createDraw(`${scene.seed}:${attempt}`))
    const faults = stalenessOf(text) + Number(isPatched)
    drafts.push({ text, faults })
    if (faults === 0) break
  }
  let { text } = drafts.reduce((best, next) => (next.faults < best.faults ? next : best))
  const draw = createDraw(scene.seed)
  while (scene.earlierReplies.includes(text)) text += ` ${draw(continuations, text) ?? ''}`
  return text
}

/** A draft; patched when its own sentences left the words of the message out. */
function draft(scene: Scene, draw: Draw): { text: string; isPatched: boolean } {
  const sentences = planReply(scene, draw)
  if (keepsItsOwnWords(scene) || takesUp(sentences.join(' '), scene.message)) {
    return { text: sentences.join(' '), isPatched: false }
  }
  return { text: [...planUptake(scene, draw, uptakes), ...sentences.slice(1)].join(' '), isPatched: true }
}

function takesUp(reply: string, message: string): boolean {
  const heard = new Set(wordsOf(reply.toLowerCase()))
  const contents = contentWordsOf(message)
  const isHeard = (word: string) => heard.has(word) || (wordsOf(word).length === 0 && reply.includes(word))
  return contents.length === 0 || contents.some(isHeard)
}

/** Tells how much of a draft was said before: whole sentences ever, and beginnings of sentences lately. */
function createStaleness(earlierReplies: readonly string[]): (text: string) => number {
  const said = new Set(earlierReplies.flatMap(sentencesOf))
  const recent = new Set(earlierReplies.slice(-recentReplies).flatMap(sentencesOf).map(beginningOf))
  const repeats = (sentence: string) => Number(said.has(sentence)) + Number(recent.has(beginningOf(sentence)))
  return (text) => sentencesOf(text).reduce((sum, sentence) => sum + repeats(sentence), 0)
}

function beginningOf(sentence: string): string {
  return sentence.split(' ').slice(0, 3).join(' ')
}
