import { describe, expect, it } from 'vitest'
import type { Conversation, MessagePage, Turn } from '#src/conversations/shapes.ts'
import { call } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { messagesOf } from '#test/setup/talk.ts'
import { json, newTalk, pathOf, told } from '#test/setup/versions.ts'

describe('what is said', () => {
  it('follows what was said last, whoever said it', async () => {
    const { token, id, say } = await newTalk()
    await say('one')
    const external = { role: 'assistant', content: 'from elsewhere' }
    await call('POST', `/conversations/${id}/messages`, { token, body: external })
    await say('two')
    const all = await messagesOf(token, id)
    expect(all.map(({ parent_id: parent }) => parent)).toEqual([null, ...all.slice(0, -1).map((message) => message.id)])
    expect(told(await pathOf(token, id, 2))).toEqual(told(all))
    const { body } = await call<Conversation>('GET', `/conversations/${id}`, { token })
    expect([body.leaf_message_id, body.last_seq]).toEqual([all.at(-1)?.id, 5])
  })
})

describe('an edit', () => {
  it('stands beside what it changes, with a reply of its own, and is what counts', async () => {
    const { token, id, model, say } = await newTalk()
    await say('I like tea.')
    const { body: second } = await say('And you?')
    const { body: edited } = await say('And your cat?', { edit_of: second.user_message?.id })
    expect(edited.user_message).toMatchObject({ content: 'And your cat?', parent_id: second.user_message?.parent_id })
    expect(
      model.bodies
        .at(-1)
        ?.messages.slice(1)
        .map(({ content }) => content),
    ).toEqual(['I like tea.', 'Reply 1.', 'And your cat?'])
    expect(told(await pathOf(token, id))).toEqual(['I like tea.', 'Reply 1.', 'And your cat?', 'Reply 3.'])
    expect(told(await messagesOf(token, id))).toEqual([
      'I like tea.',
      'Reply 1.',
      'And you?',
      'Reply 2.',
      'And your cat?',
      'Reply 3.',
    ])
  })

  it('of what was said first begins the conversation anew', async () => {
    const { token, id, model, say } = await newTalk()
    const { body: first } = await say('one')
    await say('two')
    const { body: edited } = await say('uno', { edit_of: first.user_message?.id })
    expect([edited.user_message?.parent_id, model.bodies.at(-1)?.messages.length]).toEqual([null, 2])
    await say('dos')
    expect(told(await pathOf(token, id))).toEqual(['uno', 'Reply 3.', 'dos', 'Reply 4.'])
  })

  it('with the same key is one edit', async () => {
    const { token, id, say } = await newTalk()
    const { body: first } = await say('one')
    const body = { content: 'uno', edit_of: first.user_message?.id }
    const send = async (more = {}) =>
      await call<Turn & { code: string }>('POST', `/conversations/${id}/turns`, {
        token,
        body: { ...body, ...more },
        headers: { ...json, 'Idempotency-Key': 'key' },
      })
    const [one, two] = [await send(), await send()]
    expect([two.status, two.body]).toEqual([200, one.body])
    expect((await send({ edit_of: undefined })).body.code).toBe('idempotency_key_reused')
    expect((await messagesOf(token, id)).length).toBe(4)
  })

  it.each([
    ['a reply', async (turn: Turn) => await Promise.resolve(turn.reply?.id)],
    ['nothing that is there', async () => await Promise.resolve(crypto.randomUUID())],
  ])('of %s is refused, and claims nothing', async (_name, idOf) => {
    const { token, user, id, say } = await newTalk()
    const { body: first } = await say('one')
    const wrong = await say('uno', { edit_of: await idOf(first) })
    expect([wrong.status, wrong.body.code]).toEqual([404, 'not_found'])
    expect((await messagesOf(token, id)).length).toBe(2)
    expect(await asOwner('select from turns where user_id = $1', [user.id])).toHaveLength(1)
  })
})

describe('a choice', () => {
  it('leads over that version and the newest that follows it, and the companion knows no other', async () => {
    const { token, id, model, say, on } = await newTalk()
    const { body: first } = await say('one')
    await say('two')
    const { body: again } = await on<Turn>(first.reply, 'regenerate')
    expect(told(await pathOf(token, id))).toEqual(['one', 'Reply 3.'])
    const { body: chosen } = await on<Conversation>(first.reply, 'choose')
    expect(told(await pathOf(token, id))).toEqual(['one', 'Reply 1.', 'two', 'Reply 2.'])
    expect(chosen.leaf_message_id).toBe((await pathOf(token, id)).at(-1)?.id)
    await say('three')
    expect(
      model.bodies
        .at(-1)
        ?.messages.slice(1)
        .map(({ content }) => content),
    ).toEqual(['one', 'Reply 1.', 'two', 'Reply 2.', 'three'])
    await on(again.reply, 'choose')
    expect(told(await pathOf(token, id))).toEqual(['one', 'Reply 3.'])
  })

  it('of what is not there is refused', async () => {
    const { on, say } = await newTalk()
    const { body } = await say('one')
    const other = await newTalk()
    expect((await other.on(body.reply, 'choose')).status).toBe(404)
    expect((await on(null, 'choose')).status).toBe(400)
  })
})

