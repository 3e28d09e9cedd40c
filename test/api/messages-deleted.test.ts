import { describe, expect, it } from 'vitest'
import type { Conversation, Message, MessagePage, Turn } from '#src/conversations/shapes.ts'
import { only } from '#src/db/rows.ts'
import { call, newUser } from '#test/setup/client.ts'
import { eventually } from '#test/setup/eventually.ts'
import { memoriesOf, rememberedBy, sayAndRemember } from '#test/setup/memories.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { fakeReply, messagesOf, newConversation, sayAndWait } from '#test/setup/talk.ts'
import { sayWith } from '#test/setup/talk-with.ts'
import { chunkOf, endOfReply, fakeModel, steerReply } from '#test/setup/upstreams.ts'

const drop = async (token: string, id: string, messageId: string | undefined) =>
  await call<Conversation & { code?: string }>('DELETE', `/conversations/${id}/messages/${messageId}`, { token })

const pathOf = async (token: string, id: string) =>
  (await call<MessagePage>('GET', `/conversations/${id}/messages?branch=current`, { token })).body.items.map(
    ({ content }) => content,
  )

const contents = (messages: readonly Message[]) => messages.map(({ content }) => content)

/** A talk with a model that numbers its replies. */
async function newTalk() {
  const { token } = await newUser()
  const { id } = await newConversation(token)
  let number = 0
  fakeModel(() => {
    number += 1
    return fakeReply([`Reply ${number}.`])
  })
  const say = async (content: string, key?: string) => (await sayAndWait(token, id, content, key)).body
  return { token, id, say }
}

describe('a message that is deleted', () => {
  it('goes with what follows it, and the conversation ends before it', async () => {
    const { token, id, say } = await newTalk()
    await say('one')
    const { user_message: two } = await say('two')
    await say('three')
    const before = (await call<Conversation>('GET', `/conversations/${id}`, { token })).body
    const { status, body } = await drop(token, id, two?.id)
    const left = await messagesOf(token, id)
    expect(contents(left)).toEqual(['one', 'Reply 1.'])
    expect([status, body]).toEqual([
      200,
      { ...before, message_count: 2, leaf_message_id: left[1]?.id, updated_at: body.updated_at },
    ])
    expect(Date.parse(body.updated_at)).toBeGreaterThanOrEqual(Date.parse(before.updated_at))
    expect((await drop(token, id, two?.id)).body.code).toBe('not_found')
    const found = await call<MessagePage>('POST', '/search', { token, body: { query: 'three' } })
    expect(found.body.items).toEqual([])
    await say('four')
    expect((await pathOf(token, id)).toReversed()).toEqual(['one', 'Reply 1.', 'four', 'Reply 4.'])
  })

  it('leaves its other versions, the newest of which counts', async () => {
    const { token, id, say } = await newTalk()
    const { reply } = await say('one')
    const headers = { Accept: 'application/json' }
    const again = async () =>
      (await call<Turn>('POST', `/conversations/${id}/messages/${reply?.id}/regenerate`, { token, headers })).body.reply
    const [second, third] = [await again(), await again()]
    expect((await drop(token, id, third?.id)).body.leaf_message_id).toBe(second?.id)
    // One that does not count takes nothing of the path.
    expect((await drop(token, id, reply?.id)).body.leaf_message_id).toBe(second?.id)
    expect(await pathOf(token, id)).toEqual(['Reply 2.', 'one'])
  })

  it('may be the first: then nothing was said', async () => {
    const { token, id, say } = await newTalk()
    const { user_message: one } = await say('one')
    const { body } = await drop(token, id, one?.id)
    expect([body.message_count, body.leaf_message_id, await messagesOf(token, id)]).toEqual([0, null, []])
    expect(await asOwner('select id from turns where conversation_id = $1', [id])).toEqual([])
    await say('anew')
    expect(await pathOf(token, id)).toEqual(['Reply 2.', 'anew'])
  })

  it('may be a reply: the same key says it again', async () => {
    const { token, id, say } = await newTalk()
    const { reply } = await say('one', 'key')
    await drop(token, id, reply?.id)
    expect(await pathOf(token, id)).toEqual(['one'])
    expect((await say('one', 'key')).reply?.content).toBe('Reply 2.')
    expect(contents(await messagesOf(token, id))).toEqual(['one', 'Reply 2.'])
  })

  it('is summed up no more', async () => {
    const { token, id, say } = await newTalk()
    const { user_message: one } = await say('one')
    const { user_message: two } = await say('two')
    const summed = async () => await asOwner('select summary, summary_seq from conversations where id = $1', [id])
    await asOwner('update conversations set summary = title, summary_seq = 2 where id = $1', [id])
    await drop(token, id, two?.id)
    expect(await summed()).toEqual([{ summary: null, summary_seq: '2' }])
    await drop(token, id, one?.id)
    expect(await summed()).toEqual([{ summary: null, summary_seq: '0' }])
  })

  it('is remembered no more', async () => {
    const { token, id } = await newTalk()
    const { user_message: one } = await sayAndRemember(token, id, 'My dog is called Rex.')
    await sayAndRemember(token, id, 'I live in Graz.')
    const [graz] = await memoriesOf(token)
    await drop(token, id, graz?.source_message_ids[0])
    expect(await rememberedBy(token)).toEqual(['My dog is called Rex.'])
    await drop(token, id, one?.id)
    expect(await memoriesOf(token)).toEqual([])
  })

  it('stays while a reply is being made', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    const steered = steerReply()
    fakeModel(() => steered.response)
    const answering = sayWith({}, { token, id, content: 'one' })
    steered.write(chunkOf('Re'))
    const said = await eventually(async () => only(await messagesOf(token, id)))
    expect((await drop(token, id, said.id)).body.code).toBe('turn_in_progress')
    steered.write(endOfReply)
    steered.close()
    await (await answering).text()
    expect((await drop(token, id, said.id)).status).toBe(200)
  })

  it('is its person’s to delete, in its own conversation', async () => {
    const { token, id, say } = await newTalk()
    const other = await newTalk()
    const { user_message: one } = await say('one')
    expect((await drop(other.token, id, one?.id)).status).toBe(404)
    expect((await drop(token, (await newConversation(token)).id, one?.id)).status).toBe(404)
    expect((await messagesOf(token, id)).length).toBe(2)
  })
})
