/// <reference types="@cloudflare/vitest-pool-workers/types" />
import { createExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import worker from '#src/index.ts'
import { abandonedTurn, goOn, newTalk, pathOf, said, stop } from '#test/setup/broken-turns.ts'
import { eventually } from '#test/setup/eventually.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { eventsOf, messagesOf, sayAndWait, textOf } from '#test/setup/talk.ts'
import { sayWith, turnsOf } from '#test/setup/talk-with.ts'
import { chunkOf, endOfReply, fakeModel, replyOf, steerReply } from '#test/setup/upstreams.ts'
import { runSchedule, sweepAlone } from '#test/setup/worker-with.ts'

describe('a turn that cannot be continued', () => {
  it.each([
    ['is complete', 'complete', 'conflict'],
    ['is being made', 'streaming', 'turn_in_progress'],
    ['said nothing', 'failed', 'conflict'],
  ])('because it %s is refused', async (_, state, code) => {
    const talk = await newTalk()
    fakeModel(() => replyOf('One.'))
    const { body } = await sayAndWait(talk.token, talk.id, said)
    await asOwner('update turns set state = $2, ended_at = case when $2 = $3 then null else now() end where id = $1', [
      body.id,
      state,
      'streaming',
    ])
    const refused = await goOn(talk, body.id)
    expect([refused.status, refused.body.code]).toEqual([409, code])
  })

  it('because the model fails again keeps what there was', async () => {
    const { talk, turnId } = await abandonedTurn()
    fakeModel(() => new Response('', { status: 500 }))
    expect((await goOn(talk, turnId)).status).toBe(503)
    const [turn] = await turnsOf(talk.user.id)
    expect(turn?.state).toBe('interrupted')
    expect((await messagesOf(talk.token, talk.id)).map(({ content, status }) => [content, status])).toEqual([
      [said, 'complete'],
      ['The tide comes in. ', 'interrupted'],
    ])
  })

  it('never becomes shorter by being continued', async () => {
    await sweepAlone()
    const talk = await newTalk()
    const steered = steerReply()
    fakeModel((number) => (number === 1 ? replyOf('One. Two. Thr') : steered.response))
    const { body } = await sayAndWait(talk.token, talk.id, said)
    await asOwner(`update turns set state = 'interrupted' where id = $1`, [body.id])
    const context = createExecutionContext()
    const request = new Request(`https://neuraform.test${pathOf(talk, body.id, 'continue')}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${talk.token}` },
    })
    steered.write(chunkOf('ee.'))
    await worker.fetch(request, env, context)
    await new Promise((resolve) => setTimeout(resolve, 1_200))
    await asOwner(
      `update turns set key_hash = sha256(id::text::bytea), checked_at = now() - interval '3 minutes' where id = $1`,
      [body.id],
    )
    await runSchedule()
    expect((await messagesOf(talk.token, talk.id))[1]?.content).toBe('One. Two. Thr')
    steered.write(endOfReply)
    steered.close()
  })
})

describe('a turn that is stopped', () => {
  async function speaking() {
    const talk = await newTalk()
    const steered = steerReply()
    const { signals } = fakeModel(() => steered.response)
    steered.write(chunkOf('One. ') + chunkOf('Tw'))
    const response = await sayWith({}, { ...talk, content: said, accept: '*/*' })
    const [turn] = await turnsOf(talk.user.id)
    return { talk, turnId: turn?.id ?? '', signals, response }
  }

  it('ends with what was said, and asks no more of the model', async () => {
    const { talk, turnId, signals, response } = await speaking()
    expect([await stop(talk, turnId), await stop(talk, turnId)]).toEqual([204, 204])
    const events = eventsOf(await response.text())
    expect([textOf(events), signals[0]?.aborted]).toEqual(['One. Tw', true])
    expect((await messagesOf(talk.token, talk.id))[1]).toMatchObject({ content: 'One. Tw', status: 'interrupted' })
    expect(await stop(talk, turnId)).toBe(204)
    expect((await turnsOf(talk.user.id)).map(({ state }) => state)).toEqual(['interrupted'])
  })

  it('before its first word says so, and its key begins it again', async () => {
    const talk = await newTalk()
    fakeModel((number) => (number === 1 ? new Response(new ReadableStream<Uint8Array>()) : replyOf('Now.')))
    const asking = sayWith({}, { ...talk, content: said, key: 'key' })
    await eventually(async () => expect((await messagesOf(talk.token, talk.id)).length).toBe(1))
    const [turn] = await turnsOf(talk.user.id)
    expect(await stop(talk, turn?.id ?? '')).toBe(204)
    const refused = await asking
    expect([refused.status, (await refused.json<{ code: string }>()).code]).toEqual([409, 'turn_stopped'])
    const again = await sayAndWait(talk.token, talk.id, said, 'key')
    expect([again.status, again.body]).toMatchObject([200, { state: 'complete', reply: { content: 'Now.' } }])
  })
})