describe('a fork', () => {
  it('is a conversation of its own that begins as the other did, sealed anew', async () => {
    const { token, user, id, say, on } = await newTalk()
    await say('one')
    const { body: second } = await say('two')
    await say('three')
    const { status, body: fork } = await on<Conversation>(second.reply, 'fork', { title: 'What if' })
    expect([status, fork.title, fork.message_count]).toEqual([201, 'What if', 4])
    const copies = await pathOf(token, fork.id)
    const sources = (await pathOf(token, id)).slice(0, 4)
    expect(copies.map(({ role, origin, content, created_at }) => ({ role, origin, content, created_at }))).toEqual(
      sources.map(({ role, origin, content, created_at }) => ({ role, origin, content, created_at })),
    )
    expect(copies.every((copy) => sources.every((source) => source.id !== copy.id))).toBe(true)
    await call('DELETE', `/conversations/${id}`, { token })
    expect(told(await pathOf(token, fork.id))).toEqual(['one', 'Reply 1.', 'two', 'Reply 2.'])
    const found = await call<MessagePage>('POST', '/search', { token, body: { query: 'two' } })
    expect(found.body.items.map((message) => message.conversation_id)).toEqual([fork.id])
    const cells = await asOwner<{ cell: Uint8Array }>('select content as cell from messages where user_id = $1', [
      user.id,
    ])
    expect(new Set(cells.map(({ cell }) => cell.toHex())).size).toBe(4)
  })

  it('has replies that may be made once more', async () => {
    const { token, say, on } = await newTalk()
    const { body: turn } = await say('one')
    const { body: fork } = await on<Conversation>(turn.reply, 'fork', {})
    const [, copy] = await pathOf(token, fork.id)
    const path = `/conversations/${fork.id}/messages/${copy?.id}/regenerate`
    expect((await call<Turn>('POST', path, { token, headers: json })).body.reply?.parent_id).toBe(copy?.parent_id)
    expect(told(await pathOf(token, fork.id))).toEqual(['one', 'Reply 2.'])
    expect(told(await messagesOf(token, fork.id))).toEqual(['one', 'Reply 1.', 'Reply 2.'])
  })

  it('is made once for its key', async () => {
    const { token, id, say } = await newTalk()
    const { body: turn } = await say('one')
    const fork = async (body = {}) =>
      await call<Conversation & { code: string }>('POST', `/conversations/${id}/messages/${turn.reply?.id}/fork`, {
        token,
        body,
        headers: { 'Idempotency-Key': 'key' },
      })
    const [one, two] = [await fork(), await fork()]
    expect([one.status, two.status, two.body]).toEqual([201, 201, one.body])
    expect((await fork({ title: 'Another' })).body.code).toBe('idempotency_key_reused')
    expect((await pathOf(token, one.body.id)).length).toBe(2)
  })
})

describe('a hidden prompt', () => {
  it('reaches the companion and leaves a reply only', async () => {
    const { token, id, model, say } = await newTalk()
    const { body: turn } = await say('Introduce yourself.', { is_hidden: true })
    expect([turn.user_message, turn.reply?.content, turn.reply?.parent_id]).toEqual([null, 'Reply 1.', null])
    expect(model.bodies[0]?.messages.at(-1)).toEqual({ role: 'user', content: 'Introduce yourself.' })
    await say('Hello.')
    expect(told(await pathOf(token, id))).toEqual(['Reply 1.', 'Hello.', 'Reply 2.'])
    expect(model.bodies[1]?.messages.slice(1).map(({ content }) => content)).toEqual(['Reply 1.', 'Hello.'])
    await say('Say more.', { is_hidden: true })
    expect(told(await pathOf(token, id))).toEqual(['Reply 1.', 'Hello.', 'Reply 2.', 'Reply 3.'])
    const found = await call<MessagePage>('POST', '/search', { token, body: { query: 'introduce' } })
    expect(found.body.items).toEqual([])
  })

  it('is gone on with by its key where its Worker died', async () => {
    const { token, user, id } = await newTalk()
    const saying = async () =>
      await call<Turn>('POST', `/conversations/${id}/turns`, {
        token,
        body: { content: 'Introduce yourself.', is_hidden: true },
        headers: { ...json, 'Idempotency-Key': 'key' },
      })
    const { body: first } = await saying()
    await asOwner(
      `update turns set state = 'streaming', ended_at = null, checked_at = now() - interval '1 minute' where user_id = $1`,
      [user.id],
    )
    const { status, body } = await saying()
    expect([status, body.reply?.id, body.user_message]).toEqual([200, first.reply?.id, null])
    expect(told(await messagesOf(token, id))).toEqual(['Reply 1.Reply 2.'])
  })

  it('is no edit', async () => {
    const { say } = await newTalk()
    const { body: first } = await say('one')
    const { status, body } = await say('uno', { is_hidden: true, edit_of: first.user_message?.id })
    expect([status, body.code]).toEqual([422, 'invalid_body'])
  })
})
