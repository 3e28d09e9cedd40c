import { randomUUID } from 'node:crypto'
import { escapeLiteral } from 'pg'
import { as, asSuperuser, breakages, fresh, handles, hex, insert, andThen, type Call } from '#test/rls/call.ts'
import { rowOf, type Scene } from '#test/rls/scene.ts'

/** What the service’s own roles do. */
export const serviceCalls = (scene: Scene): readonly Call[] => [
  ...signInCalls(scene),
  ...jobCalls(scene),
  ...rotationCalls(scene),
  ...jobRules(scene),
]

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
      text: `${startSession(hex(one.tokenHash))}${andThen(
        `select 1 from public.user_sessions where revoked_reason = 'signed_in_again'`,
      )}`,
    },
    {
      name: 'start_session, with an entry for the session that it ends',
      role,
      text: `${startSession(hex(one.tokenHash))}${andThen(
        `select 1 from public.audit_log l join public.audit_chains c using (chain_id)
         where c.user_id = '${one.userId}' and l.action = 'session.revoked'`,
      )}`,
    },
    {
      name: 'start_session, remembering the sign-in',
      role,
      text: `${startSession('null')}${andThen(`select 1 from public.identities where last_login_at > '2021-01-01'`)}`,
    },
  ]
}

function jobCalls(scene: Scene): readonly Call[] {
  const { userId } = scene.one
  const role = 'jobs'
  const anchored = `where chain_id = '${String(rowOf(scene.one, 'audit_chains')['chain_id'])}'`
  return [
    {
      name: 'record_service_event',
      role: 'auth',
      text: `select app.record_service_event(null, 'sign_in.refused', null, '{}', null)${andThen(
        `select 1 from public.audit_log l join public.audit_chains c using (chain_id) where l.action = 'sign_in.refused' and c.user_id is null`,
      )}`,
    },
    {
      name: 'record_service_breakages',
      role: 'auth',
      text: `select app.record_service_breakages('${userId}', ${breakages}, null)${andThen(
        `select 1 from public.audit_log where action in ('seal.broken', 'data_key.broken')`,
      )}`,
      expected: 3,
    },
    {
      name: 'broken_invariants',
      role,
      text: `${asSuperuser}; delete from public.identities where user_id = '${userId}'; ${as(role)};
        select 1 from app.broken_invariants(100000) where subject = '${userId}'`,
    },
    { name: 'unanchored_heads', role, text: `select 1 from app.unanchored_heads(1000000) ${anchored}` },
    { name: 'heads_to_anchor', role, text: `select 1 from app.heads_to_anchor(null, 1000000) ${anchored}` },
    {
      name: 'heads_to_anchor, whatever the mark says',
      role,
      text: `${asSuperuser}; update public.audit_chains set anchored_seq = head_seq; ${as(role)};
        select 1 from app.heads_to_anchor(null, 1000000) ${anchored}`,
    },
    {
      name: 'heads_to_anchor, when the last entry is old and the mark at the head',
      role,
      text: `${asSuperuser}; set local session_replication_role = replica;
        update public.audit_log set occurred_at = now() - interval '3 days';
        update public.audit_chains set anchored_seq = head_seq; ${as(role)};
        select 1 from app.heads_to_anchor(null, 1000000) ${anchored}`,
      expected: 0,
    },
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
      text: `select 1 from app.audit_chains_after(null, 1000000) c, app.audit_entries_after(c.chain_id, null, 9) ${anchored}`,
    },
  ]
}

