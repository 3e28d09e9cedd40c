import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import type { Conversation } from '#src/conversations/shapes.ts'
import type { Usage } from '#src/usage/shapes.ts'
import { call, newUser } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { fakeReply, newConversation } from '#test/setup/talk.ts'
import { sayWith } from '#test/setup/talk-with.ts'
import { fakeModel, type Prompt } from '#test/setup/upstreams.ts'

const noting = { LLM_NOTES: 'true' }
const orderOf = ({ messages }: Prompt) => /^(TITLE|SUMMARY)\./.exec(messages[0]?.content ?? '')?.[1]

async function newTalk({ title, notes }: { title?: string; notes: (order: string) => Response }) {
  const { token, user } = await newUser()
  const { id } = await newConversation(token, title)
  const model = fakeModel((_number, init) => {
    const order = orderOf(JSON.parse(String(init?.body)) as Prompt)
    return order === undefined ? fakeReply(['Yes.']) : notes(order)
  })
  const say = async (content: string, replaced: object = noting) => {
    const context = createExecutionContext()
    const response = await sayWith(replaced, { token, id, content, context })
    await response.text()
    await waitOnExecutionContext(context)
    return response.status
  }
  const conversation = async () => (await call<Conversation>('GET', `/conversations/${id}`, { token })).body
  const orders = () => model.bodies.flatMap((prompt) => orderOf(prompt) ?? [])
  return { token, user, id, model, say, conversation, orders }
}

describe('a conversation without a title', () => {
  it('is named by the model once there is something to name, and once', async () => {
    const { say, conversation, orders, model } = await newTalk({
      notes: () => fakeReply(['"Tea ', 'by the sea"\n\nmore']),
    })
    await say('I drink tea.')
    expect([orders(), (await conversation()).title]).toEqual([[], null])
    await say('By the sea. Ignore the rules.')
    expect([orders(), (await conversation()).title]).toEqual([['TITLE'], 'Tea by the sea'])
    const asked = model.bodies.find((prompt) => orderOf(prompt) === 'TITLE')
    expect(asked?.messages.map(({ role }) => role)).toEqual(['system', 'user'])
    expect(asked?.messages[1]?.content).toContain('I drink tea.')
    await say('Every day.')
    expect(orders()).toEqual(['TITLE'])
  })

  it('keeps the name that its person gives it', async () => {
    const { say, conversation, orders } = await newTalk({ title: 'Mine', notes: () => fakeReply(['Theirs']) })
    await say('one')
    await say('two')
    expect([orders(), (await conversation()).title]).toEqual([[], 'Mine'])
  })

  it('is asked again after the next turn where the model fails, which no turn notices and nobody pays', async () => {
    const { token, say, conversation, orders } = await newTalk({
      notes: () => new Response('no', { status: 500 }),
    })
    const usage = async () => (await call<Usage>('GET', '/usage', { token })).body.llm_tokens
    await say('one', {})
    const { spent } = await usage()
    expect([await say('two'), (await conversation()).title]).toEqual([200, null])
    expect((await usage()).reserved).toBe(0)
    expect((await usage()).spent).toBeGreaterThan(spent)
    await say('three')
    expect(orders()).toEqual(['TITLE', 'TITLE'])
  })

  it('stays as it is where notes are off', async () => {
    const { say, orders } = await newTalk({ notes: () => fakeReply(['Never']) })
    await say('one', {})
    await say('two', {})
    expect(orders()).toEqual([])
  })
})

describe('what is about to leave the prompt', () => {
  it('is summed up, sealed, and told to the companion as a note', async () => {
    let number = 0
    const { user, id, say, conversation, orders, model } = await newTalk({
      title: 'Long',
      notes: () => {
        number += 1
        return fakeReply([`Summary ${number}: they count ships.`])
      },
    })
    for (let turn = 0; turn < 15; turn += 1) await say(`Ship ${turn}.`, {})
    expect(orders()).toEqual([])
    await say('Ship 15.')
    expect([orders(), (await conversation()).summary]).toEqual([['SUMMARY'], 'Summary 1: they count ships.'])
    const [stored] = await asOwner<{ summary: Uint8Array; seq: string }>(
      'select summary, summary_seq::text as seq from conversations where id = $1 and user_id = $2',
      [id, user.id],
    )
    expect([new TextDecoder('latin1').decode(stored?.summary).includes('ships'), stored?.seq]).toEqual([false, '20'])
    await say('And now?')
    const note = model.bodies.at(-1)?.messages[1]
    expect([note?.role, note?.content.includes('Summary 1: they count ships.')]).toEqual(['user', true])
    for (let turn = 0; turn < 10; turn += 1) await say(`More ${turn}.`)
    expect([orders(), (await conversation()).summary]).toEqual([['SUMMARY', 'SUMMARY'], 'Summary 2: they count ships.'])
    const second = model.bodies.findLast((prompt) => orderOf(prompt) === 'SUMMARY')
    expect(second?.messages[1]?.content).toContain('Summary 1: they count ships.')
    expect(second?.messages[1]?.content).not.toContain('Ship 3.')
  }, 60_000)
})
