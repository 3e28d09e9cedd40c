import { andThen, as, asSuperuser, fresh, handles, hex, type Call } from '#test/rls/call.ts'
import { rowOf, type Scene } from '#test/rls/scene.ts'

/** What is done with sessions, tokens and identities after a sign-in. */
export const sessionCalls = (scene: Scene): readonly Call[] => [
  ...ticketCalls(scene),
  ...refreshCalls(scene),
  ...renewalCalls(scene),
  ...eventCalls(scene),
]

const far = "'2126-01-01'"
const subjectOf = (scene: Scene) => `'https://issuer.test', '${String(rowOf(scene.one, 'identities')['subject'])}'`
const foreignSubjectOf = (scene: Scene) =>
  `'https://issuer.test', '${String(rowOf(scene.two, 'identities')['subject'])}'`

function ticketCalls(scene: Scene): readonly Call[] {
  const role = 'auth'
  const claim = `select app.claim_ticket(${fresh}, 'nonce', ${far})`
  const known = `select app.claim_ticket_unless_known(${fresh}, 'nonce', ${far}, ${subjectOf(scene)})`
  const unknown = `select app.claim_ticket_unless_known(${fresh}, 'nonce', ${far}, 'https://issuer.test', 'nobody')`
  const spent = andThen(`select 1 from public.login_tickets where id = ${fresh}`)
  return [
    { name: 'claim_ticket', role, text: `${claim}${spent}` },
    { name: 'claim_ticket, twice', role, text: `${claim}; ${claim}`, expected: '23505' },
    { name: 'claim_ticket_unless_known of somebody known', role, text: `${known}${spent}`, expected: 0 },
    { name: 'claim_ticket_unless_known of somebody new', role, text: `${unknown}${spent}` },
  ]
}

function refreshCalls({ one }: Scene): readonly Call[] {
  const role = 'auth'
  const refresh = (presented: string, next: string) =>
    `select * from app.refresh_session(${presented}, sha256('${next}'), 60, null)`
  const token = hex(one.tokenHash)
  const late = `${asSuperuser}; update public.retired_tokens set good_until = now() - interval '1 second'; ${as(role)}`
  const inTurn = `${refresh(token, 'b')}; ${refresh("sha256('b')", 'c')}`
  return [
    {
      name: 'refresh_session',
      role,
      text: `${refresh(token, 'b')} where outcome = 'refreshed'${andThen(
        `select 1 from public.user_sessions s join public.retired_tokens r on r.session_id = s.id
         where s.token_hash = sha256('b') and r.token_hash = ${token}`,
      )}`,
    },
    {
      name: 'refresh_session, again within the grace',
      role,
      text: `${refresh(token, 'b')}; ${refresh(token, 'b')} where outcome = 'refreshed_before'`,
    },
    {
      name: 'refresh_session, again when the next was replaced too',
      role,
      text: `${inTurn}; ${refresh(token, 'b')} where outcome = 'superseded'`,
    },
    {
      name: 'refresh_session, again after the grace: the session ends',
      role,
      text: `${refresh(token, 'b')}; ${late}; ${refresh(token, 'b')}${andThen(
        `select 1 from public.user_sessions s where s.token_hash = sha256('b') and s.revoked_reason = 'token_reused'`,
      )}`,
    },
    {
      name: 'refresh_session with what was never given',
      role,
      text: `${refresh("'\\x00'", 'b')} where outcome = 'unknown'`,
    },
    {
      name: 'begin_session with a token that was replaced, within its grace',
      role: 'user',
      text: `${as(role)}; ${refresh(token, 'b')}; ${as('user')}; select * from app.begin_session(${token})`,
    },
    {
      name: 'begin_session with a token that was replaced, after its grace',
      role: 'user',
      text: `${as(role)}; ${refresh(token, 'b')}; ${late}; ${as('user')}; select * from app.begin_session(${token})`,
      expected: 'NF401',
    },
  ]
}

