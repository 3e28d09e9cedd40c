import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import type { Conversation, Turn } from '#src/conversations/shapes.ts'
import type { Memory, MemoryPage, NewMemory } from '#src/memories/shapes.ts'
import { call, fuka } from '#test/setup/client.ts'
import { fakeReply } from '#test/setup/talk.ts'
import { sayWith } from '#test/setup/talk-with.ts'
import { fakeModel, type Prompt } from '#test/setup/upstreams.ts'

/** Everything that is remembered about somebody, newest first. */
export const memoriesOf = async (token: string, query = ''): Promise<readonly Memory[]> =>
  (await call<MemoryPage>('GET', `/memories${query}`, { token })).body.items

/** What is remembered, in words alone. */
export const rememberedBy = async (token: string, query = '') =>
  (await memoriesOf(token, query)).map(({ content }) => content)

/** Has something remembered. */
export const remember = async (token: string, body: NewMemory, headers: Record<string, string> = {}) =>
  await call<Memory & { code?: string }>('POST', '/memories', { token, body, headers })

/** Says something, and waits until what is to be remembered of it is. */
export async function sayAndRemember(
  token: string,
  id: string,
  content: string,
  replaced: object = {},
): Promise<Turn & { code?: string }> {
  const context = createExecutionContext()
  const response = await sayWith(replaced, { token, id, content, context })
  const turn: Turn = await response.json()
  await waitOnExecutionContext(context)
  return turn
}

/** With the model as the one who draws memories. */
export const byModel = { MEMORY_EXTRACTOR: 'model' }
/** Whether a prompt asks for memories. */
export const asksForMemories = (prompt: Prompt) => prompt.messages[0]?.content.startsWith('MEMORY.') === true

/** What a model is told where it is asked for memories. */
export interface Asked {
  readonly known: readonly { n: number; text: string }[]
  readonly said: readonly { n?: number; role: string; content: string }[]
}

/** A model that answers “Yes.” and, asked for memories, whatever is made of what it was told. */
export function drawing(answer: (asked: Asked) => string | Response) {
  const model = fakeModel((_number, init) => {
    const prompt = JSON.parse(String(init?.body)) as Prompt
    if (!asksForMemories(prompt)) return fakeReply(['Yes.'])
    const made = answer(JSON.parse(prompt.messages[1]?.content ?? '') as Asked)
    return typeof made === 'string' ? fakeReply([made]) : made
  })
  const asked = () =>
    model.bodies.filter(asksForMemories).map(({ messages }) => JSON.parse(messages[1]?.content ?? '') as Asked)
  return { model, asked }
}

/** A new conversation with a companion. */
export const talkWith = async (token: string, personaId = fuka, more: object = {}) =>
  (await call<Conversation>('POST', '/conversations', { token, body: { persona_id: personaId, ...more } })).body.id

/** What the model was told for its last reply. */
export const toldTo = (model: ReturnType<typeof fakeModel>) =>
  model.bodies
    .findLast((prompt) => !asksForMemories(prompt))
    ?.messages.map(({ content }) => content)
    .join('\n')

/** How many of what was said are the person's own words: the newest of them has that number. */
export const wordsIn = (said: Asked['said']): number => said.filter(({ n }) => n !== undefined).length
