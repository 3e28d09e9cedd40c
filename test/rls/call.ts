import { escapeLiteral } from 'pg'
import type { Row } from '#test/rls/people.ts'
import { rowOf, type Scene } from '#test/rls/scene.ts'

/** One or more statements as a role; the last one finds a row where they did their work. */
export interface Call {
  readonly name: string
  readonly role: 'user' | 'auth' | 'jobs' | 'visitor'
  readonly text: string
  /** The rows of the last statement, or the SQLSTATE that refuses; one row unless told otherwise. */
  readonly expected?: number | string
}

export const fresh = "'00000000-0000-7000-8000-000000000abc'"
export const hex = (hash: Buffer) => `'\\x${hash.toString('hex')}'`
/** Three different ones, and one of them again. */
export const breakages = escapeLiteral(
  JSON.stringify([
    { action: 'seal.broken', target: 'users.email:self', details: { fingerprint: 'a' } },
    { action: 'seal.broken', target: 'users.email:self', details: { fingerprint: 'b' } },
    { action: 'seal.broken', target: 'users.email:self', details: { fingerprint: 'a' } },
    { action: 'data_key.broken', target: 'data_key:1', details: {} },
  ]),
)
export const asSuperuser = 'reset session authorization'
export const andThen = (check: string) => `; ${asSuperuser}; ${check}`
export const as = (role: string) => `set local session authorization neuraform_edge; set local role neuraform_${role}`
export const insert = (table: string, row: Row) =>
  `insert into public.${table} select * from jsonb_populate_record(null::public.${table}, ${escapeLiteral(JSON.stringify(row))})`

export function handles({ one }: Scene) {
  return {
    idOf: (table: string) => `'${String(rowOf(one, table)['id'])}'`,
    session: `app.begin_session(${hex(one.tokenHash)})`,
    turn: `app.begin_turn(${hex(one.turnKeyHash)})`,
  }
}
