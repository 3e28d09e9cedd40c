import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import type { Env } from '#src/config.ts'
import { call, newUser } from '#test/setup/client.ts'
import { eventually } from '#test/setup/eventually.ts'
import { namedDatabase, rolledBack, watchFlights } from '#test/setup/other-database.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { eventsOf, fakeReply, messagesOf, newConversation, sayAloud, sayAndWait, textOf } from '#test/setup/talk.ts'
import { sayWith, turnsOf } from '#test/setup/talk-with.ts'
import { chunkOf, endOfReply, fakeModel, steerReply } from '#test/setup/upstreams.ts'
import { runSchedule } from '#test/setup/worker-with.ts'

const said = 'Do you hear the rain?'
const words = Array.from({ length: 20 }, (_, number) => `word${number} `)

async function newTalk() {
  const { token, user } = await newUser()
  return { token, user, id: (await newConversation(token)).id }
}

/** A turn whose model waits for a word of ours: before its first one, and before its last. */
async function steeredTurn(variables: Partial<Env> = {}) {
  const talk = await newTalk()
  const steered = steerReply()
  const { signals } = fakeModel(() => steered.response)
  const asking = sayWith(variables, { token: talk.token, id: talk.id, content: said, key: 'key', accept: '*/*' })
  await eventually(async () => expect((await messagesOf(talk.token, talk.id)).length).toBe(1))
  return { ...talk, steered, signals, asking }
}

const everythingOf = async (userId: string) =>
  await asOwner(
    `select 'message' as what from messages where user_id = $1 union all select 'turn' from turns where user_id = $1
     union all select 'conversation' from conversations where user_id = $1 union all select 'user' from users where id = $1`,
    [userId],
  )

describe('a turn whose client leaves', () => {
  it.each([
    ['at the first word', 1],
    ['in the middle', 10],
    ['at the last byte', Infinity],
  ])('%s is stored whole, and its key brings it', async (_name, reads) => {
    const { token, user, id } = await newTalk()
    const { bodies } = fakeModel(() => fakeReply(words))
    const reader = (await sayAloud(token, id, said, 'key')).body?.getReader()
    for (let count = 0; count < reads; count += 1) if ((await reader?.read())?.done !== false) break
    await reader?.cancel()
    await eventually(async () => expect((await turnsOf(user.id))[0]?.state).toBe('complete'))
    const [asked, reply] = await messagesOf(token, id)
    expect(reply).toMatchObject({ status: 'complete', content: words.join(''), parent_id: asked?.id })
    expect((await sayAndWait(token, id, said, 'key')).body.reply).toEqual(reply)
    expect([bodies.length, (await messagesOf(token, id)).length]).toEqual([1, 2])
  })

  it.each(['application/json', 'text/event-stream'])(
    'before the first word holds the Worker until it is stored, asked for as %s',
    async (accept) => {
      const { token, user, id } = await newTalk()
      const { bodies } = fakeModel(() => fakeReply(words))
      const context = createExecutionContext()
      const unheard = sayWith({}, { token, id, content: said, accept, context })
      await eventually(() => expect(bodies.length).toBe(1))
      await waitOnExecutionContext(context)
      expect((await turnsOf(user.id))[0]?.state).toBe('complete')
      expect((await messagesOf(token, id))[1]?.content).toBe(words.join(''))
      await (await unheard).body?.cancel()
    },
  )
})

describe('a turn whose session ends', () => {
  it('while the model speaks stops there, and keeps what was said', async () => {
    const { token, user, id, steered, signals, asking } = await steeredTurn()
    steered.write(chunkOf('First. ') + chunkOf('Sec'))
    const response = await asking
    await call('POST', '/auth/logout', { token })
    const events = eventsOf(await response.text())
    expect([textOf(events), events.at(-1)?.part]).toMatchObject(['First. Sec', { finishReason: 'error' }])
    expect(signals[0]?.aborted).toBe(true)
    const rows = await asOwner('select role, status from messages where conversation_id = $1 order by seq', [id])
    expect(rows).toEqual([
      { role: 'user', status: 'complete' },
      { role: 'assistant', status: 'interrupted' },
    ])
    expect((await turnsOf(user.id)).map(({ state }) => state)).toEqual(['interrupted'])
    expect((await sayAndWait(token, id, said, 'key')).status).toBe(401)
  })

  it('before the first word asks no more of the model, and keeps the words', async () => {
    const { token, user, id, signals, asking } = await steeredTurn()
    await call('POST', '/auth/logout', { token })
    expect((await asking).status).toBe(401)
    await eventually(() => expect(signals[0]?.aborted).toBe(true))
    expect(await asOwner('select role from messages where conversation_id = $1', [id])).toEqual([{ role: 'user' }])
    expect((await turnsOf(user.id)).map(({ state }) => state)).toEqual(['failed'])
  })
})

