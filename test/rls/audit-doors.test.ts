import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { serviceActions, userActions } from '#src/audit/actions.ts'
import { fly, flyAs } from '#test/rls/flight.ts'
import { makePerson, type Person } from '#test/rls/people.ts'
import { connectTo, openScratchDatabase } from '#test/rls/scratch-database.ts'

let owner: Client
let edge: Client
let person: Person

beforeAll(async () => {
  const scratch = await openScratchDatabase('neuraform_audit_doors')
  owner = scratch.owner
  edge = await connectTo(scratch.edgeUrl)
})

afterAll(async () => {
  await Promise.all([owner.end(), edge.end()])
})

beforeEach(async () => {
  person = await makePerson(owner)
})

const byPerson = async (action: string, target: string | null = null, details: unknown = {}) =>
  await flyAs(edge, person, [['select app.record_event($1, $2, $3, null)', action, target, JSON.stringify(details)]])

const byService = async (role: 'auth' | 'jobs', action: string, details: unknown = {}) =>
  await fly(edge, role, [
    ['select app.record_service_event($1, $2, null, $3, null)', person.userId, action, JSON.stringify(details)],
  ])

const noAction = { code: '23514', constraint: 'audit_log_action_check' }
const noDetails = { code: '23514', constraint: 'audit_log_details_check' }

describe('the doors of the audit log', () => {
  it.each([
    ['user_action', userActions],
    ['service_action', serviceActions],
  ])('know the same actions in the database as in the Worker: %s', async (type, actions) => {
    const { rows } = await owner.query<{ names: string[] }>(
      `select enum_range(null::app.${type})::text[]::text[] as names`,
    )
    expect(rows).toEqual([{ names: actions }])
  })

  it('take each of their own actions and no other’s', async () => {
    const all = [...userActions, ...serviceActions, 'account.erased', 'seal.broken', 'session.renamed', '']
    const taken: string[] = []
    for (const action of all) {
      const answers = [await byPerson(action), await byService('auth', action), await byService('jobs', action)]
      const may = [userActions, serviceActions, serviceActions].map((known) => known.some((one) => one === action))
      expect([action, answers]).toMatchObject([action, may.map((is) => (is ? { count: 1 } : noAction))])
      if (may.includes(true)) taken.push(action)
    }
    expect(taken.length).toBe(userActions.length + serviceActions.length)
  })

  it.each([
    ['an address', { to: 'robin@quill.test' }],
    ['an address in a name', { 'robin@quill.test': true }],
    ['a session token', { token: 'nf_0123456789' }],
    ['a session token among words', { why: 'Bearer nf_0123456789' }],
    ['more than 400 characters', { why: 'x'.repeat(400) }],
    ['a list', { why: ['x'] }],
    ['an object', { why: {} }],
  ])('take no details with %s', async (_name, details) => {
    expect(await byPerson('session.revoked', null, details)).toMatchObject(noDetails)
    expect(await byService('auth', 'sign_in.succeeded', details)).toMatchObject(noDetails)
  })

  it('take no token as a target, and everything that the Worker writes', async () => {
    expect(await byPerson('session.revoked', 'session:nf_0123456789')).toMatchObject(noDetails)
    const versions = { provider: 'google', terms_version: '7'.repeat(40), privacy_version: 'conf_2026' }
    expect(await byService('auth', 'account.registered', versions)).toMatchObject({ count: 1 })
  })
})
