import type { Client } from 'pg'
import { kinds } from '#bench/scale/schema.ts'
import type { Step } from '#bench/scale/steps.ts'

/** Sessions of the heavy person's: live ones, and those that ended and have not been swept. */
const heavySessions = { live: 20, ended: 60 }
const auditEntries = { heavy: 100, usual: 3 }

/**
 * Adds people with all that a flight asks for: key, identity, sessions, chain. The first session of each was active just
 * now, the second is due to be touched; every tenth person has a companion of their own, and every hundredth had one that
 * others still talk with.
 */
export async function loadPeople(client: Client, { users: { from, to } }: Step): Promise<void> {
  const person = `scale.id(${kinds.user}, 0, u)`
  const people = `generate_series(${from + 1}, ${to}) u`
  await client.query(`
    insert into users (id, first_name, last_name, email, email_index, is_email_verified, birthdate, opens_16_on, opens_18_on,
        terms_version, privacy_version)
      select ${person}, scale.sealed(37), scale.sealed(39), scale.sealed(54), scale.hash('email ' || u), true, scale.sealed(41),
        '2006-01-01', '2008-01-01', '1', '1' from ${people};
    insert into user_keys (user_id, version, key_encryption_key_id, wrapped_key)
      select ${person}, 1, 'local', scale.sealed(60) from ${people};
    insert into identities (id, user_id, provider, issuer, subject)
      select scale.id(${kinds.identity}, 0, u), ${person}, 'google', 'https://accounts.google.com', '1000' || u from ${people};
    insert into user_sessions (id, user_id, identity_id, token_hash, device_info, ip_prefix, user_agent, created_at, last_active_at,
        idle_lifetime_seconds, expires_at, absolute_expires_at, revoked_at, revoked_reason)
      select scale.id(${kinds.session}, s, u), ${person}, scale.id(${kinds.identity}, 0, u), scale.hash('session ' || u || '/' || s),
        scale.sealed(90), scale.sealed(42), scale.sealed(150), now() - s * interval '1 hour',
        case s when 1 then now() + interval '1 day' else now() - interval '1 day' end, 2592000, now() + interval '30 days',
        now() + interval '180 days', e.ended, case when e.ended is not null then 'logout' end
      from ${people}, generate_series(1, case u when 1 then ${heavySessions.live + heavySessions.ended} else 2 end) s,
        lateral (select case when s > ${heavySessions.live} then now() end as ended) e;
    insert into personas (id, owner_id, display_name, description, system_prompt, greeting, created_at)
      select scale.id(${kinds.persona}, 0, u), ${person}, 'Own', 'A companion of one''s own.', repeat('Be kind. ', 40), 'Hello.',
        now() + u * interval '1 second' from ${people} where u % 10 = 1;
    insert into personas (id, owner_id, is_active, frozen_at, display_name, description, system_prompt, greeting)
      select scale.id(${kinds.frozen}, 0, u), null, false, now(), 'Once', 'What one was before.', repeat('Be kind. ', 40), 'Hello.'
      from ${people} where u % 100 = 1;
    insert into idempotency_keys (user_id, key, request_hash, resource_id)
      select ${person}, 'used ' || u, scale.hash('request ' || u), scale.id(${kinds.other}, 0, u) from ${people};
    insert into audit_chains (chain_id, user_id, head_seq, anchored_seq)
      select scale.id(${kinds.other}, 0, u), ${person}, n, n from ${people}, lateral (select ${entriesOf('u')} as n) e;
    insert into audit_log (chain_id, seq, action, target, occurred_at, previous_hash, hash)
      select scale.id(${kinds.other}, 0, u), n, 'session.started', 'session:' || n, now(), scale.hash('0'), scale.hash('1')
      from ${people}, generate_series(1, ${entriesOf('u')}) n;
  `)
}

const entriesOf = (user: string) => `case ${user} when 1 then ${auditEntries.heavy} else ${auditEntries.usual} end`
