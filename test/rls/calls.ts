import { as, asSuperuser, breakages, fresh, handles, insert, andThen, type Call } from '#test/rls/call.ts'
import { another } from '#test/rls/people.ts'
import { serviceCalls } from '#test/rls/service-calls.ts'
import { identitiesCalls } from '#test/rls/identity-calls.ts'
import { sessionCalls } from '#test/rls/session-calls.ts'
import { importCalls } from '#test/rls/import-calls.ts'
import { audioCalls } from '#test/rls/audio-calls.ts'
import { heardCalls } from '#test/rls/heard-calls.ts'
import { personaCalls } from '#test/rls/persona-calls.ts'
import { deletionCalls } from '#test/rls/deletion-calls.ts'
import { memoryCalls } from '#test/rls/memory-calls.ts'
import { speakerCalls } from '#test/rls/speaker-calls.ts'
import { speechCalls } from '#test/rls/speech-calls.ts'
import { storingCalls } from '#test/rls/store-calls.ts'
import { erasureCalls } from '#test/rls/erasure-calls.ts'
import { turnCalls } from '#test/rls/turn-calls.ts'
import { usageCalls } from '#test/rls/usage-calls.ts'
import { rowOf, type Scene } from '#test/rls/scene.ts'

/** What functions do on their ordinary way, and what only a part of a policy refuses. */
export function callsIn(scene: Scene): readonly Call[] {
  return [
    ...personCalls(scene),
    ...personRules(scene),
    ...serviceCalls(scene),
    ...sessionCalls(scene),
    ...turnCalls(scene),
    ...deletionCalls(scene),
    ...memoryCalls(scene),
    ...importCalls(scene),
    ...usageCalls(scene),
    ...personaCalls(scene),
    ...heardCalls(scene),
    ...speechCalls(scene),
    ...storingCalls(scene),
    ...speakerCalls(scene),
    ...audioCalls(scene),
    ...erasureCalls(scene),
    ...identitiesCalls(scene),
  ]
}

function personCalls(scene: Scene): readonly Call[] {
  const { idOf, session } = handles(scene)
  const role = 'user'
  return [
    { name: 'begin_session', role, text: `select * from ${session} where data_keys is not null` },
    {
      name: 'begin_session, touching',
      role,
      text: `${asSuperuser}; update public.user_sessions set last_active_at = '2020-01-01'; ${as(role)};
        select * from ${session}${andThen(`select 1 from public.user_sessions where last_active_at > '2021-01-01'`)}`,
    },
    {
      name: 'record_external_reply',
      role,
      text: `select * from ${session};
        select app.record_external_reply(${fresh}, ${idOf('conversations')}, '\\x00', 'text', '{}', null)${andThen(
          `select 1 from public.messages where id = ${fresh} and seq = 2`,
        )}`,
    },
    {
      name: 'begin_erasure',
      role,
      text: `select * from ${session}; select app.begin_erasure(${fresh})${andThen(
        `select 1 from public.erasures e join public.users u on u.id = e.user_id and not u.is_active where e.id = ${fresh}`,
      )}`,
    },
    {
      name: 'record_event',
      role,
      text: `select * from ${session}; select app.record_event('session.revoked', 'session:it', '{}', null)${andThen(
        `select 1 from public.audit_log l join public.audit_chains c using (chain_id)
         where l.action = 'session.revoked' and l.seq = 2 and c.head_hash = l.hash`,
      )}`,
    },
    {
      name: 'record_broken_seals',
      role,
      text: `select * from ${session}; select app.record_broken_seals('{users.email:a,users.email:a}', null)${andThen(
        `select 1 from public.audit_log where action = 'seal.broken'`,
      )}`,
    },
    {
      name: 'record_breakages, twice',
      role,
      text: `select * from ${session}; select app.record_breakages(${breakages}, null); select app.record_breakages(${breakages}, null)${andThen(
        `select 1 from public.audit_log where action in ('seal.broken', 'data_key.broken')`,
      )}`,
      expected: 3,
    },
    {
      name: 'find_messages',
      role,
      text: `${asSuperuser}; update public.messages set words = '{7,9}'; ${as(role)}; select * from ${session};
        select * from app.find_messages('{"{}","{1}","{2}","{9}"}', null, null, 10) where message_id = ${idOf('messages')}`,
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
  const ended = `revoked_at = now(), revoked_reason = 'logout'`
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
      name: 'a session that a person ends',
      role,
      text: `select ${session}; update public.user_sessions set ${ended} where expires_at > now()`,
    },
    {
      name: 'a session that a person changes and does not end',
      role,
      text: `select ${session}; update public.user_sessions set revoked_at = null`,
      expected: '42501',
    },
    {
      name: 'a session that has ended, brought back by its person',
      role,
      text: `${asSuperuser}; update public.user_sessions set ${ended} where absolute_expires_at < now(); ${as(role)}; select ${session};
        update public.user_sessions set revoked_at = null, revoked_reason = null where revoked_at is not null`,
      expected: 0,
    },
    {
      name: 'a session that has ended, ended anew by its person',
      role,
      text: `${asSuperuser}; update public.user_sessions set ${ended} where absolute_expires_at < now(); ${as(role)}; select ${session};
        update public.user_sessions set revoked_reason = 'other' where revoked_at is not null`,
      expected: 0,
    },
    {
      name: 'a reply that a person writes themselves',
      role,
      text: `select ${session}; ${insert('messages', { ...said, role: 'assistant', origin: 'companion' })}`,
      expected: '42501',
    },
  ]
}
