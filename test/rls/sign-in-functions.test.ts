import { randomBytes, randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fly, type Answer, type Query } from '#test/rls/flight.ts'
import { makePerson, type Person } from '#test/rls/people.ts'
import { rowOf } from '#test/rls/scene.ts'
import { connectTo, openScratchDatabase } from '#test/rls/scratch-database.ts'

let owner: Client
let edge: Client
let edgeUrl: string

beforeAll(async () => {
  ;({ owner, edgeUrl } = await openScratchDatabase('neuraform_functions'))
  edge = await connectTo(edgeUrl)
})

afterAll(async () => {
  await Promise.all([owner.end(), edge.end()])
})

interface Account {
  readonly issuer: string
  readonly subject: string
  readonly emailIndex: Buffer | null
  readonly isVerified: boolean
}

const newcomer = (): Account => ({
  issuer: 'https://issuer.test',
  subject: randomUUID(),
  emailIndex: null,
  isVerified: false,
})

const createAccount = ({ issuer, subject, emailIndex, isVerified }: Account): Query => [
  `select created_at is not null as is_made from app.create_account(gen_random_uuid(), '\\x00', '\\x00', null, $1, $2, '\\x00', '2006-01-01', '2008-01-01',
    null, null, 'UTC', 'en', '1', '1', 'k1', '\\x00', gen_random_uuid(), 'google', $3, $4, null)`,
  emailIndex,
  isVerified,
  issuer,
  subject,
]

const create = async (account: Account): Promise<Answer> => await fly(edge, 'auth', [createAccount(account)], 'commit')
const isMade = { rows: [{ is_made: true }], count: 1 }

/** Runs the same work on that many connections at once. */
async function atOnce(count: number, work: (one: Client) => Promise<Answer>): Promise<Answer[]> {
  const clients = await Promise.all(Array.from({ length: count }, async () => await connectTo(edgeUrl)))
  try {
    return await Promise.all(clients.map(async (one) => await work(one)))
  } finally {
    await Promise.all(clients.map(async (one) => await one.end()))
  }
}

const codesOf = (answers: readonly Answer[]) =>
  answers.map((one) => ('code' in one ? String(one.code) : 'made')).toSorted((a, b) => a.localeCompare(b))

describe('create_account', () => {
  it('knows an identity by issuer and subject: both again are refused, one of them is somebody else', async () => {
    const account = newcomer()
    expect(await create(account)).toEqual(isMade)
    expect(await create(account)).toMatchObject({ code: '23505', constraint: 'identities_issuer_subject_key' })
    expect(await create({ ...account, issuer: 'https://other.test' })).toEqual(isMade)
    const { rows } = await owner.query(
      'select count(*)::int as identities, count(distinct user_id)::int as people from public.identities where subject = $1',
      [account.subject],
    )
    expect(rows).toEqual([{ identities: 2, people: 2 }])
  })

  it('makes one account of one identity that registers twenty times at once', async () => {
    const account = newcomer()
    const answers = await atOnce(20, async (one) => await fly(one, 'auth', [createAccount(account)], 'commit'))
    expect(codesOf(answers)).toEqual([...Array.from({ length: 19 }, () => '23505'), 'made'])
  })

  it('gives a verified address to one account, and an unverified one to as many as claim it', async () => {
    const emailIndex = randomBytes(32)
    const verified = { emailIndex, isVerified: true }
    const claimed = { emailIndex, isVerified: false }
    expect(await create({ ...newcomer(), ...claimed })).toEqual(isMade)
    expect(await create({ ...newcomer(), ...claimed })).toEqual(isMade)
    expect(await create({ ...newcomer(), ...verified })).toEqual(isMade)
    expect(await create({ ...newcomer(), ...verified })).toMatchObject({
      code: '23505',
      constraint: 'users_email_index_key',
    })
  })

  it('leaves nothing of an account that it refuses', async () => {
    const emailIndex = randomBytes(32)
    const first = { ...newcomer(), emailIndex, isVerified: true }
    await create(first)
    await create({ ...newcomer(), emailIndex, isVerified: true })
    const { rows } = await owner.query(
      `select i.subject from public.users u left join public.identities i on i.user_id = u.id
       left join public.user_keys k on k.user_id = u.id where u.email_index = $1`,
      [emailIndex],
    )
    expect(rows).toEqual([{ subject: first.subject }])
  })
})

describe('claim_registration', () => {
  const claim = (ticketId: string, subjectHash = randomBytes(32)): Query => [
    "select app.claim_registration($1, now() + interval '10 minutes', $2)",
    ticketId,
    subjectHash,
  ]

  it('spends a ticket once, however many present it at once', async () => {
    const ticketId = randomUUID()
    const answers = await atOnce(10, async (one) => await fly(one, 'auth', [claim(ticketId)], 'commit'))
    expect(codesOf(answers)).toEqual([...Array.from({ length: 9 }, () => '23505'), 'made'])
    expect(await fly(edge, 'auth', [claim(ticketId)])).toMatchObject({ constraint: 'login_tickets_pkey' })
  })

  it('refuses, with another ticket too, a subject that was refused for age', async () => {
    const [ticketId, subjectHash] = [randomUUID(), randomBytes(32)]
    const refuse: Query = ['select app.refuse_registration($1, now(), gen_random_uuid(), $2)', ticketId, subjectHash]
    await fly(edge, 'auth', [refuse], 'commit')
    expect(await fly(edge, 'auth', [claim(ticketId, subjectHash)])).toMatchObject({ constraint: 'login_tickets_pkey' })
    expect(await fly(edge, 'auth', [claim(randomUUID(), subjectHash)])).toMatchObject({ code: 'NF403' })
    await owner.query('update public.login_tickets set expires_at = now() where subject_hash = $1', [subjectHash])
    expect(await fly(edge, 'auth', [claim(randomUUID(), subjectHash)])).toMatchObject({ count: 1 })
  })
})