describe('a turn that loses what it belongs to', () => {
  it.each([
    ['account', async (token: string) => await call('DELETE', '/auth/account', { token }), 202],
    ['conversation', async (token: string, id: string) => await call('DELETE', `/conversations/${id}`, { token }), 204],
  ] as const)('because its %s goes ends as interrupted, and leaves nothing behind', async (what, remove, status) => {
    const { token, user, id, steered, asking } = await steeredTurn()
    steered.write(chunkOf('First. '))
    const response = await asking
    expect((await remove(token, id)).status).toBe(status)
    steered.write(chunkOf('Second.') + endOfReply)
    steered.close()
    const events = eventsOf(await response.text())
    expect(events.slice(-2).map(({ part }) => part)).toEqual([
      { type: 'error', errorText: 'The reply was interrupted.' },
      expect.objectContaining({ type: 'finish', finishReason: 'error' }),
    ])
    expect(await everythingOf(user.id)).toEqual(what === 'account' ? [] : [{ what: 'user' }])
  })

  it('before the first word answers to who asks for JSON that there is no such session, and never 500', async () => {
    const { token, user, id } = await newTalk()
    const steered = steerReply()
    fakeModel(() => steered.response)
    const asking = sayWith({}, { token, id, content: said })
    await eventually(async () => expect((await messagesOf(token, id)).length).toBe(1))
    await call('DELETE', '/auth/account', { token })
    steered.write(chunkOf('Too late.') + endOfReply)
    steered.close()
    expect((await asking).status).toBe(401)
    expect(await everythingOf(user.id)).toEqual([])
  })

  it('racing its own account’s end never answers 500, and leaves nothing', async () => {
    const { token, user, id } = await newTalk()
    fakeModel(() => fakeReply(['Yes.']))
    const turns = Array.from({ length: 10 }, async (_, number) => await sayAndWait(token, id, said, `key-${number}`))
    const gone = await call('DELETE', '/auth/account', { token })
    const statuses = (await Promise.all(turns)).map(({ status }) => status)
    expect([gone.status, statuses.filter((status) => ![200, 401, 404, 409].includes(status))]).toEqual([202, []])
    await runSchedule()
    expect(await everythingOf(user.id)).toEqual([])
  })
})

describe('a turn whose connection to the database dies while the model speaks', () => {
  it('is stored over a new one', async () => {
    const database = namedDatabase()
    const { token, user, id, steered, asking } = await steeredTurn(database.variables)
    steered.write(chunkOf('First. '))
    const response = await asking
    expect(await database.terminate()).toBe(1)
    steered.write(chunkOf('Second.') + endOfReply)
    steered.close()
    expect(eventsOf(await response.text()).at(-1)?.part).toMatchObject({ finishReason: 'stop' })
    expect((await turnsOf(user.id)).map(({ state }) => state)).toEqual(['complete'])
    expect((await messagesOf(token, id))[1]?.content).toBe('First. Second.')
  })

  it.each([
    ['was heard', true],
    ['was not heard', false],
  ])('at its last word is stored once, where COMMIT %s', async (_name, isHeard) => {
    const { token, user, id, steered, asking } = await steeredTurn()
    steered.write(chunkOf('All of it.'))
    const response = await asking
    let isCut = false
    watchFlights(async (send, asked) => {
      if (isCut) return await send(asked)
      isCut = true
      await send(isHeard ? asked : rolledBack(asked))
      throw new Error('the socket was closed')
    })
    steered.write(endOfReply)
    steered.close()
    expect(eventsOf(await response.text()).at(-1)?.part).toMatchObject({ finishReason: 'stop' })
    expect([isCut, (await turnsOf(user.id)).map(({ state }) => state)]).toEqual([true, ['complete']])
    expect((await messagesOf(token, id)).map(({ content }) => content)).toEqual([said, 'All of it.'])
    expect((await sayAndWait(token, id, said, 'key')).body).toMatchObject({ state: 'complete' })
  })
})

