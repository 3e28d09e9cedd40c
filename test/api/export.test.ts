import { describe, expect, it } from 'vitest'
import type { Conversation, Message } from '#src/conversations/shapes.ts'
import { call, fuka, newUser, rawCall } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { messagesOf, newConversation, sayAndWait } from '#test/setup/talk.ts'
import { conversationsOf, exportFile, importFile, longChat } from '#test/setup/transcripts.ts'

interface OursFile {
  readonly format: string
  readonly conversations: readonly (Conversation & {
    readonly persona: { readonly id: string; readonly display_name: string } | null
    readonly messages: readonly Message[]
  })[]
}

interface OpenAiFile {
  readonly id: string
  readonly current_node: string
  readonly mapping: Record<
    string,
    { parent: string | null; children: string[]; message: { content: { parts: string[] } } | null }
  >
}

const ours = async (token: string, id?: string) => JSON.parse(await exportFile(token, 'neuraform', id)) as OursFile

/** A talk with a reply that was made twice, words that were said in two ways, and the first of those chosen. */
async function branchedTalk(token: string): Promise<{ id: string; chosen: Message }> {
  const { id } = await newConversation(token, 'Harbour #1')
  const first = (await sayAndWait(token, id, 'Where do the ships go?')).body
  const headers = { Accept: 'application/json' }
  const path = `/conversations/${id}/messages/${first.reply?.id}`
  await call('POST', `${path}/regenerate`, { token, headers })
  const second = (await sayAndWait(token, id, 'And the *boats*?')).body
  const body = { content: 'And the rafts?', edit_of: second.user_message?.id }
  await call('POST', `/conversations/${id}/turns`, { token, headers, body })
  await call('POST', `/conversations/${id}/messages/${second.reply?.id}/choose`, { token })
  return { id, chosen: second.reply as Message }
}

/** What a tree is, whatever its ids: each text, and the texts that it follows. */
const shapeOf = (messages: readonly Message[], leafId: string | null) => {
  const byId = new Map(messages.map((message) => [message.id, message]))
  const wayTo = (id: string | null): (string | null)[] => {
    const message = byId.get(id ?? '')
    return message === undefined ? [] : [...wayTo(message.parent_id), message.content]
  }
  const kept = ({
    id,
    conversation_id: _chat,
    parent_id: _parent,
    turn_id: _turn,
    seq: _seq,
    origin: _origin,
    ...rest
  }: Message) => ({
    way: wayTo(id),
    ...rest,
  })
  return { messages: messages.map(kept), leaf: wayTo(leafId) }
}

