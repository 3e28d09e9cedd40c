import { randomBytes, randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { fly, flyAs, untilSomebodyWaits, type Query } from '#test/rls/flight.ts'
import { makePerson, type Person } from '#test/rls/people.ts'
import { rowOf } from '#test/rls/scene.ts'
import { connectTo, openScratchDatabase } from '#test/rls/scratch-database.ts'

let owner: Client
let edge: Client
let edgeUrl: string
let person: Person

beforeAll(async () => {
  ;({ owner, edgeUrl } = await openScratchDatabase('neuraform_functions'))
  edge = await connectTo(edgeUrl)
})

afterAll(async () => {
  await Promise.all([owner.end(), edge.end()])
})

beforeEach(async () => {
  person = await makePerson(owner)
})

/** Changes the person's session as only time, or the service, could. */
async function changeSession(assignments: string): Promise<void> {
  await owner.query(`update public.user_sessions set ${assignments} where user_id = $1`, [person.userId])
}

async function sessionTimes(): Promise<unknown> {
  const { rows } = await owner.query(
    'select last_active_at, expires_at, absolute_expires_at from public.user_sessions where user_id = $1',
    [person.userId],
  )
  return rows[0]
}

const invalidSession = { code: 'NF401', constraint: undefined, message: 'invalid session' }
const beginTurn = (keyHash: Buffer) => ['select * from app.begin_turn($1)', keyHash] as const
const finishTurn = ["select app.finish_turn('complete', '\\x00', 'm', 1, 1, 1)"] as const

describe('begin_session', () => {
  it('refuses a token that nobody issued', async () => {
    expect(await fly(edge, 'user', [['select app.begin_session($1)', randomBytes(32)]])).toEqual(invalidSession)
  })

  it.each([
    ['has been unused for too long', "expires_at = now() - interval '1 millisecond'"],
    [
      'has lived for too long',
      "expires_at = now() - interval '1 second', absolute_expires_at = now() - interval '1 second'",
    ],
    ['was revoked', "revoked_at = now(), revoked_reason = 'signed_out'"],
  ])('refuses a session that %s', async (_name, assignments) => {
    await changeSession(assignments)
    expect(await flyAs(edge, person, [['select 1']])).toEqual(invalidSession)
  })

  it('refuses every session of an account that is not active', async () => {
    await owner.query('update public.users set is_active = false where id = $1', [person.userId])
    expect(await flyAs(edge, person, [['select 1']])).toEqual(invalidSession)
  })

  it('names nobody in the next transaction of the same connection', async () => {
    await flyAs(edge, person, [['select 1']], 'commit')
    const after = await fly(edge, 'user', [
      ['select app.current_user_id() as user, count(*)::int as seen from public.messages'],
    ])
    expect(after).toEqual({ rows: [{ user: null, seen: 0 }], count: 1 })
  })

  it('touches a session at most once a minute', async () => {
    await changeSession("last_active_at = now() - interval '59 seconds'")
    const before = await sessionTimes()
    await flyAs(edge, person, [['select 1']], 'commit')
    expect(await sessionTimes()).toEqual(before)
    await changeSession("last_active_at = now() - interval '61 seconds'")
    await flyAs(edge, person, [['select 1']], 'commit')
    const touched = await sessionTimes()
    expect(touched).not.toEqual(before)
    await flyAs(edge, person, [['select 1']], 'commit')
    expect(await sessionTimes()).toEqual(touched)
  })

  it('moves the end of a session by its idle lifetime, and never past its absolute end', async () => {
    const old = "last_active_at = now() - interval '1 hour'"
    await changeSession(`${old}, idle_lifetime_seconds = 600, expires_at = now() + interval '1 second'`)
    await flyAs(edge, person, [['select 1']], 'commit')
    expect(await minutesLeft()).toBe(10)
    await changeSession(
      `${old}, expires_at = now() + interval '5 minutes', absolute_expires_at = now() + interval '5 minutes'`,
    )
    await flyAs(edge, person, [['select 1']], 'commit')
    expect(await minutesLeft()).toBe(5)
  })

  it('works in a read-only transaction, and touches nothing', async () => {
    await changeSession("last_active_at = now() - interval '1 hour'")
    const before = await sessionTimes()
    const readOnly: Query = ['set transaction read only']
    const begin: Query = ['select user_id from app.begin_session($1)', person.tokenHash]
    const answer = await fly(edge, 'user', [readOnly, begin], 'commit')
    expect(answer).toEqual({ rows: [{ user_id: person.userId }], count: 1 })
    expect(await sessionTimes()).toEqual(before)
  })

  it('does not wait for another request that touches the same session', async () => {
    await changeSession("last_active_at = now() - interval '1 hour'")
    await owner.query('begin')
    try {
      await owner.query('select from public.user_sessions where user_id = $1 for update', [person.userId])
      const answer = await fly(edge, 'user', [
        ["set local lock_timeout = '100ms'"],
        ['select user_id from app.begin_session($1)', person.tokenHash],
      ])
      expect(answer).toEqual({ rows: [{ user_id: person.userId }], count: 1 })
    } finally {
      await owner.query('rollback')
    }
  })

  async function minutesLeft(): Promise<unknown> {
    const { rows } = await owner.query(
      'select round(extract(epoch from expires_at - now()) / 60)::int as minutes from public.user_sessions where user_id = $1',
      [person.userId],
    )
    return rows[0]?.minutes
  }
})

describe('a turn’s key', () => {
  it('opens nothing once the turn has ended, but for the minute in which its last flight may ask again', async () => {
    await fly(edge, 'user', [beginTurn(person.turnKeyHash), finishTurn], 'commit')
    expect(await fly(edge, 'user', [beginTurn(person.turnKeyHash)])).toMatchObject({ count: 1 })
    await owner.query("update public.turns set ended_at = now() - interval '61 seconds' where user_id = $1", [
      person.userId,
    ])
    const invalidTurn = { code: 'NF401', constraint: undefined, message: 'invalid turn' }
    expect(await fly(edge, 'user', [beginTurn(person.turnKeyHash)])).toEqual(invalidTurn)
    expect(await fly(edge, 'user', [beginTurn(randomBytes(32))])).toEqual(invalidTurn)
  })

  it('outlives the session that began the turn, and tells so', async () => {
    const turn = { turn_id: rowOf(person, 'turns')['id'], user_id: person.userId }
    const live = await fly(edge, 'user', [beginTurn(person.turnKeyHash)])
    expect(live).toEqual({ rows: [{ ...turn, is_session_live: true, is_stopped: false }], count: 1 })
    await changeSession("revoked_at = now(), revoked_reason = 'signed_out'")
    const revoked = await fly(edge, 'user', [beginTurn(person.turnKeyHash)])
    expect(revoked).toEqual({ rows: [{ ...turn, is_session_live: false, is_stopped: false }], count: 1 })
  })

  it('does not outlive the account', async () => {
    await owner.query('update public.users set is_active = false where id = $1', [person.userId])
    expect(await fly(edge, 'user', [beginTurn(person.turnKeyHash)])).toMatchObject({ code: 'NF401' })
  })

  it('stores one reply, however often it is finished alike; to end it otherwise is refused', async () => {
    const ended = { code: 'NF409', constraint: undefined, message: 'the turn has ended' }
    const done = { rows: [{ finish_turn: '' }], count: 1 }
    const failIt: Query = ["select app.finish_turn('failed', null, null, null, null, null)"]
    expect(await fly(edge, 'user', [beginTurn(person.turnKeyHash), finishTurn, finishTurn])).toEqual(done)
    expect(await fly(edge, 'user', [beginTurn(person.turnKeyHash), finishTurn, failIt])).toEqual(ended)
    expect(await fly(edge, 'user', [beginTurn(person.turnKeyHash), failIt, failIt])).toMatchObject({ count: 1 })
    expect(await fly(edge, 'user', [beginTurn(person.turnKeyHash), failIt, finishTurn])).toEqual(ended)
    const second = await connectTo(edgeUrl)
    try {
      const both = await Promise.all([edge, second].map(async (one) => await finishSlowly(one)))
      expect(both).toEqual([done, done])
    } finally {
      await second.end()
    }
    const { rows } = await owner.query("select status from public.messages where user_id = $1 and role = 'assistant'", [
      person.userId,
    ])
    expect(rows).toEqual([{ status: 'complete' }])
  })

  it('is needed to finish a turn: a session alone has none', async () => {
    expect(await flyAs(edge, person, [finishTurn])).toMatchObject({ code: 'NF409' })
  })

  it('is finished, and counts nothing, while the companion’s author deletes it', async () => {
    const author = await makePerson(owner)
    const persona = rowOf(author, 'personas')['id']
    await owner.query('update public.personas set is_public = true where id = $1', [persona])
    await owner.query('update public.conversations set persona_id = $1 where user_id = $2', [persona, person.userId])
    const second = await connectTo(edgeUrl)
    try {
      await second.query('begin; set local role neuraform_user')
      await second.query('select app.begin_session($1)', [author.tokenHash])
      const deleted = await second.query('delete from public.personas where id = $1', [persona])
      const finished = fly(edge, 'user', [beginTurn(person.turnKeyHash), finishTurn], 'commit')
      await untilSomebodyWaits(owner, 'finish_turn')
      await second.query('commit')
      expect([deleted.rowCount, await finished]).toMatchObject([1, { count: 1 }])
    } finally {
      await second.end()
    }
    const { rows } = await owner.query(
      `select p.frozen_at is not null as frozen, c.message_count as said, (select count(*)::int from public.user_persona_preferences
         where user_id = c.user_id and interaction_count > 0) as counted
       from public.conversations c join public.personas p on p.id = c.persona_id where c.user_id = $1`,
      [person.userId],
    )
    expect(rows).toEqual([{ frozen: true, said: 2, counted: 0 }])
  })
  /** Both have found the turn streaming before either finishes it. */
  async function finishSlowly(one: Client) {
    return await fly(one, 'user', [beginTurn(person.turnKeyHash), ['select pg_sleep(0.2)'], finishTurn], 'commit')
  }
})

describe('a line of speech', () => {
  const named = { line: '\\x0a', holder: randomUUID(), audio: randomUUID() }
  const claim = (holder: string): Query => [
    `select state, id from app.claim_speech($1, false, $2, 30, gen_random_uuid(), gen_random_uuid(), 5, 7, 10, 10, null, false)`,
    named.line,
    holder,
  ]
  const store: Query = [
    `select app.store_speech($1, false, null, $2, $2, $2, 5, $3, 7, 1, 'wav', 'nova', 'openai', 100)`,
    named.line,
    named.holder,
    named.audio,
  ]

  it('that is stored while another request waits for its lease is found by that, which makes nothing', async () => {
    expect(await flyAs(edge, person, [claim(named.holder)], 'commit')).toMatchObject({ rows: [{ state: 'ours' }] })
    const second = await connectTo(edgeUrl)
    try {
      const [, found] = await Promise.all([
        flyAs(edge, person, [store, ['select pg_sleep(0.5)']], 'commit'),
        flyAs(second, person, [['select pg_sleep(0.2)'], claim(randomUUID())], 'commit'),
      ])
      expect(found).toEqual({ rows: [{ state: 'cached', id: named.audio }], count: 1 })
    } finally {
      await second.end()
    }
    const { rows } = await owner.query(
      `select (select count(*)::int from public.speech_leases where cache_key = $1) as leases,
         (select count(*)::int from public.usage_ledger where user_id = $2 and kind = 'stored_bytes') as entries`,
      [named.line, person.userId],
    )
    expect(rows).toEqual([{ leases: 0, entries: 1 }])
  })

  it('is one request’s to make, of twenty that claim it at once', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, async () => await connectTo(edgeUrl)))
    try {
      const line: Query = [claim('')[0], '\\x0b']
      const answers = await Promise.all(
        clients.map(async (client) => await flyAs(client, person, [[...line, randomUUID()]], 'commit')),
      )
      const states = answers.map((answer) => ('rows' in answer ? answer.rows[0]?.['state'] : answer.code))
      expect(states.filter((state) => state === 'ours')).toHaveLength(1)
      expect(states.filter((state) => state === 'busy')).toHaveLength(19)
    } finally {
      await Promise.all(clients.map(async (client) => await client.end()))
    }
  })
})

describe('a reply from elsewhere', () => {
  const record = (conversationId: unknown) =>
    ["select app.record_external_reply($1, $2, '\\x00', 'text', '{}', null)", randomUUID(), conversationId] as const

  it('goes into the caller’s conversation, and into another’s no more than into one that is not there', async () => {
    const other = await makePerson(owner)
    const own = await flyAs(edge, person, [record(rowOf(person, 'conversations')['id'])])
    expect(own).toMatchObject({ count: 1 })
    const foreign = await flyAs(edge, person, [record(rowOf(other, 'conversations')['id'])])
    expect(foreign).toEqual({
      code: '23503',
      constraint: 'messages_conversation_id_user_id_fkey',
      message: 'no such conversation',
    })
    expect(await flyAs(edge, person, [record(randomUUID())])).toEqual(foreign)
  })

  it('needs a session: a turn’s key, or nothing, is not enough', async () => {
    const query = record(rowOf(person, 'conversations')['id'])
    const refused = { code: 'NF401', constraint: undefined, message: 'no session' }
    expect(await fly(edge, 'user', [query])).toEqual(refused)
    expect(await fly(edge, 'user', [beginTurn(person.turnKeyHash), query])).toEqual(refused)
  })
})
