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
  const { one } = scene
  const begun = `select * from ${session}`
  const given = `${asSuperuser}; update public.identities set refresh_token = '\\x010001' where id = ${idOf('identities')}`
  const ownGrant = `select * from app.own_grant(${idOf('identities')}) where grant_sealed = '\\x010001'`
  const identityOfTwo = `'${String(rowOf(scene.two, 'identities')['id'])}'`
  const leaving = `${given}; update public.users set is_active = false where id = '${one.userId}'`
  const ofLeaving = `select * from app.grants_of_leaving('${one.userId}') where data_keys -> 0 ->> 'version' = '1'`
  const queue = `select app.queue_revocation(${fresh}, 'apple', sha256('s'), 'x', now())`
  const queued = andThen(`select 1 from public.grants_to_revoke where id = ${fresh}`)
  const offer = (who: string) =>
    `select app.queue_revocation_unless_known(${fresh}, 'apple', sha256('s'), 'x', now(), ${who})`
  const keep = `select app.keep_grants(sha256('s'))`
  const token = hex(one.tokenHash)
  const refreshed = `select * from app.refresh_session(${token}, sha256('b'), 0, null)`
  const liveToken = `select 1 where app.live_token(${token}, 600) = `
  return [
    { name: 'own_grant', role: 'user', text: `${given}; ${as('user')}; ${begun}; ${ownGrant}` },
    { name: 'own_grant without a session', role: 'user', text: `${given}; ${as('user')}; ${ownGrant}`, expected: 0 },
    {
      name: 'own_grant of another’s',
      role: 'user',
      text: `${begun}; select * from app.own_grant(${identityOfTwo})`,
      expected: 0,
    },
    { name: 'grants_of_leaving', role: 'jobs', text: `${leaving}; ${as('jobs')}; ${ofLeaving}` },
    { name: 'grants_of_leaving who stays', role: 'jobs', text: `${given}; ${as('jobs')}; ${ofLeaving}`, expected: 0 },
    { name: 'queue_revocation, by the one who unlinks', role: 'user', text: `${begun}; ${queue}${queued}` },
    { name: 'queue_revocation, of a registration', role: 'auth', text: `${queue}${queued}` },
    { name: 'queue_revocation, twice at an erasure', role: 'jobs', text: `${queue}; ${queue}${queued}` },
    {
      name: 'queue_revocation_unless_known, of somebody new',
      role: 'auth',
      text: `${offer("'x', 'nobody'")}${queued}`,
    },
    {
      name: 'queue_revocation_unless_known, of somebody known',
      role: 'auth',
      text: `${offer(subjectOf(scene))}${queued}`,
      expected: 0,
    },
    { name: 'keep_grants', role: 'auth', text: `${queue}; ${keep}${queued}`, expected: 0 },
    { name: 'keep_grants, by the one who links', role: 'user', text: `${queue}; ${keep}${queued}`, expected: 0 },
    {
      name: 'keep_grants of another subject',
      role: 'auth',
      text: `${queue}; select app.keep_grants(sha256('t'))${queued}`,
    },
    { name: 'live_token', role: 'auth', text: `${liveToken} ${token}` },
    { name: 'live_token by one that was replaced', role: 'auth', text: `${refreshed}; ${liveToken} sha256('b')` },
    {
      name: 'live_token by one that was replaced long ago',
      role: 'auth',
      text: `${refreshed}; ${asSuperuser}; update public.retired_tokens set retired_at = now() - interval '1 hour';
        ${as('auth')}; ${liveToken} sha256('b')`,
      expected: 0,
    },
    {
      name: 'live_token by one that was never given',
      role: 'auth',
      text: `select 1 where app.live_token('\\x00', 600) is null`,
    },
  ]
}