function rotationCalls(scene: Scene): readonly Call[] {
  const { userId } = scene.one
  const role = 'jobs'
  const sealed = `encode(m.content, 'hex')`
  const message = rowOf(scene.one, 'messages')
  const id = String(message['id'])
  const content = String(message['content']).slice(2)
  const cells = JSON.stringify([
    { table_name: 'messages', column_name: 'content', row_id: id, sealed: content, resealed: '000001ff', words: ['5'] },
    { table_name: 'user_keys', column_name: 'wrapped_key', row_id: id, sealed: content, resealed: '00', words: null },
  ])
  const addKey = `select app.add_data_key('${userId}', 2, 'k1', '\\x00')`
  const keysLeft = `select 1 from public.user_keys where user_id = '${userId}'`
  const under2 = (column: string) => `${column} = set_byte(${column}, 2, 2)`
  const allUnder2 = `${asSuperuser};
    update public.users set ${['first_name', 'last_name', 'birthdate'].map(under2).join()} where id = '${userId}';
    update public.messages set ${under2('content')} where user_id = '${userId}';
    update public.memories set ${under2('content')} where user_id = '${userId}'`
  const endRotation = `select app.end_rotation('${userId}', 2, null)`
  const entriesOf = (action: string) =>
    `select 1 from public.audit_log where action = '${action}' and target = 'data_key:2'`
  return [
    { name: 'data_keys_of', role, text: `select 1 where app.data_keys_of('${userId}') -> 0 ->> 'version' = '1'` },
    {
      name: 'retire_data_keys where a cell needs one',
      role,
      text: `${addKey}; select 1 where not app.retire_data_keys('${userId}', 2)${andThen(keysLeft)}`,
      expected: 2,
    },
    {
      name: 'retire_data_keys where none is needed',
      role,
      text: `${addKey}; ${allUnder2}; ${as(role)}; select 1 where app.retire_data_keys('${userId}', 2)${andThen(keysLeft)}`,
    },
    {
      name: 'retire_data_keys before the newest is there',
      role,
      text: `${addKey}; ${allUnder2}; ${as(role)}; select 1 where not app.retire_data_keys('${userId}', 3)${andThen(keysLeft)}`,
      expected: 2,
    },
    {
      name: 'end_rotation, twice, where a cell needs an older key',
      role,
      text: `${addKey}; ${endRotation}; ${endRotation}${andThen(entriesOf('data_key.kept'))}`,
    },
    {
      name: 'end_rotation, twice, where none is needed',
      role,
      text: `${addKey}; ${allUnder2}; ${as(role)}; ${endRotation}; ${endRotation}${andThen(entriesOf('data_key.rotated'))}`,
    },
    {
      name: 'stale_cells',
      role,
      text: `select 1 from app.stale_cells('${userId}', 65536, 13, null, 9) where table_name = 'messages'`,
    },
    {
      name: 'reseal_cells',
      role,
      text: `select app.reseal_cells('${userId}', ${escapeLiteral(cells)})${andThen(
        `select 1 from public.messages m where ${sealed} = '000001ff' and words = '{5}'`,
      )}`,
    },
    {
      name: 'keys_to_rewrap',
      role,
      text: `select 1 from app.keys_to_rewrap('k2', null, 100000) where user_id = '${userId}'`,
    },
    {
      name: 'keys_to_rewrap under a key that is named',
      role,
      text: `select 1 from app.keys_to_rewrap('k2', '{k1}', 100000) where user_id = '${userId}'`,
    },
    {
      name: 'keys_to_rewrap under keys that wrap none',
      role,
      text: `select 1 from app.keys_to_rewrap('k2', '{k2,k3}', 100000)`,
      expected: 0,
    },
    {
      name: 'rewrap_keys',
      role,
      text: `select app.rewrap_keys('k2', (select jsonb_agg(jsonb_build_object('user_id', user_id, 'version', version,
          'wrapped', encode(wrapped_key, 'hex'), 'rewrapped', '00')) from app.keys_to_rewrap('k2', null, 100000)))${andThen(
            `select 1 from public.user_keys where user_id = '${userId}' and key_encryption_key_id = 'k2'`,
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
      name: 'a copy that set-up makes',
      role,
      text: insert('personas', { ...persona, owner_id: null, is_active: false, frozen_at: '2020-01-01' }),
      expected: '42501',
    },
    {
      name: 'a companion that set-up makes a copy',
      role,
      text: `update public.personas set frozen_at = now(), is_active = false, is_public = false`,
      expected: '42501',
    },
    {
      name: 'a grant that is put off until tomorrow',
      role,
      text: `update public.grants_to_revoke set attempts = 1, due_at = now() + interval '20 hours'`,
    },
    {
      name: 'a grant that is put off for ever',
      role,
      text: `update public.grants_to_revoke set attempts = 1, due_at = now() + interval '2 days'`,
      expected: '42501',
    },
  ]
}
