import type { Message, MessagePage, Turn } from '#src/conversations/shapes.ts'
import { call, newUser } from '#test/setup/client.ts'
import { fakeReply, newConversation } from '#test/setup/talk.ts'
import { fakeModel } from '#test/setup/upstreams.ts'

export const json = { Accept: 'application/json' }

/** A talk with a model that counts its replies. */
export async function newTalk(answer: (number: number) => string = (number) => `Reply ${number}.`) {
  const { token, user } = await newUser()
  const { id } = await newConversation(token)
  const model = fakeModel((number) => fakeReply([answer(number)]))
  const say = async (content: string, more: object = {}) =>
    await call<Turn & { code?: string }>('POST', `/conversations/${id}/turns`, {
      token,
      body: { content, ...more },
      headers: json,
    })
  const on = async <T>(message: Message | null | undefined, what: string, body?: object) =>
    await call<T>('POST', `/conversations/${id}/messages/${message?.id}/${what}`, {
      token,
      headers: json,
      ...(body === undefined ? {} : { body }),
    })
  return { token, user, id, model, say, on }
}

/** What counts of a conversation, oldest first. */
export async function pathOf(token: string, id: string, limit = 100) {
  const said: Message[] = []
  let cursor: string | null = null
  do {
    const query: string = `branch=current&limit=${limit}${cursor === null ? '' : `&cursor=${cursor}`}`
    const { body } = await call<MessagePage>('GET', `/conversations/${id}/messages?${query}`, { token })
    said.push(...body.items)
    cursor = body.next_cursor
  } while (cursor !== null)
  return said.toReversed()
}
export const told = (messages: readonly Message[]) => messages.map(({ content }) => content)