describe('our own file', () => {
  it('holds what the API tells, and adds nothing where it came from', async () => {
    const { token, user } = await newUser()
    const { id } = await branchedTalk(token)
    await newConversation(token)
    const answer = await rawCall('GET', `/conversations/${id}/export`, { token })
    expect([answer.status, answer.headers.get('Content-Type'), answer.headers.get('Content-Disposition')]).toEqual([
      200,
      'application/json',
      `attachment; filename="conversation-${id}.json"`,
    ])
    const told = (await call<Conversation>('GET', `/conversations/${id}`, { token })).body
    expect(await answer.json()).toEqual({
      format: 'neuraform.conversations',
      version: 1,
      exported_at: expect.stringMatching(/^\d{4}-.*Z$/),
      conversations: [{ ...told, persona: { id: fuka, display_name: 'Fuka' }, messages: await messagesOf(token, id) }],
    })
    const all = await ours(token)
    expect(all.conversations.map((one) => one.id)).toEqual(
      (await conversationsOf(token)).map((one) => one.id).toSorted(),
    )
    const before = await asOwner('select * from conversations where user_id = $1 order by id', [user.id])
    const { body } = await importFile(token, JSON.stringify(all), { personaId: null })
    expect(body).toEqual({
      format: 'neuraform',
      conversations: { added: 0, found: 1, skipped: 1, refused: 0 },
      messages: { added: 0, found: 7, skipped: 0, altered: 0 },
      refused: [],
    })
    expect(await asOwner('select * from conversations where user_id = $1 order by id', [user.id])).toEqual(before)
  })

  it('is the same talk in another account: its texts, its tree and its path', async () => {
    const [owner, other] = [await newUser(), await newUser()]
    const { id } = await branchedTalk(owner.token)
    await call('PATCH', `/conversations/${id}`, { token: owner.token, body: { is_pinned: true, tags: ['sea'] } })
    const file = await exportFile(owner.token, 'neuraform', id)
    for (const added of [1, 0]) {
      const { status, body } = await importFile(other.token, file, { personaId: null })
      expect([status, body.conversations]).toEqual([200, { added, found: 1 - added, skipped: 0, refused: 0 }])
    }
    const [from] = (JSON.parse(file) as OursFile).conversations
    const [made, ...rest] = (await ours(other.token)).conversations
    expect([rest, made?.title, made?.tags, made?.is_pinned, made?.persona_id, made?.created_at]).toEqual([
      [],
      'Harbour #1',
      ['sea'],
      true,
      fuka,
      from?.created_at,
    ])
    expect(shapeOf(made?.messages ?? [], made?.leaf_message_id ?? null)).toEqual(
      shapeOf(from?.messages ?? [], from?.leaf_message_id ?? null),
    )
    expect(new Set(made?.messages.map(({ role, origin }) => `${role} ${origin}`))).toEqual(
      new Set(['user person', 'assistant imported']),
    )
    const ids = new Set(from?.messages.map((message) => message.id))
    expect(made?.messages.filter((message) => ids.has(message.id))).toEqual([])
    // What the file says of the other's rows is left alone.
    expect((await ours(owner.token, id)).conversations[0]?.messages).toEqual(from?.messages)
  })

  it('comes back whole after it was deleted, once', async () => {
    const { token } = await newUser()
    const { id } = await branchedTalk(token)
    const file = await exportFile(token, 'neuraform')
    await call('DELETE', `/conversations/${id}`, { token })
    expect((await importFile(token, file)).body.messages).toMatchObject({ added: 7, found: 0 })
    expect((await importFile(token, file)).body.messages).toMatchObject({ added: 0, found: 7 })
    const [made] = (await ours(token)).conversations
    expect([made?.id === id, made?.messages.length]).toEqual([false, 7])
  })

  it('names a companion that another may not see, who is another one then or nobody', async () => {
    const [owner, other] = [await newUser(), await newUser()]
    const persona = (
      await call<{ id: string }>('POST', '/personas', { token: owner.token, body: { display_name: 'Mira' } })
    ).body.id
    const talk = await call<Conversation>('POST', '/conversations', {
      token: owner.token,
      body: { persona_id: persona },
    })
    await call('POST', `/conversations/${talk.body.id}/messages`, {
      token: owner.token,
      body: { role: 'user', content: 'Hello.' },
    })
    const file = await exportFile(owner.token, 'neuraform')
    expect(JSON.parse(file)).toMatchObject({ conversations: [{ persona: { id: persona, display_name: 'Mira' } }] })
    expect((await importFile(other.token, file, { personaId: persona })).body.code).toBe('not_found')
    await importFile(other.token, file)
    expect((await conversationsOf(other.token))[0]?.persona_id).toBe(fuka)
    const third = await newUser()
    await importFile(third.token, file, { personaId: null })
    expect((await conversationsOf(third.token))[0]?.persona_id).toBe(null)
  })
})

describe('a file for other programs', () => {
  it('of ChatGPT’s kind has every version, and is read here again', async () => {
    const [{ token }, other] = [await newUser(), await newUser()]
    const { id, chosen } = await branchedTalk(token)
    const file = await exportFile(token, 'openai', id)
    const [chat] = JSON.parse(file) as OpenAiFile[]
    const told = await messagesOf(token, id)
    expect([chat?.id, chat?.current_node, Object.keys(chat?.mapping ?? {}).length]).toEqual([id, chosen.id, 8])
    for (const message of told) {
      const node = chat?.mapping[message.id]
      expect(node?.message?.content.parts).toEqual([message.content])
      expect(chat?.mapping[node?.parent ?? '']?.children).toContain(message.id)
      expect(node?.children).toEqual(told.filter((one) => one.parent_id === message.id).map((one) => one.id))
    }
    expect((await importFile(token, file)).body.messages).toMatchObject({ added: 0, found: 7 })
    expect((await importFile(other.token, file)).body.messages).toMatchObject({ added: 7, skipped: 0, altered: 0 })
    const [made] = (await ours(other.token)).conversations
    const wayOf = ({ way, role, created_at: created }: ReturnType<typeof shapeOf>['messages'][number]) => [
      way,
      role,
      created,
    ]
    const [here, there] = [shapeOf(made?.messages ?? [], made?.leaf_message_id ?? null), shapeOf(told, chosen.id)]
    expect([here.messages.map(wayOf), here.leaf]).toEqual([there.messages.map(wayOf), there.leaf])
  })

  it('of SillyTavern’s kind has the path, and the other replies as swipes', async () => {
    const [{ token }, other] = [await newUser(), await newUser()]
    const { id } = await branchedTalk(token)
    const answer = await rawCall('GET', `/conversations/${id}/export?format=sillytavern`, { token })
    expect([answer.headers.get('Content-Type'), answer.headers.get('Content-Disposition')]).toEqual([
      'application/jsonl',
      `attachment; filename="conversation-${id}.jsonl"`,
    ])
    const file = await answer.text()
    const [header, first, reply, ...rest] = file
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    const told = await messagesOf(token, id)
    expect(header).toMatchObject({ user_name: 'You', character_name: 'Fuka', chat_metadata: { integrity: id } })
    expect(first).toMatchObject({ name: 'You', is_user: true, is_system: false, mes: 'Where do the ships go?' })
    expect(reply).toMatchObject({
      name: 'Fuka',
      is_user: false,
      swipe_id: 1,
      swipes: told.filter((one) => one.parent_id === told[0]?.id && one.role === 'assistant').map((one) => one.content),
      mes: told.findLast((one) => one.parent_id === told[0]?.id)?.content,
    })
    expect(rest.map(({ mes }) => mes)).toEqual(['And the *boats*?', expect.any(String)])
    for (const added of [5, 0]) expect((await importFile(other.token, file)).body.messages.added).toBe(added)
    const again = await exportFile(other.token, 'sillytavern', (await conversationsOf(other.token))[0]?.id)
    const lines = (text: string) => text.split('\n').slice(1)
    expect(lines(again)).toEqual(lines(file))
  })
})

