import { randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { another, insertRow, makePerson, type Person, type Row } from '#test/rls/people.ts'

const past = '2020-01-01T00:00:00Z'
const future = '2126-01-01T00:00:00Z'

/** Two people with everything, what the sweeps are for, and companions that not everybody may see. */
export interface Scene {
  readonly one: Person
  readonly two: Person
  /** The hash of a subject that was refused for age. */
  readonly refusedSubject: string
  /** A row of each table that names nobody. */
  readonly nobodys: ReadonlyMap<string, Row>
  /** A role without a policy, to make the owner of a table: what FORCE is for. */
  readonly ownerRole: string
}

/** Makes a scene in the caller's transaction, which is to be rolled back. */
export async function makeScene(owner: Client): Promise<Scene> {
  const [one, two] = [await makePerson(owner), await makePerson(owner)]
  const refusedSubject = '\\x0e'
  await makeExpired(owner, one)
  await makeEndedTurns(owner, one)
  await makeTemporaryConversations(owner, one, await makeHiddenPersonas(owner, one))
  await makeFrozenPersona(owner, two)
  const ticket = { id: randomUUID(), kind: 'registration', expires_at: past }
  const refusal = { id: randomUUID(), kind: 'age_refusal', subject_hash: refusedSubject, expires_at: future }
  const grant = { id: randomUUID(), provider: 'apple', subject_hash: `\\x${'0e'.repeat(32)}`, sealed_grant: 'x' }
  await insertRow(owner, 'grants_to_revoke', { ...grant, id: randomUUID(), due_at: future })
  const line = {
    id: randomUUID(),
    cache_key: `\\x${'0d'.repeat(32)}`,
    r2_key: `shared/v/${randomUUID()}`,
    audio_bytes: 1,
    duration_ms: 1,
    codec: 'wav',
    voice: 'x',
    provider: 'x',
  }
  const nobodys = new Map([
    ['login_tickets', await insertRow(owner, 'login_tickets', ticket)],
    ['grants_to_revoke', await insertRow(owner, 'grants_to_revoke', { ...grant, due_at: past })],
    ['shared_speech', await insertRow(owner, 'shared_speech', line)],
  ])
  await insertRow(owner, 'login_tickets', refusal)
  const ownerRole = `owner_${randomUUID().replaceAll('-', '')}`
  await owner.query(`create role ${ownerRole} nologin; grant usage on schema public, app to ${ownerRole}`)
  return { one, two, refusedSubject, nobodys, ownerRole }
}

async function makeExpired(owner: Client, person: Person): Promise<void> {
  const session = another('user_sessions', rowOf(person, 'user_sessions'))
  await insertRow(owner, 'user_sessions', { ...session, expires_at: past, absolute_expires_at: past })
  const key = another('idempotency_keys', rowOf(person, 'idempotency_keys'))
  await insertRow(owner, 'idempotency_keys', { ...key, expires_at: past })
  const entry = another('usage_ledger', rowOf(person, 'usage_ledger'))
  await insertRow(owner, 'usage_ledger', { ...entry, created_at: past })
  // The one's maker may still be at work.
  for (const expiresAt of [past, new Date(Date.now() - 60_000).toISOString()]) {
    const lease = another('speech_leases', rowOf(person, 'speech_leases'))
    await insertRow(owner, 'speech_leases', { ...lease, expires_at: expiresAt })
  }
  const deletion = another('conversation_deletions', rowOf(person, 'conversation_deletions'))
  await insertRow(owner, 'conversation_deletions', { ...deletion, deleted_at: past })
}

/** One turn that has just ended, and one that ended long ago. */
async function makeEndedTurns(owner: Client, person: Person): Promise<void> {
  for (const endedAt of [new Date().toISOString(), past]) {
    const turn = another('turns', rowOf(person, 'turns'))
    await insertRow(owner, 'turns', { ...turn, state: 'interrupted', ended_at: endedAt })
  }
}

/** One that is past its day, one that is not, and one as old that stays, with three companions that not everybody may see. */
async function makeTemporaryConversations(owner: Client, person: Person, hidden: readonly unknown[]): Promise<void> {
  const own = rowOf(person, 'conversations')
  const made: readonly Row[] = [{ is_temporary: true, created_at: past }, { is_temporary: true }, { created_at: past }]
  for (const [at, columns] of made.entries()) {
    await insertRow(owner, 'conversations', { ...another('conversations', own), ...columns, persona_id: hidden[at] })
  }
}

const frozen: Row = { owner_id: null, is_active: false, frozen_at: past }

/** Companions of the house that are not for everybody, copies, and one of the person's own that is switched off: the ids of the first three. */
async function makeHiddenPersonas(owner: Client, person: Person): Promise<readonly unknown[]> {
  const own = rowOf(person, 'personas')
  const hidden: readonly Row[] = [
    { owner_id: null, is_public: true, is_active: false },
    frozen,
    { ...frozen, rating: '16' },
    { owner_id: null, is_public: false },
    { owner_id: null, is_public: true, rating: '16' },
    { owner_id: null, is_public: true, rating: '18' },
    { is_active: false },
  ]
  const made: Row[] = []
  for (const columns of hidden) {
    made.push(await insertRow(owner, 'personas', { ...another('personas', own), ...columns }))
  }
  return made.map(({ id }) => id)
}

/** A copy of what was taken away, with which only this person talks. */
async function makeFrozenPersona(owner: Client, person: Person): Promise<void> {
  const { id } = await insertRow(owner, 'personas', { ...another('personas', rowOf(person, 'personas')), ...frozen })
  const conversation = another('conversations', rowOf(person, 'conversations'))
  await insertRow(owner, 'conversations', { ...conversation, persona_id: id })
}

export function rowOf(person: Person, table: string): Row {
  const row = person.rows.get(table)
  if (row === undefined) throw new Error(`no row for the table ${table}: add one to test/rls/people.ts`)
  return row
}
