import { randomUUID } from 'node:crypto'
import { escapeLiteral } from 'pg'
import { another, type Row } from '#test/rls/people.ts'
import { rowOf, type Scene } from '#test/rls/scene.ts'

/** One or more statements as a role; the last one finds a row where they did their work. */
export interface Call {
  readonly name: string
  readonly role: 'user' | 'auth' | 'jobs' | 'visitor'
  readonly text: string
  /** The rows of the last statement, or the SQLSTATE that refuses; one row unless told otherwise. */
  readonly expected?: number | string
}

/** What functions do on their ordinary way, and what only a part of a policy refuses. */
export function callsIn(scene: Scene): readonly Call[] {
  return [...personCalls(scene), ...personRules(scene), ...signInCalls(scene), ...jobCalls(scene), ...jobRules(scene)]
}

const fresh = "'00000000-0000-7000-8000-000000000abc'"
const hex = (hash: Buffer) => `'\\x${hash.toString('hex')}'`
const asSuperuser = 'reset session authorization'
const then = (check: string) => `; ${asSuperuser}; ${check}`
const as = (role: string) => `set local session authorization neuraform_edge; set local role neuraform_${role}`
const insert = (table: string, row: Row) =>
  `insert into public.${table} select * from jsonb_populate_record(null::public.${table}, ${escapeLiteral(JSON.stringify(row))})`

function handles({ one }: Scene) {
  return {
    idOf: (table: string) => `'${String(rowOf(one, table)['id'])}'`,
    session: `app.begin_session(${hex(one.tokenHash)})`,
    turn: `app.begin_turn(${hex(one.turnKeyHash)})`,
  }
}

function personCalls(scene: Scene): readonly Call[] {
  const { idOf, session, turn } = handles(scene)
  const role = 'user'
  return [
    { name: 'begin_session', role, text: `select * from ${session} where data_keys is not null` },
    {
      name: 'begin_session, touching',
      role,
      text: `${asSuperuser}; update public.user_sessions set last_active_at = '2020-01-01'; ${as(role)};
        select * from ${session}${then(`select 1 from public.user_sessions where last_active_at > '2021-01-01'`)}`,
    },
    { name: 'begin_turn', role, text: `select * from ${turn} where is_session_live` },
    {
      name: 'finish_turn',
      role,
      text: `select * from ${turn}; select app.finish_turn('complete', '\\x00', 'm', 1, 1, 1)${then(
        `select 1 from public.turns t join public.messages m on m.turn_id = t.id where t.state = 'complete'`,
      )}`,
    },
    {
      name: 'record_external_reply',
      role,
      text: `select * from ${session};
        select app.record_external_reply(${fresh}, ${idOf('conversations')}, '\\x00', 'text', '{}', null)${then(
          `select 1 from public.messages where id = ${fresh} and seq = 2`,
        )}`,
    },
    {
      name: 'begin_erasure',
      role,
      text: `select * from ${session}; select app.begin_erasure(${fresh})${then(
        `select 1 from public.erasures e join public.users u on u.id = e.user_id and not u.is_active where e.id = ${fresh}`,
      )}`,
    },
    {
      name: 'record_event',
      role,
      text: `select * from ${session}; select app.record_event('test.done', 'test:it', '{}', null)${then(
        `select 1 from public.audit_log l join public.audit_chains c using (chain_id)
         where l.action = 'test.done' and l.seq = 2 and c.head_hash = l.hash`,
      )}`,
    },
    {
      name: 'record_broken_seals',
      role,
      text: `select * from ${session}; select app.record_broken_seals('{users.email:a,users.email:a}', null)${then(
        `select 1 from public.audit_log where action = 'seal.broken'`,
      )}`,
      expected: 2,
    },
    {
      name: 'search_messages',
      role,
      text: `${asSuperuser}; update public.messages set words = '{7,9}'; ${as(role)}; select * from ${session};
        select * from app.search_messages('{9}', null, null, null, 10) where message_id = ${idOf('messages')}`,
    },
    {
      name: 'own_chain',
      role,
      text: `select * from ${session}; select * from app.own_chain() where broken_at is null`,
    },
    { name: 'find_erasure', role: 'visitor', text: `select * from app.find_erasure(${idOf('erasures')})` },
  ]
}

/** What a policy says beside whose the row is. */
function personRules(scene: Scene): readonly Call[] {
  const { session } = handles(scene)
  const role = 'user'
  const said = another('messages', rowOf(scene.one, 'messages'))
  const talkWith = (owner: Scene['one']) => {
    const conversation = another('conversations', rowOf(scene.one, 'conversations'))
    return insert('conversations', { ...conversation, persona_id: rowOf(owner, 'personas')['id'] })
  }
  return [
    { name: 'a conversation with a persona of one’s own', role, text: `select ${session}; ${talkWith(scene.one)}` },
    {
      name: 'a conversation with another’s private persona',
      role,
      text: `select ${session}; ${talkWith(scene.two)}`,
      expected: '42501',
    },
    {
      name: 'a reply that a person writes themselves',
      role,
      text: `select ${session}; ${insert('messages', { ...said, role: 'assistant', origin: 'companion' })}`,
      expected: '42501',
    },
  ]
}

