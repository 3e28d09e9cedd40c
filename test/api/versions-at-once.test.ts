/// <reference types="@cloudflare/vitest-pool-workers/types" />
import { createExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import worker from '#src/index.ts'
import { call } from '#test/setup/client.ts'
import { fakeReply, messagesOf } from '#test/setup/talk.ts'
import { chunkOf, endOfReply, fakeModel, steerReply } from '#test/setup/upstreams.ts'
import { json, newTalk, pathOf, told } from '#test/setup/versions.ts'

describe('what is said while a reply is made', () => {
  /** A talk whose reply number `held` is made when the test says so. */
  async function heldTalk(held: number) {
    const talk = await newTalk()
    const steered = steerReply()
    const { bodies } = fakeModel((number) => (number === held ? steered.response : fakeReply([`Reply ${number}.`])))
    const end = () => {
      steered.write(`${chunkOf('Held.')}${endOfReply}`)
      steered.close()
    }
    const begun = async () => await expect.poll(() => bodies.length, { timeout: 15_000 }).toBe(held)
    return { ...talk, begun, end }
  }
  const append = async (token: string, id: string, role: string, content: string) =>
    await call('POST', `/conversations/${id}/messages`, { token, body: { role, content } })
  const request = (token: string, path: string, body?: object) =>
    worker.fetch(
      new Request(`https://neuraform.test${path}`, {
        method: 'POST',
        headers: {
          'CF-Connecting-IP': crypto.randomUUID(),
          Authorization: `Bearer ${token}`,
          ...json,
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
      env,
      createExecutionContext(),
    )

  it('follows the reply', async () => {
    const { token, id, begun, end } = await heldTalk(1)
    const asking = request(token, `/conversations/${id}/turns`, { content: 'one' })
    await begun()
    await expect.poll(async () => (await messagesOf(token, id)).length, { timeout: 15_000 }).toBe(1)
    await append(token, id, 'user', 'meanwhile')
    end()
    await asking
    expect(told(await pathOf(token, id))).toEqual(['one', 'Held.', 'meanwhile'])
  })

  it('by another backend and then by the person follows the reply', async () => {
    const { token, id, begun, end } = await heldTalk(1)
    const asking = request(token, `/conversations/${id}/turns`, { content: 'one' })
    await begun()
    await expect.poll(async () => (await messagesOf(token, id)).length, { timeout: 15_000 }).toBe(1)
    await append(token, id, 'assistant', 'external')
    await append(token, id, 'user', 'two')
    end()
    await asking
    expect(told(await pathOf(token, id))).toEqual(['one', 'Held.', 'external', 'two'])
  })

  it('loses no greeting that was asked for before', async () => {
    const { token, id, say, begun, end } = await heldTalk(1)
    const asking = request(token, `/conversations/${id}/turns`, { content: 'Introduce yourself.', is_hidden: true })
    await begun()
    const said = await append(token, id, 'user', 'Hello.')
    expect(said.status).toBe(201)
    end()
    await asking
    await say('And you?')
    expect(told(await pathOf(token, id))).toEqual(['Hello.', 'Held.', 'And you?', 'Reply 2.'])
  })

  it('stays on the path when an earlier reply was being made once more', async () => {
    const { token, id, say, begun, end } = await heldTalk(3)
    const { body: first } = await say('one')
    await say('two')
    const asking = request(token, `/conversations/${id}/messages/${first.reply?.id}/regenerate`)
    await begun()
    await say('three')
    end()
    await asking
    expect(told(await pathOf(token, id))).toEqual(['one', 'Reply 1.', 'two', 'Reply 2.', 'three', 'Reply 4.'])
    expect(told(await messagesOf(token, id))).toContain('Held.')
  })

  it('is all on the path where 20 say something at once', async () => {
    const { token, id } = await newTalk()
    await Promise.all(
      Array.from({ length: 20 }, async (_, number) => await append(token, id, 'user', `Line ${number}`)),
    )
    expect((await pathOf(token, id)).length).toBe(20)
  })
})