describe('a database that is away while a reply ends', () => {
  it('is waited for: what was said is stored once it is back', async () => {
    const { token, user, id, steered, asking } = await steeredTurn()
    steered.write(chunkOf('All of it.'))
    const response = await asking
    let refused = 0
    watchFlights(async (send, asked) => {
      if (refused === 5) return await send(asked)
      refused += 1
      await send(rolledBack(asked))
      throw new Error('the socket was closed')
    })
    steered.write(endOfReply)
    steered.close()
    expect(eventsOf(await response.text()).at(-1)?.part).toMatchObject({ finishReason: 'stop' })
    expect([refused, (await turnsOf(user.id)).map(({ state }) => state)]).toEqual([5, ['complete']])
    expect((await messagesOf(token, id)).map(({ content }) => content)).toEqual([said, 'All of it.'])
  })
})

describe('a model that stalls', () => {
  it('keeps no transaction open, before its first word or after it', async () => {
    const database = namedDatabase()
    const { steered, asking } = await steeredTurn(database.variables)
    // A checkpoint is a flight of a few milliseconds, once a second: nothing is open for longer.
    const stalled = async () => {
      for (let look = 0; look < 30; look += 1) {
        const open = (await database.connections()).filter(({ state }) => state !== 'idle')
        expect(open.filter(({ millisecondsInState }) => millisecondsInState > 150)).toEqual([])
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
    await stalled()
    steered.write(chunkOf('First. '))
    const response = await asking
    await stalled()
    steered.write(endOfReply)
    steered.close()
    expect(eventsOf(await response.text()).at(-1)?.part).toMatchObject({ finishReason: 'stop' })
  })
})

describe('the sweep', () => {
  const age = async (userId: string, seconds: number) =>
    await asOwner(
      `update turns set state = 'streaming', ended_at = null, checked_at = now() - make_interval(secs => $2) where user_id = $1`,
      [userId, seconds],
    )

  it.each(['after the sweep', 'at once'])('leaves a turn whose Worker died unheard to its key, %s', async (when) => {
    const { token, user, id } = await newTalk()
    const replies = [() => new Response('', { status: 500 }), () => fakeReply(['Here.'])]
    fakeModel(() => replies.shift()?.() ?? new Response('', { status: 500 }))
    await sayAndWait(token, id, said, 'key')
    await age(user.id, 121)
    if (when === 'after the sweep') {
      await runSchedule()
      expect((await turnsOf(user.id)).map(({ state }) => state)).toEqual(['failed'])
    }
    const again = await sayAndWait(token, id, said, 'key')
    expect([again.status, again.body]).toMatchObject([
      200,
      { state: 'complete', user_message: { content: said }, reply: { content: 'Here.' } },
    ])
    expect((await messagesOf(token, id)).map(({ content }) => content)).toEqual([said, 'Here.'])
  })

  it('leaves alone what may still run, and what has ended', async () => {
    const [young, ended] = [await newTalk(), await newTalk()]
    for (const { token, id } of [young, ended]) await sayAndWait(token, id, said)
    await age(young.user.id, 110)
    await asOwner("update turns set checked_at = now() - interval '1 day' where user_id = $1", [ended.user.id])
    await runSchedule()
    expect((await turnsOf(young.user.id)).map(({ state }) => state)).toEqual(['streaming'])
    expect((await turnsOf(ended.user.id)).map(({ state }) => state)).toEqual(['complete'])
  })

  it('is obeyed by a Worker that comes back late: nothing is stored twice or after the end', async () => {
    const { token, user, id, steered, asking } = await steeredTurn()
    steered.write(chunkOf('First. '))
    const response = await asking
    await asOwner("select app.end_stuck_turn(id, checked_at, null, '{}') from turns where user_id = $1", [user.id])
    steered.write(endOfReply)
    steered.close()
    expect(eventsOf(await response.text()).at(-1)?.part).toMatchObject({ finishReason: 'error' })
    expect((await turnsOf(user.id)).map(({ state }) => state)).toEqual(['failed'])
    expect((await messagesOf(token, id)).length).toBe(1)
  })
})
