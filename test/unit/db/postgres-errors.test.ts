import { describe, expect, it } from 'vitest'
import { mayFlyAgain, problemOf } from '#src/db/postgres-errors.ts'
import { Problem } from '#src/http/problem.ts'

interface Failure {
  readonly constraint?: string
  readonly detail?: string
  readonly message?: string
  readonly routine?: string
}

const failure = (code: string, { message = 'secret words', ...more }: Failure = {}) =>
  Object.assign(new Error(message), { code, severity: 'ERROR', ...more })

const outcomeOf = (error: unknown) => {
  const problem = problemOf(error)
  return problem === undefined ? undefined : [problem.status, problem.code, problem.retryAfterSeconds]
}

const unavailable = [503, 'unavailable', 2]
const late = [504, 'deadline_exceeded', 2]
const conflict = [409, 'conflict', undefined]
const notFound = [404, 'not_found', undefined]

describe('what PostgreSQL says', () => {
  it.each([
    ['08000', 'connection exception', unavailable],
    ['08003', 'connection does not exist', unavailable],
    ['08006', 'connection failure', unavailable],
    ['08P01', 'protocol violation', unavailable],
    ['25006', 'read-only transaction', unavailable],
    ['28000', 'invalid authorization', unavailable],
    ['28P01', 'invalid password', unavailable],
    ['3D000', 'no such database', unavailable],
    ['3F000', 'no such schema', unavailable],
    ['53000', 'insufficient resources', unavailable],
    ['53100', 'disk full', unavailable],
    ['53200', 'out of memory', unavailable],
    ['53300', 'too many connections', unavailable],
    ['57P01', 'terminated by an operator', unavailable],
    ['57P02', 'crashed', unavailable],
    ['57P03', 'starting up', unavailable],
    ['58000', 'pool exhausted', unavailable],
    ['40001', 'serialization failure', unavailable],
    ['40P01', 'deadlock', unavailable],
    ['55P03', 'lock not available', late],
    ['57014', 'statement cancelled', late],
    ['23505', 'unique violation', conflict],
    ['23503', 'foreign key violation', conflict],
    ['23P01', 'exclusion violation', conflict],
    ['NF401', 'no live session', [401, 'unauthenticated', undefined]],
    ['NF403', 'refused', [403, 'forbidden', undefined]],
    ['NF409', 'ended already', conflict],
    ['NF428', 'sign in again', [428, 'fresh_sign_in_needed', undefined]],
    ['NF503', 'the login is not bound by RLS', unavailable],
  ])('as %s (%s) is a problem that the client may know', (code, _name, expected) => {
    expect(outcomeOf(failure(code))).toEqual(expected)
  })

  it.each([
    ['conversations_persona_id_fkey', '23503', notFound],
    ['turns_conversation_id_user_id_fkey', '23503', notFound],
    ['messages_conversation_id_user_id_fkey', '23503', notFound],
    ['messages_parent_id_conversation_id_fkey', '23503', notFound],
    ['login_tickets_pkey', '23505', [409, 'ticket_used', undefined]],
    ['identities_issuer_subject_key', '23505', [409, 'already_registered', undefined]],
    ['users_email_index_key', '23505', [409, 'email_unavailable', undefined]],
  ])('of the constraint %s is what that one means', (constraint, code, expected) => {
    expect(outcomeOf(failure(code, { constraint }))).toEqual(expected)
    expect(outcomeOf(failure(code, { constraint: 'another' }))).toEqual(conflict)
  })

  it.each([
    ['22001', 'a text too long'],
    ['22P02', 'what does not parse'],
    ['22021', 'NUL in a text'],
    ['23502', 'null where none may be'],
    ['23514', 'a check that failed'],
    ['42501', 'a missing grant'],
    ['42703', 'no such column'],
    ['42P01', 'no such table'],
    ['54001', 'too complex'],
    ['XX000', 'its own bug'],
    ['P0001', 'an exception without a name'],
    ['ENOENT', 'nothing of PostgreSQL’s'],
  ])('as %s (%s) is our own fault, which answers 500', (code) => {
    expect(problemOf(failure(code))).toBe(undefined)
  })

  it('about a row that a policy refused is as if it were not there; about a grant it is our fault', () => {
    const inAnyLanguage = 'neue Zeile verletzt Policy für Sicherheit auf Zeilenebene für Tabelle »conversations«'
    expect(outcomeOf(failure('42501', { message: inAnyLanguage, routine: 'ExecWithCheckOptions' }))).toEqual(notFound)
    expect(problemOf(failure('42501', { routine: 'aclcheck_error' }))).toBe(undefined)
    expect(problemOf(failure('42501'))).toBe(undefined)
  })

  it('about a role that set-up has not made is not ready yet; about any other parameter it is our fault', () => {
    expect(outcomeOf(failure('22023', { routine: 'call_string_check_hook' }))).toEqual(unavailable)
    expect(problemOf(failure('22023', { routine: 'generate_series_step_int4' }))).toBe(undefined)
    expect(problemOf(failure('22023'))).toBe(undefined)
  })

  it('in DETAIL of a refusal is believed only where it is on the list', () => {
    expect(outcomeOf(failure('NF403', { detail: 'registration_refused' }))?.[1]).toBe('registration_refused')
    for (const detail of ['internal', 'toString', '', 'Key (id)=(secret words)']) {
      expect(outcomeOf(failure('NF403', { detail }))).toEqual([403, 'forbidden', undefined])
    }
  })

  it('is kept as the cause, and never told', () => {
    const error = failure('23505')
    const problem = problemOf(error)
    expect([problem?.cause, problem?.detail, problem?.message]).toEqual([error, undefined, 'conflict'])
  })

  it.each([
    ['a text', 'connection refused'],
    ['nothing', undefined],
    ['an error without a code', new Error('x')],
    ['an error whose code is a number', Object.assign(new Error('x'), { code: 23_505 })],
    ['what only looks like an error', { code: '23505' }],
  ])('is not %s', (_name, error) => {
    expect([problemOf(error), mayFlyAgain(error)]).toEqual([undefined, false])
  })

  it('is left as it is where it is a problem already', () => {
    const problem = new Problem('not_found')
    expect(problemOf(problem)).toBe(problem)
  })
})

describe('a flight', () => {
  it('may be flown again only where another one or an operator ended it', () => {
    const again = ['40001', '40P01', '57P01']
    const never = ['23505', '25006', '57014', '55P03', '57P02', '08006', '53300', 'NF401', 'NF409', '']
    expect([...again, ...never].filter((code) => mayFlyAgain(failure(code)))).toEqual(again)
  })
})