describe('what is exported', () => {
  it('comes oldest first, whenever it was imported', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token, 'New')
    await call('POST', `/conversations/${id}/messages`, { token, body: { role: 'user', content: 'Hello.' } })
    const chats = Array.from({ length: 6 }, (_, n) => ({
      ...longChat(`c${n}`, 1),
      title: `Old ${n}`,
      create_time: 1_600_000_000 + ((n * 5) % 6),
    }))
    await importFile(token, JSON.stringify(chats))
    const titles = (await ours(token)).conversations.map(({ title }) => title)
    expect(titles).toEqual([0, 5, 4, 3, 2, 1].map((n) => `Old ${n}`).concat('New'))
  })

  it('is one’s own, and nothing temporary', async () => {
    const [{ token }, other] = [await newUser(), await newUser()]
    const { id } = await newConversation(token)
    const temporary = (
      await call<Conversation>('POST', '/conversations', { token, body: { persona_id: fuka, is_temporary: true } })
    ).body
    expect((await ours(token)).conversations.map((one) => one.id)).toEqual([id])
    expect((await call('GET', `/conversations/${temporary.id}/export`, { token })).status).toBe(409)
    expect((await call('GET', `/conversations/${id}/export`, { token: other.token })).status).toBe(404)
    expect((await ours(other.token)).conversations).toEqual([])
    expect(await exportFile(other.token, 'openai')).toBe('[]')
  })

  it('ends as a stream that failed once the session is revoked, or what was said is gone', async () => {
    for (const end of [
      "update user_sessions set revoked_at = now(), revoked_reason = 'test' where user_id = $1",
      'delete from conversations where user_id = $1',
    ]) {
      const { token, user } = await newUser()
      await importFile(token, JSON.stringify([longChat('a', 450)]))
      const [made] = await conversationsOf(token)
      const response = await rawCall('GET', `/conversations/${made?.id}/export`, { token })
      const reader = response.body?.getReader()
      const pieces: string[] = []
      const next = async () => {
        const { done, value } = (await reader?.read()) ?? { done: true, value: undefined }
        pieces.push(new TextDecoder().decode(value))
        return done
      }
      await next()
      await asOwner(end, [user.id])
      await expect(
        (async () => {
          while (!(await next()));
        })(),
      ).rejects.toThrow()
      const told = pieces.join('')
      expect(told).toContain('word 99 ')
      expect(told).not.toContain('word 250 ')
      expect(() => JSON.parse(told) as unknown).toThrow()
    }
  })

  it('of a cell that cannot be opened is null in our own file, and left out of the others', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    for (const content of ['one', 'two', 'three'])
      await call('POST', `/conversations/${id}/messages`, { token, body: { role: 'user', content } })
    const [, second] = await messagesOf(token, id)
    await asOwner('update messages set content = set_byte(content, 20, 255 - get_byte(content, 20)) where id = $1', [
      second?.id,
    ])
    const [chat] = (await ours(token, id)).conversations
    expect(chat?.messages.map(({ content }) => content)).toEqual(['one', null, 'three'])
    const [openAi] = JSON.parse(await exportFile(token, 'openai', id)) as OpenAiFile[]
    expect(openAi?.mapping[second?.id ?? '']).toMatchObject({ message: null, children: [expect.any(String)] })
    expect((await exportFile(token, 'sillytavern', id)).match(/"mes":"\w+"/g)).toEqual(['"mes":"one"', '"mes":"three"'])
    expect((await exportFile(token, 'markdown', id)).match(/^> .*/gm)).toEqual(['> one', '> three'])
    const other = await newUser()
    const { body } = await importFile(other.token, await exportFile(token, 'neuraform', id))
    expect(body.messages).toEqual({ added: 2, found: 0, skipped: 1, altered: 0 })
  })
})
