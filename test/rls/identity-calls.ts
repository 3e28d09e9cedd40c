import { andThen, as, asSuperuser, fresh, handles, hex, type Call } from '#test/rls/call.ts'
import { rowOf, type Scene } from '#test/rls/scene.ts'

/** What is done with identities, and with what their providers gave. */
export const identitiesCalls = (scene: Scene): readonly Call[] => [...identityCalls(scene), ...grantCalls(scene)]

const subjectOf = ({ one }: Scene) => `'https://issuer.test', '${String(rowOf(one, 'identities')['subject'])}'`

function identityCalls(scene: Scene): readonly Call[] {
  const { idOf, session } = handles(scene)
  const { one, two } = scene
  const role = 'user'
  const begun = `select * from ${session}`
  const link = (who: string) => `select app.link_identity(${fresh}, 'apple', ${who}, null, true, null)`
  const unlink = (id: string) => `select * from app.unlink_identity(${id}, null)`
  const added = link(`'https://issuer.test', 'added'`)
  const identityOfTwo = `'${String(rowOf(two, 'identities')['id'])}'`
  return [
    {
      name: 'link_identity',
      role,
      text: `${begun}; ${added}${andThen(
        `select 1 from public.identities where id = ${fresh} and user_id = '${one.userId}' and is_private_email`,
      )}`,
    },
    {
      name: 'link_identity of another’s',
      role,
      text: `${begun}; ${link(subjectOf({ ...scene, one: two }))}`,
      expected: '23505',
    },
    { name: 'link_identity without a session', role, text: added, expected: 'NF401' },
    {
      name: 'unlink_identity',
      role,
      text: `${begun}; ${added}; ${unlink(idOf('identities'))}${andThen(
        `select 1 from public.user_sessions s where s.identity_id = ${fresh} and s.revoked_at is null
           and not exists (select from public.identities where id = ${idOf('identities')})`,
      )}`,
    },
    { name: 'unlink_identity, the last', role, text: `${begun}; ${unlink(idOf('identities'))}`, expected: 'NF409' },
    {
      name: 'unlink_identity, another’s',
      role,
      text: `${begun}; ${added}; ${unlink(identityOfTwo)}`,
      expected: 'NF404',
    },
    { name: 'unlink_identity without a session', role, text: unlink(idOf('identities')), expected: 'NF401' },
    {
      name: 'keep_grant',
      role: 'auth',
      text: `select app.keep_grant('${one.userId}', ${idOf('identities')}, '\\x00')${andThen(
        `select 1 from public.identities where refresh_token = '\\x00'`,
      )}`,
    },
    {
      name: 'keep_grant of another’s identity',
      role: 'auth',
      text: `select app.keep_grant('${two.userId}', ${idOf('identities')}, '\\x00')${andThen(
        `select 1 from public.identities where refresh_token = '\\x00'`,
      )}`,
      expected: 0,
    },
    {
      name: 'keep_private_email',
      role: 'auth',
      text: `select app.keep_private_email('${one.userId}', ${idOf('identities')})${andThen(
        `select 1 from public.identities where is_private_email`,
      )}`,
    },
  ]
}