function signInCalls(scene: Scene): readonly Call[] {
  const { idOf } = handles(scene)
  const { one, refusedSubject } = scene
  const role = 'auth'
  const identity = `'https://issuer.test', '${String(rowOf(one, 'identities')['subject'])}'`
  const startSession = (presented: string) =>
    `select * from app.start_session(${fresh}, '${one.userId}', ${idOf('identities')}, sha256('x'), null, null, null, 60, 60,
      ${presented}, 20)`
  return [
    {
      name: 'find_identity',
      role,
      text: `select * from app.find_identity(${identity}, '\\x00') where data_keys is not null and not is_refused`,
    },
    {
      name: 'find_identity of a refused subject',
      role,
      text: `select * from app.find_identity('x', 'x', '${refusedSubject}') where is_refused`,
    },
    { name: 'claim_registration', role, text: `select app.claim_registration(${fresh}, now(), '\\x00')` },
    {
      name: 'claim_registration of a refused subject',
      role,
      text: `select app.claim_registration(${fresh}, now(), '${refusedSubject}')`,
      expected: 'NF403',
    },
    {
      name: 'refuse_registration',
      role,
      text: `select app.refuse_registration(${fresh}, now(), gen_random_uuid(), '\\x00')`,
    },
    {
      name: 'create_account',
      role,
      text: `select * from app.create_account(${fresh}, '\\x00', '\\x00', null, null, false, '\\x00', '2006-01-01', '2008-01-01',
        null, null, 'UTC', 'en', '1', '1', 'k1', '\\x00', gen_random_uuid(), 'google', 'https://issuer.test', 'new', null)`,
    },
    {
      name: 'start_session',
      role,
      text: `${startSession(hex(one.tokenHash))}${then(
        `select 1 from public.user_sessions where revoked_reason = 'signed_in_again'`,
      )}`,
    },
    {
      name: 'start_session, remembering the sign-in',
      role,
      text: `${startSession('null')}${then(`select 1 from public.identities where last_login_at > '2021-01-01'`)}`,
    },
  ]
}

function jobCalls(scene: Scene): readonly Call[] {
  const { idOf } = handles(scene)
  const { userId } = scene.one
  const role = 'jobs'
  const anchored = `where chain_id = '${String(rowOf(scene.one, 'audit_chains')['chain_id'])}'`
  return [
    {
      name: 'record_service_event',
      role: 'auth',
      text: `select app.record_service_event(null, 'test.done', null, '{}', null)${then(
        `select 1 from public.audit_log l join public.audit_chains c using (chain_id) where l.action = 'test.done' and c.user_id is null`,
      )}`,
    },
    { name: 'unanchored_heads', role, text: `select 1 from app.unanchored_heads(1000000) ${anchored}` },
    {
      name: 'mark_anchored',
      role,
      text: `select app.mark_anchored(array_agg(chain_id), array_agg(seq)) from app.unanchored_heads(1000000);
        select 1 where not exists (select from app.unanchored_heads(1000000))`,
    },
    { name: 'audit_chains_after', role, text: `select 1 from app.audit_chains_after(null, 1000000) ${anchored}` },
    {
      name: 'audit_entries_after',
      role,
      text: `select 1 from app.audit_chains_after(null, 1000000) c, app.audit_entries_after(c.chain_id, 0, 9) ${anchored}`,
    },
    {
      name: 'pending_erasures',
      role,
      text: `select * from app.pending_erasures() where user_id = '${userId}'`,
    },
    {
      name: 'finish_erasure, naming the newest line',
      role,
      text: `${asSuperuser}; update public.users set is_active = false; ${as(role)};
        select cache_key from app.finish_erasure(${idOf('erasures')}) where cache_key is not null`,
    },
    {
      name: 'finish_erasure',
      role,
      text: `${asSuperuser}; update public.users set is_active = false; ${as(role)};
        select app.finish_erasure(${idOf('erasures')})${then(
          `select 1 where not exists (select from public.users where id = '${userId}')
             and exists (select from public.erasures where completed_at is not null)`,
        )}`,
    },
  ]
}

function jobRules(scene: Scene): readonly Call[] {
  const role = 'jobs'
  const persona = { ...rowOf(scene.one, 'personas'), id: randomUUID() }
  return [
    { name: 'a companion that set-up makes', role, text: insert('personas', { ...persona, owner_id: null }) },
    {
      name: 'a companion that set-up gives away',
      role,
      text: `update public.personas set owner_id = '${scene.two.userId}'`,
      expected: '42501',
    },
    {
      name: 'a turn that a sweep completes',
      role,
      text: `update public.turns set state = 'complete', ended_at = now() where state = 'streaming'`,
      expected: '42501',
    },
  ]
}
