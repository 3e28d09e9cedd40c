import { expect } from 'vitest'
import type { Turn } from '#src/conversations/shapes.ts'
import { call, newUser, rawCall } from '#test/setup/client.ts'
import { eventually } from '#test/setup/eventually.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { newConversation } from '#test/setup/talk.ts'
import { sayWith, turnsOf } from '#test/setup/talk-with.ts'
import { chunkOf, endOfReply, fakeModel, replyOf, steerReply } from '#test/setup/upstreams.ts'

export const said = 'Tell me of the sea.'

export async function newTalk() {
  const { token, user } = await newUser()
  return { token, user, id: (await newConversation(token)).id }
}

export type Talk = Awaited<ReturnType<typeof newTalk>>

export const pathOf = ({ id }: Talk, turnId: string, what: string) => `/conversations/${id}/turns/${turnId}/${what}`
export const after = (lastEventId: string | undefined) =>
  lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }

/** The rest of a turn, by the way of GET. */
export const hear = async (talk: Talk, turnId: string, lastEventId?: string) =>
  await rawCall('GET', pathOf(talk, turnId, 'events'), { token: talk.token, headers: after(lastEventId) })

export const goOn = async (
  talk: Talk,
  turnId: string,
  headers: Record<string, string> = { Accept: 'application/json' },
) => await call<Turn & { code: string }>('POST', pathOf(talk, turnId, 'continue'), { token: talk.token, headers })

export const stop = async (talk: Talk, turnId: string) =>
  (await call('POST', pathOf(talk, turnId, 'stop'), { token: talk.token })).status

/** A turn whose Worker dies once its first sentence is kept: what it says from then on is heard by nobody. */
export async function abandonedTurn() {
  const talk = await newTalk()
  const steered = steerReply()
  const rest = [() => steered.response, () => replyOf(' And out.')]
  const { bodies } = fakeModel(() => rest.shift()?.() ?? replyOf('too much'))
  const asking = sayWith({}, { token: talk.token, id: talk.id, content: said, key: 'key', accept: '*/*' })
  steered.write(chunkOf('The tide comes in. ') + chunkOf('It is'))
  const response = await asking
  const kept = 'select id from turns where user_id = $1 and checkpoint is not null'
  await eventually(async () => expect((await asOwner(kept, [talk.user.id])).length).toBe(1))
  await asOwner(
    `update turns set key_hash = sha256(id::text::bytea), checked_at = now() - interval '3 minutes' where user_id = $1`,
    [talk.user.id],
  )
  steered.write(endOfReply)
  steered.close()
  await response.text()
  const [turn] = await turnsOf(talk.user.id)
  return { talk, turnId: turn?.id ?? '', bodies }
}