function renewalCalls(scene: Scene): readonly Call[] {
  const { session } = handles(scene)
  const role = 'user'
  const own = hex(scene.one.tokenHash)
  const renew = (who: string, presented = own) =>
    `select * from app.reauthenticate(${who}, ${presented}, sha256('b'), null)`
  const old = `${asSuperuser}; update public.user_sessions set authenticated_at = now() - interval '1 hour'; ${as(role)}`
  const isFresh = 'select app.require_fresh_session(300)'
  const begun = `select * from ${session}`
  return [
    {
      name: 'reauthenticate',
      role,
      text: `${old}; ${begun}; ${renew(subjectOf(scene))}; ${isFresh}${andThen(
        `select 1 from public.user_sessions where token_hash = sha256('b') and authenticated_at > now() - interval '1 minute'`,
      )}`,
    },
    {
      name: 'reauthenticate with another’s identity',
      role,
      text: `${begun}; ${renew(foreignSubjectOf(scene))}`,
      expected: 'NF401',
    },
    {
      name: 'reauthenticate with a token that was replaced meanwhile',
      role,
      text: `${begun}; ${renew(subjectOf(scene), "sha256('c')")}`,
      expected: 'NF401',
    },
    { name: 'reauthenticate without a session', role, text: renew(subjectOf(scene)), expected: 'NF401' },
    {
      name: 'reauthenticate ends the token of before at once',
      role,
      // Times are kept to the millisecond: rounded, this one may lie a part of one ahead of its own transaction.
      text: `${begun}; ${renew(subjectOf(scene))}${andThen(
        `select 1 from public.retired_tokens
         where token_hash = ${hex(scene.one.tokenHash)} and good_until <= now() + interval '1 millisecond'`,
      )}`,
    },
    {
      name: 'reauthenticate ends a token that a refresh replaced before, within its grace',
      role,
      text: `${as('auth')}; select * from app.refresh_session(${hex(scene.one.tokenHash)}, sha256('c'), 60, null); ${as(role)};
        ${begun}; ${renew(subjectOf(scene), "sha256('c')")}${andThen(
          `select 1 from public.retired_tokens
           where token_hash = ${hex(scene.one.tokenHash)} and good_until <= now() + interval '1 millisecond'`,
        )}`,
    },
    { name: 'require_fresh_session', role, text: `${begun}; ${isFresh}` },
    {
      name: 'require_fresh_session of one that signed in long ago',
      role,
      text: `${old}; ${begun}; ${isFresh}`,
      expected: 'NF428',
    },
    { name: 'require_fresh_session without a session', role, text: isFresh, expected: 'NF428' },
  ]
}

function eventCalls(scene: Scene): readonly Call[] {
  const role = 'auth'
  const tell = (effect: string, toldAt = 'now()') =>
    `select * from app.apply_provider_event(${fresh}, ${far}, 'google', ${subjectOf(scene)}, '${effect}', ${toldAt}, null)`
  return [
    {
      name: 'apply_provider_event, the only identity deleted',
      role,
      text: `${tell('account_deleted')}${andThen(
        `select 1 from public.erasures e join public.users u on u.id = e.user_id and not u.is_active where e.id = ${fresh}`,
      )}`,
    },
    {
      name: 'apply_provider_event, consent withdrawn: what it began ends, and the account stays',
      role,
      text: `${tell('deauthorized')}${andThen(
        `select 1 from public.user_sessions s join public.users u on u.id = s.user_id and u.is_active
         where s.revoked_reason = 'provider_deauthorized' and s.user_id = '${scene.one.userId}'`,
      )}`,
      expected: 2,
    },
    {
      name: 'apply_provider_event, a relay address turned off: nothing but the entry',
      role,
      text: `${tell('email_disabled')}${andThen(
        `select 1 from public.audit_log l where l.action = 'provider.notified' and not exists (
           select from public.user_sessions s where s.revoked_reason like 'provider_%')`,
      )}`,
    },
    {
      name: 'apply_provider_event, of before they came: the account stays, and there is a receipt',
      role,
      text: `${tell('account_deleted', "now() - interval '1 hour'")}${andThen(
        `select 1 from public.erasures e where e.id = ${fresh} and e.user_id is null and not exists (
           select from public.users u where u.id = '${scene.one.userId}' and not u.is_active)`,
      )}`,
    },
    {
      name: 'apply_provider_event, told twice',
      role,
      text: `${tell('account_deleted')}; ${tell('account_deleted')} where erasure_id = ${fresh}`,
    },
  ]
}