describe('start_session', () => {
  const start = (userId: string, identityId: unknown, limit = 20): Query => [
    'select from app.start_session(gen_random_uuid(), $1, $2, $3, null, null, null, 3600, 7200, null, $4)',
    userId,
    identityId,
    randomBytes(32),
    limit,
  ]

  it('keeps exactly twenty sessions of fifty that start at once, and says why the others ended', async () => {
    const person = await makePerson(owner)
    const identityId = rowOf(person, 'identities')['id']
    const answers = await atOnce(
      50,
      async (one) => await fly(one, 'auth', [start(person.userId, identityId)], 'commit'),
    )
    expect(codesOf(answers)).toEqual(Array.from({ length: 50 }, () => 'made'))
    const { rows } = await owner.query(
      `select coalesce(revoked_reason, 'live') as state, count(*)::int from public.user_sessions
       where user_id = $1 group by 1 order by 1`,
      [person.userId],
    )
    expect(rows).toEqual([
      { state: 'live', count: 20 },
      { state: 'too_many_sessions', count: 31 },
    ])
    const { rows: entries } = await owner.query(
      `select l.details ->> 'reason' as reason, count(distinct l.target)::int
       from public.audit_log l join public.audit_chains c using (chain_id)
       where c.user_id = $1 and l.action = 'session.revoked' group by 1`,
      [person.userId],
    )
    expect(entries).toEqual([{ reason: 'too_many_sessions', count: 31 }])
  })

  it('writes an entry for each session that it ends, on the chain of the session’s own person', async () => {
    const [person, other] = [await makePerson(owner), await makePerson(owner)]
    const requestId = randomUUID()
    const [identityId, presented] = [rowOf(person, 'identities')['id'], other.tokenHash]
    for (const limit of [20, 20, 1]) {
      const [text, ...values] = start(person.userId, identityId, limit)
      const query: Query = [text.replace('null, $4)', '$5, $4, $6)'), ...values, presented, requestId]
      await fly(edge, 'auth', [query], 'commit')
    }
    const { rows } = await owner.query(
      `select c.user_id, l.details ->> 'reason' as reason, l.request_id, count(*)::int
       from public.audit_log l join public.audit_chains c using (chain_id)
       join public.user_sessions s on l.target = 'session:' || s.id and s.user_id = c.user_id
         and s.revoked_reason = l.details ->> 'reason'
       where l.action = 'session.revoked' and c.user_id = any ($1) group by 1, 2, 3 order by 2`,
      [[person.userId, other.userId]],
    )
    expect(rows).toEqual([
      { user_id: other.userId, reason: 'signed_in_again', request_id: requestId, count: 1 },
      { user_id: person.userId, reason: 'too_many_sessions', request_id: requestId, count: 3 },
    ])
  })

  it('is flown by two people on each other’s devices at once, and neither stands in the other’s way', async () => {
    const clients = [await connectTo(edgeUrl), await connectTo(edgeUrl)] as const
    const signIn = async (one: Client, own: Person, other: Person): Promise<Answer> => {
      const [text, ...values] = start(own.userId, rowOf(own, 'identities')['id'])
      const begin: Query = [text.replace('null, $4)', '$5, $4)'), ...values, other.tokenHash]
      const record: Query = ["select app.record_service_event($1, 'sign_in.succeeded', null, '{}', null)", own.userId]
      return await fly(one, 'auth', [begin, ['select pg_sleep(0.1)'], record], 'commit')
    }
    for (let round = 0; round < 3; round += 1) {
      const [one, two] = [await makePerson(owner), await makePerson(owner)]
      const answers = await Promise.all([signIn(clients[0], one, two), signIn(clients[1], two, one)])
      expect(codesOf(answers)).toEqual(['made', 'made'])
    }
    await Promise.all(clients.map(async (one) => await one.end()))
  })

  it('ends the session that was used the longest ago', async () => {
    const person = await makePerson(owner)
    const identityId = rowOf(person, 'identities')['id']
    await fly(edge, 'auth', [start(person.userId, identityId)], 'commit')
    await owner.query(
      "update public.user_sessions set last_active_at = now() - interval '1 day' where token_hash = $1",
      [person.tokenHash],
    )
    await fly(edge, 'auth', [start(person.userId, identityId, 2)], 'commit')
    const { rows } = await owner.query(
      'select token_hash from public.user_sessions where user_id = $1 and revoked_at is not null',
      [person.userId],
    )
    expect(rows).toEqual([{ token_hash: person.tokenHash }])
  })

  it('starts none for an account that has ended', async () => {
    const person = await makePerson(owner)
    await owner.query('update public.users set is_active = false where id = $1', [person.userId])
    const answer = await fly(edge, 'auth', [start(person.userId, rowOf(person, 'identities')['id'])])
    expect(answer).toMatchObject({ code: 'NF401', message: 'no live account' })
  })

  it('starts none on another person’s identity', async () => {
    const [person, other] = [await makePerson(owner), await makePerson(owner)]
    const answer = await fly(edge, 'auth', [start(person.userId, rowOf(other, 'identities')['id'])])
    expect(answer).toMatchObject({ code: '23503', constraint: 'user_sessions_identity_id_user_id_fkey' })
  })
})