function grantCalls(scene: Scene): readonly Call[] {
  const { idOf, session } = handles(scene)
  const { one, two } = scene
  const begun = `select * from ${session}`
  const given = `${asSuperuser}; update public.identities set refresh_token = '\\x010001' where id = ${idOf('identities')}`
  const ownGrant = `select * from app.own_grant(${idOf('identities')}) where grant_sealed = '\\x010001'`
  const identityOfTwo = `'${String(rowOf(two, 'identities')['id'])}'`
  const leave = `${asSuperuser}; update public.users set is_active = false where id = '${one.userId}'`
  const ofLeaving = `select * from app.grants_of_leaving('${one.userId}') where data_keys -> 0 ->> 'version' = '1'`
  const queue = (id = idOf('identities')) => `select app.queue_revocation(${id}, 'apple', sha256('s'), 'x', now())`
  const queued = (id = idOf('identities')) => andThen(`select 1 from public.grants_to_revoke where id = ${id}`)
  const offer = (who = "'x', 'nobody'") =>
    `select app.queue_revocation_unless_known(${fresh}, 'apple', sha256('s'), 'x', now(), ${who})`
  const keep = (isReplaced: boolean, subject = 's') => `select app.keep_grants(sha256('${subject}'), ${isReplaced})`
  const kept = andThen(`select 1 from public.grants_to_revoke where id = ${fresh} and due_at = 'infinity'`)
  return [
    { name: 'own_grant', role: 'user', text: `${given}; ${as('user')}; ${begun}; ${ownGrant}` },
    { name: 'own_grant without a session', role: 'user', text: `${given}; ${as('user')}; ${ownGrant}`, expected: 0 },
    {
      name: 'own_grant of another’s',
      role: 'user',
      text: `${begun}; select * from app.own_grant(${identityOfTwo})`,
      expected: 0,
    },
    { name: 'grants_of_leaving', role: 'jobs', text: `${leave}; ${as('jobs')}; ${ofLeaving}` },
    { name: 'grants_of_leaving who stays', role: 'jobs', text: ofLeaving, expected: 0 },
    { name: 'queue_revocation, by the one who unlinks', role: 'user', text: `${begun}; ${queue()}${queued()}` },
    { name: 'queue_revocation without a session', role: 'user', text: `${queue()}${queued()}`, expected: 0 },
    {
      name: 'queue_revocation of another’s identity',
      role: 'user',
      text: `${begun}; ${queue(identityOfTwo)}${queued(identityOfTwo)}`,
      expected: 0,
    },
    {
      name: 'queue_revocation of who is leaving, twice',
      role: 'jobs',
      text: `${leave}; ${as('jobs')}; ${queue()}; ${queue()}${queued()}`,
    },
    { name: 'queue_revocation of who stays', role: 'jobs', text: `${queue()}${queued()}`, expected: 0 },
    { name: 'queue_revocation_unless_known, of somebody new', role: 'auth', text: `${offer()}${queued(fresh)}` },
    {
      name: 'queue_revocation_unless_known, of somebody known',
      role: 'auth',
      text: `${offer(subjectOf(scene))}${queued(fresh)}`,
      expected: 0,
    },
    {
      name: 'queue_revocation_unless_known, of which the older one waits for the newer',
      role: 'auth',
      text: `${offer()}; select app.queue_revocation_unless_known(gen_random_uuid(), 'apple', sha256('s'), 'x', now() + interval '1 hour', 'x', 'nobody')${andThen(
        `select 1 from public.grants_to_revoke where subject_hash = sha256('s') and due_at > now() + interval '59 minutes'`,
      )}`,
      expected: 2,
    },
    {
      name: 'keep_grants, replaced by a new one',
      role: 'auth',
      text: `${offer()}; ${keep(true)}${queued(fresh)}`,
      expected: 0,
    },
    {
      name: 'keep_grants, by the one who links',
      role: 'user',
      text: `${as('auth')}; ${offer()}; ${as('user')}; ${keep(true)}${queued(fresh)}`,
      expected: 0,
    },
    { name: 'keep_grants, for want of a new one', role: 'auth', text: `${offer()}; ${keep(false)}${kept}` },
    { name: 'keep_grants of another subject', role: 'auth', text: `${offer()}; ${keep(true, 't')}${queued(fresh)}` },
    {
      name: 'return_grants',
      role: 'jobs',
      text: `${as('auth')}; ${offer()}; ${keep(false)}; ${as('jobs')}; select app.return_grants(sha256('s'))${andThen(
        `select 1 from public.grants_to_revoke where id = ${fresh} and due_at <= now() + interval '1 millisecond'`,
      )}`,
    },
    {
      name: 'return_grants of another subject',
      role: 'user',
      text: `${as('auth')}; ${offer()}; ${keep(false)}; ${as('user')}; select app.return_grants(sha256('t'))${kept}`,
    },
    ...liveTokenCalls(scene),
  ]
}

function liveTokenCalls(scene: Scene): readonly Call[] {
  const { session } = handles(scene)
  const token = hex(scene.one.tokenHash)
  const refreshed = `select * from app.refresh_session(${token}, sha256('b'), 0, null)`
  const liveToken = `select 1 where app.live_token(${token}, 600) =`
  const early = `${asSuperuser}; update public.user_sessions set authenticated_at = now() - interval '1 minute'`
  return [
    { name: 'live_token', role: 'auth', text: `${liveToken} ${token}` },
    {
      name: 'live_token by one that a refresh replaced',
      role: 'auth',
      text: `${early}; ${as('auth')}; ${refreshed}; ${liveToken} sha256('b')`,
    },
    {
      name: 'live_token by one that was replaced long ago',
      role: 'auth',
      text: `${early}; ${as('auth')}; ${refreshed}; ${asSuperuser};
        update public.retired_tokens set retired_at = now() - interval '1 hour';
        update public.user_sessions set authenticated_at = now() - interval '2 hours'; ${as('auth')}; ${liveToken} sha256('b')`,
      expected: 0,
    },
    {
      name: 'live_token by one of before the sign-in was renewed',
      role: 'auth',
      text: `${early}; ${as('user')}; select * from ${session};
        select * from app.reauthenticate(${subjectOf(scene)}, ${token}, sha256('b'), null); ${as('auth')}; ${liveToken} sha256('b')`,
      expected: 0,
    },
    {
      name: 'live_token by one that was never given',
      role: 'auth',
      text: `select 1 where app.live_token('\\x00', 600) is null`,
    },
  ]
}
