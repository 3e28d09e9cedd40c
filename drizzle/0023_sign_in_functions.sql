-- Sessions get new tokens, identities are linked and unlinked, and what is good once is spent in the flight that has its effect.
create function app.claim_ticket(ticket_id uuid, ticket_kind text, ticket_expires_at timestamptz) returns void
  language sql volatile security definer set search_path = '' as $$
  insert into public.login_tickets (id, kind, expires_at) values (ticket_id, ticket_kind, ticket_expires_at + interval '1 hour')
$$;
--> statement-breakpoint
comment on function app.claim_ticket(uuid, text, timestamptz) is
  'Spends something that is good once; 23505 on login_tickets_pkey where it was spent before.';
--> statement-breakpoint
create function app.claim_ticket_unless_known(
  ticket_id uuid, ticket_kind text, ticket_expires_at timestamptz, presented_issuer text, presented_subject text
) returns void language sql volatile security definer set search_path = '' as $$
  insert into public.login_tickets (id, kind, expires_at)
    select ticket_id, ticket_kind, ticket_expires_at + interval '1 hour'
    where not exists (select from public.identities i where i.issuer = presented_issuer and i.subject = presented_subject)
$$;
--> statement-breakpoint
comment on function app.claim_ticket_unless_known(uuid, text, timestamptz, text, text) is
  'As claim_ticket, where the subject has no account: somebody known spends it in the flight that starts their session.';
--> statement-breakpoint
create function app.keep_grant(owner_id uuid, owner_identity_id uuid, sealed_grant bytea) returns void
  language sql volatile security definer set search_path = '' as $$
  update public.identities i set refresh_token = sealed_grant where i.id = owner_identity_id and i.user_id = owner_id
$$;
--> statement-breakpoint
comment on function app.keep_grant(uuid, uuid, bytea) is 'Keeps, sealed, what can be taken back from the provider of an identity.';
--> statement-breakpoint
create function app.refresh_session(presented bytea, new_token_hash bytea, grace_seconds integer, request_id uuid)
  returns table (outcome text, expires_at timestamptz)
  language plpgsql volatile security definer set search_path = '' as $$
declare held record;
begin
  -- Refreshes at once wait here for the first of them, and then no longer find the token that they present.
  select s.id, s.user_id, s.idle_lifetime_seconds, s.absolute_expires_at into held
    from public.user_sessions s join public.users u on u.id = s.user_id
    where s.token_hash = presented and s.revoked_at is null and s.expires_at > now() and u.is_active
    for update of s;
  if found then
    insert into public.retired_tokens (token_hash, user_id, session_id, good_until)
      values (presented, held.user_id, held.id, now() + make_interval(secs => grace_seconds));
    return query
      update public.user_sessions s
        set token_hash = new_token_hash, last_active_at = now(),
            expires_at = least(now() + make_interval(secs => held.idle_lifetime_seconds), held.absolute_expires_at)
        where s.id = held.id
        returning 'refreshed'::text, s.expires_at::timestamptz;
    return;
  end if;
  select s.id, s.user_id, s.expires_at, r.good_until into held
    from public.retired_tokens r
    join public.user_sessions s on s.id = r.session_id
    join public.users u on u.id = s.user_id
    where r.token_hash = presented and s.revoked_at is null and s.expires_at > now() and u.is_active
    for update of s;
  if not found then
    return query select 'unknown'::text, null::timestamptz;
  elsif held.good_until > now() then
    return query select 'refreshed_before'::text, held.expires_at::timestamptz;
  else
    update public.user_sessions s set revoked_at = now(), revoked_reason = 'token_reused' where s.id = held.id;
    perform app.append_event(
      held.user_id, 'session.revoked', 'session:' || held.id, '{"reason": "token_reused"}', request_id);
    return query select 'reused'::text, null::timestamptz;
  end if;
end $$;
--> statement-breakpoint
comment on function app.refresh_session(bytea, bytea, integer, uuid) is
  'Gives a session its next token. One that was replaced may ask again within its grace; after it, the session ends: it is in two hands.';
--> statement-breakpoint
create function app.reauthenticate(
  presented_issuer text, presented_subject text, presented_token_hash bytea, new_token_hash bytea, request_id uuid)
  returns table (identity_id uuid, expires_at timestamptz)
  language plpgsql volatile security definer set search_path = '' as $$
declare
  own uuid;
  old_hash bytea;
begin
  if app.current_session_id() is null then
    raise exception 'no session' using errcode = 'NF401';
  end if;
  select i.id into own from public.identities i
    where i.issuer = presented_issuer and i.subject = presented_subject and i.user_id = app.current_user_id();
  if not found then
    raise exception 'not an identity of this person' using errcode = 'NF401', detail = 'invalid_identity_token';
  end if;
  select s.token_hash into old_hash from public.user_sessions s where s.id = app.current_session_id() for update;
  -- Of two at once the second would replace a token that was just given out: it is refused, and nobody is signed out.
  if old_hash <> presented_token_hash then
    raise exception 'the token was replaced meanwhile' using errcode = 'NF401';
  end if;
  insert into public.retired_tokens (token_hash, user_id, session_id, good_until)
    values (old_hash, app.current_user_id(), app.current_session_id(), now());
  -- The tokens of before open this session no more: whoever holds one has not signed in just now.
  update public.retired_tokens r set good_until = now() where r.session_id = app.current_session_id() and r.good_until > now();
  update public.identities i set last_login_at = now() where i.id = own;
  perform app.append_event(app.current_user_id(), 'sign_in.renewed', 'session:' || app.current_session_id(), '{}', request_id);
  return query
    update public.user_sessions s
      set token_hash = new_token_hash, identity_id = own, authenticated_at = now(), last_active_at = now(),
          expires_at = least(now() + make_interval(secs => s.idle_lifetime_seconds), s.absolute_expires_at)
      where s.id = app.current_session_id()
      returning s.identity_id, s.expires_at::timestamptz;
end $$;
--> statement-breakpoint
comment on function app.reauthenticate(text, text, bytea, bytea, uuid) is
  'Renews the sign-in of the session of this transaction by an identity of its own person, and replaces its token; NF401 for any other identity, and where the token that was presented is not the session''s own any more.';
--> statement-breakpoint
create function app.require_fresh_session(seconds integer) returns void
  language plpgsql stable security definer set search_path = '' as $$
begin
  if not exists (
    select from public.user_sessions s
    where s.id = app.current_session_id() and s.authenticated_at > now() - make_interval(secs => seconds)
  ) then
    raise exception 'a fresh sign-in is needed' using errcode = 'NF428';
  end if;
end $$;
--> statement-breakpoint
comment on function app.require_fresh_session(integer) is
  'NF428 unless the session of this transaction signed in within so many seconds.';
--> statement-breakpoint
create function app.link_identity(
  new_identity_id uuid, new_provider text, new_issuer text, new_subject text, new_email bytea, new_is_private_email boolean, new_grant bytea
) returns void language plpgsql volatile security definer set search_path = '' as $$
begin
  if app.current_session_id() is null then
    raise exception 'no session' using errcode = 'NF401';
  end if;
  -- As in create_account: whoever registers or links the same identity at once waits.
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(new_issuer || E'\n' || new_subject, 0));
  insert into public.identities (id, user_id, provider, issuer, subject, email, is_private_email, refresh_token)
    values (new_identity_id, app.current_user_id(), new_provider, new_issuer, new_subject, new_email, new_is_private_email, new_grant);
end $$;
--> statement-breakpoint
comment on function app.link_identity(uuid, text, text, text, bytea, boolean, bytea) is
  'A further identity of the person of this transaction; 23505 on identities_issuer_subject_key where anybody has it.';
--> statement-breakpoint
create function app.unlink_identity(leaving_id uuid, request_id uuid) returns table (provider text, grant_sealed bytea)
  language plpgsql volatile security definer set search_path = '' as $$
declare
  leaving public.identities;
  staying uuid;
  ended uuid;
begin
  if app.current_session_id() is null then
    raise exception 'no session' using errcode = 'NF401';
  end if;
  -- The person's row keeps two unlinkings at once from taking the last two.
  perform 1 from public.users u where u.id = app.current_user_id() for update;
  select i.* into leaving from public.identities i where i.id = leaving_id and i.user_id = app.current_user_id();
  if not found then
    raise exception 'no such identity' using errcode = 'NF404';
  end if;
  select i.id into staying from public.identities i
    where i.user_id = app.current_user_id() and i.id <> leaving_id order by i.last_login_at desc limit 1;
  if not found then
    raise exception 'the last identity stays' using errcode = 'NF409', detail = 'last_identity';
  end if;
  update public.user_sessions s set identity_id = staying where s.id = app.current_session_id() and s.identity_id = leaving_id;
  for ended in
    update public.user_sessions s set revoked_at = now(), revoked_reason = 'identity_unlinked', identity_id = staying
      where s.identity_id = leaving_id and s.user_id = app.current_user_id() and s.revoked_at is null returning s.id
  loop
    perform app.append_event(app.current_user_id(), 'session.revoked', 'session:' || ended, '{"reason": "identity_unlinked"}', request_id);
  end loop;
  delete from public.identities i where i.id = leaving_id;
  perform app.append_event(app.current_user_id(),
    'identity.unlinked', 'identity:' || leaving_id, jsonb_build_object('provider', leaving.provider), request_id);
  return query select leaving.provider, leaving.refresh_token;
end $$;
--> statement-breakpoint
comment on function app.unlink_identity(uuid, uuid) is
  'Takes an identity from the person of this transaction and ends the sessions that it began, but for this one. NF404, or NF409 for the last one.';
--> statement-breakpoint
create function app.apply_provider_event(
  event_id uuid, event_expires_at timestamptz, told_provider text, told_issuer text, told_subject text, effect text, told_at timestamptz,
  request_id uuid
) returns table (erasure_id uuid) language plpgsql volatile security definer set search_path = '' as $$
declare
  known public.identities;
  is_last boolean;
  ended uuid;
  -- Two clocks, and seconds that one of them does not tell.
  until timestamptz := told_at + interval '5 seconds';
begin
  insert into public.login_tickets (id, kind, expires_at) values (event_id, 'event', event_expires_at) on conflict do nothing;
  if not found then
    return query select (select e.id from public.erasures e where e.id = event_id);
    return;
  end if;
  -- What was told late is no word about somebody who has come again since.
  select i.* into known from public.identities i
    where i.issuer = told_issuer and i.subject = told_subject and i.created_at <= until;
  if found then
    -- The person's row keeps this apart from their own unlinking and erasing; once it is gone there is nobody to tell of.
    perform 1 from public.users u where u.id = known.user_id for update;
  end if;
  if not found then
    if effect = 'account_deleted' then
      insert into public.erasures (id, completed_at) values (event_id, now());
    end if;
    return query select case when effect = 'account_deleted' then event_id end;
    return;
  end if;
  perform app.append_event(known.user_id, 'provider.notified', 'identity:' || known.id,
    jsonb_build_object('provider', told_provider, 'effect', effect), request_id);
  if effect in ('email_disabled', 'email_enabled') then
    return query select null::uuid;
    return;
  end if;
  is_last := not exists (select from public.identities i where i.user_id = known.user_id and i.id <> known.id);
  for ended in
    update public.user_sessions s set revoked_at = now(), revoked_reason = 'provider_' || effect
      where s.user_id = known.user_id and s.revoked_at is null
        and (s.identity_id = known.id or (effect = 'account_deleted' and is_last))
        and (s.created_at <= until or effect = 'account_deleted')
      returning s.id
  loop
    perform app.append_event(known.user_id, 'session.revoked', 'session:' || ended,
      jsonb_build_object('reason', 'provider_' || effect), request_id);
  end loop;
  update public.identities i set refresh_token = null
    where i.id = known.id and (i.last_login_at <= until or effect = 'account_deleted');
  if effect = 'deauthorized' then
    return query select null::uuid;
    return;
  end if;
  if is_last then
    update public.users u set is_active = false, updated_at = now() where u.id = known.user_id;
    insert into public.erasures (id, user_id) values (event_id, known.user_id);
    perform app.append_event(
      known.user_id, 'account.erasure_requested', 'erasure:' || event_id, '{"by": "provider"}', request_id);
  else
    delete from public.identities i where i.id = known.id;
    insert into public.erasures (id, completed_at) values (event_id, now());
    perform app.append_event(known.user_id, 'identity.unlinked', 'identity:' || known.id,
      jsonb_build_object('provider', told_provider), request_id);
  end if;
  return query select event_id;
end $$;
--> statement-breakpoint
comment on function app.apply_provider_event(uuid, timestamptz, text, text, text, text, timestamptz, uuid) is
  'What a provider tells of an identity, once, of the time at which it happened: its sessions end; where its account is deleted the identity goes, and with the only one the account. Returns the receipt of a deletion, the same when told again.';

--> statement-breakpoint
alter type app.user_action add value 'identity.linked';
--> statement-breakpoint
do $$
begin
  grant create on schema app to neuraform_gate;
  set local role neuraform_gate;

  -- A token that was replaced opens its session for its grace, so that requests which had left before it are answered.
  create or replace function app.begin_session(presented bytea)
    returns table (session_id uuid, user_id uuid, role text, expires_at timestamptz, authenticated_at timestamptz, data_keys jsonb)
    language plpgsql volatile security definer set search_path = '' as $body$
  declare
    absolute_expires_at timestamptz;
    last_active_at timestamptz;
    idle_lifetime_seconds int;
    ratings text;
    setting text;
  begin
    for attempt in 1..2 loop
      select s.id, s.user_id, u.role, s.expires_at, s.absolute_expires_at, s.authenticated_at, s.last_active_at, s.idle_lifetime_seconds,
          case when u.opens_18_on <= (now() at time zone 'utc')::date then '{everyone,16,18}'
               when u.opens_16_on <= (now() at time zone 'utc')::date then '{everyone,16}'
               else '{everyone}' end,
          (select jsonb_agg(jsonb_build_object(
              'version', k.version, 'key_encryption_key_id', k.key_encryption_key_id, 'wrapped_key', encode(k.wrapped_key, 'hex')
            ) order by k.version) from public.user_keys k where k.user_id = s.user_id)
        into session_id, user_id, role, expires_at, absolute_expires_at, authenticated_at, last_active_at, idle_lifetime_seconds,
          ratings, data_keys
        from public.user_sessions s join public.users u on u.id = s.user_id
        where s.token_hash = presented and s.revoked_at is null and s.expires_at > now() and u.is_active;
      exit when found;
      select s.token_hash into presented
        from public.retired_tokens r join public.user_sessions s on s.id = r.session_id
        where r.token_hash = presented and r.good_until > now();
      if attempt = 2 or not found then
        raise exception 'invalid session' using errcode = 'NF401';
      end if;
    end loop;
    setting := set_config('app.user_id', user_id::text, true);
    setting := set_config('app.session_id', session_id::text, true);
    setting := set_config('app.admitted_ratings', ratings, true);
    if last_active_at < now() - interval '1 minute' and not current_setting('transaction_read_only')::boolean then
      expires_at := least(now() + make_interval(secs => idle_lifetime_seconds), absolute_expires_at);
      update public.user_sessions t set last_active_at = now(), expires_at = begin_session.expires_at
        where t.id = (select l.id from public.user_sessions l where l.id = begin_session.session_id for update skip locked);
    end if;
    return next;
  end $body$;

  drop function app.start_session(uuid, uuid, uuid, bytea, bytea, bytea, bytea, integer, integer, bytea, integer, uuid);
  create function app.start_session(
    new_session_id uuid, owner_id uuid, owner_identity_id uuid, new_token_hash bytea, new_device_info bytea, new_ip_prefix bytea,
    new_user_agent bytea, idle_seconds integer, absolute_seconds integer, presented_token_hash bytea, live_limit integer,
    event_request_id uuid default null, new_location bytea default null, is_fresh boolean default true
  ) returns table (expires_at timestamptz)
    language plpgsql volatile security definer set search_path = '' as $body$
  declare
    ended uuid[];
    too_many uuid[];
    session record;
  begin
    -- The person's row is the lock that keeps parallel sign-ins from passing the limit together.
    perform 1 from public.users u where u.id = owner_id and u.is_active for update;
    if not found then
      raise exception 'no live account' using errcode = 'NF401';
    end if;
    with revoked as (
      update public.user_sessions s set revoked_at = now(), revoked_reason = 'signed_in_again'
      where s.revoked_at is null and (s.token_hash = presented_token_hash
        or s.id = (select r.session_id from public.retired_tokens r where r.token_hash = presented_token_hash)) returning s.id
    ) select array_agg(r.id) into ended from revoked r;
    with revoked as (
      update public.user_sessions s set revoked_at = now(), revoked_reason = 'too_many_sessions'
      where s.id in (
        select l.id from public.user_sessions l
        where l.user_id = owner_id and l.revoked_at is null and l.expires_at > now()
        order by l.last_active_at desc, l.id desc offset live_limit - 1
      ) returning s.id
    ) select array_agg(r.id) into too_many from revoked r;
    ended := ended || too_many;
    -- The chains of two people are locked in one order, whoever of them signs in on the other's device.
    perform 1 from public.audit_chains c
      where c.user_id = owner_id or c.user_id in (select s.user_id from public.user_sessions s where s.id = any (ended))
      order by c.chain_id for update;
    for session in select s.id, s.user_id, s.revoked_reason from public.user_sessions s where s.id = any (ended) order by s.id loop
      perform app.append_event(session.user_id, 'session.revoked', 'session:' || session.id,
        jsonb_build_object('reason', session.revoked_reason), event_request_id);
    end loop;
    update public.identities i set last_login_at = now() where i.id = owner_identity_id;
    return query
      insert into public.user_sessions (id, user_id, identity_id, token_hash, device_info, ip_prefix, user_agent, location,
          idle_lifetime_seconds, authenticated_at, expires_at, absolute_expires_at)
        values (new_session_id, owner_id, owner_identity_id, new_token_hash, new_device_info, new_ip_prefix, new_user_agent, new_location,
          idle_seconds, case when is_fresh then now() else 'epoch' end, now() + make_interval(secs => least(idle_seconds, absolute_seconds)), now() + make_interval(secs => absolute_seconds))
        returning user_sessions.expires_at::timestamptz;
  end $body$;
  comment on function app.start_session(uuid, uuid, uuid, bytea, bytea, bytea, bytea, integer, integer, bytea, integer, uuid, bytea, boolean) is
    'Starts a session (is_fresh: of somebody who signed in just now), ends the one whose token was presented, and keeps at most live_limit live ones (the least used go). Each that ends is an entry of its own person''s chain. NF401: no live account.';

  create or replace function app.require_data_key() returns trigger
    language plpgsql volatile security definer set search_path = '' as $body$
  declare
    owner uuid;
    cells bytea[];
    cell bytea;
  begin
    -- What stays as it was is not written, so that a broken cell keeps none of its neighbours from being changed.
    case tg_table_name
      when 'users' then
        owner := new.id;
        cells := array[nullif(new.first_name, old.first_name), nullif(new.last_name, old.last_name), nullif(new.email, old.email),
          nullif(new.birthdate, old.birthdate)];
      when 'identities' then
        owner := new.user_id;
        cells := array[nullif(new.email, old.email), nullif(new.refresh_token, old.refresh_token)];
      when 'user_sessions' then
        owner := new.user_id;
        cells := array[nullif(new.device_info, old.device_info), nullif(new.ip_prefix, old.ip_prefix),
          nullif(new.user_agent, old.user_agent), nullif(new.location, old.location)];
      when 'conversations' then
        owner := new.user_id;
        cells := array[nullif(new.title, old.title), nullif(new.summary, old.summary)];
      when 'turns' then
        owner := new.user_id;
        cells := array[nullif(new.checkpoint, old.checkpoint)];
      when 'messages' then
        owner := new.user_id;
        cells := array[nullif(new.content, old.content)];
    end case;
    foreach cell in array cells loop
      if length(cell) >= 3 then
        -- Whoever retires this key waits until the writer has committed, and looks at what was written.
        perform from public.user_keys k
          where k.user_id = owner and k.version = get_byte(cell, 1) * 256 + get_byte(cell, 2) for key share;
        if not found then
          raise exception 'a cell is sealed under a data key that is not there' using errcode = 'NF423';
        end if;
      end if;
    end loop;
    return new;
  end $body$;

  -- Who makes a trigger must be allowed to call its function.
  grant execute on function app.require_data_key() to neuraform_owner;
  set local role neuraform_owner;
  create or replace trigger user_sessions_data_key before insert or update of device_info, ip_prefix, user_agent, location
    on public.user_sessions for each row execute function app.require_data_key();
  set local role neuraform_gate;
  revoke execute on function app.require_data_key() from neuraform_owner;
  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
--> statement-breakpoint
do $$
declare grants record;
begin
  grant create on schema app to neuraform_gate;
  for grants in select * from (values
    ('app.claim_ticket(uuid, text, timestamptz)', 'neuraform_auth, neuraform_user'),
    ('app.claim_ticket_unless_known(uuid, text, timestamptz, text, text)', 'neuraform_auth'),
    ('app.keep_grant(uuid, uuid, bytea)', 'neuraform_auth'),
    ('app.refresh_session(bytea, bytea, integer, uuid)', 'neuraform_auth'),
    ('app.apply_provider_event(uuid, timestamptz, text, text, text, text, timestamptz, uuid)', 'neuraform_auth'),
    ('app.start_session(uuid, uuid, uuid, bytea, bytea, bytea, bytea, integer, integer, bytea, integer, uuid, bytea, boolean)', 'neuraform_auth'),
    ('app.reauthenticate(text, text, bytea, bytea, uuid)', 'neuraform_user'),
    ('app.require_fresh_session(integer)', 'neuraform_user'),
    ('app.link_identity(uuid, text, text, text, bytea, boolean, bytea)', 'neuraform_user'),
    ('app.unlink_identity(uuid, uuid)', 'neuraform_user')
  ) as g (signature, grantees) loop
    execute format('revoke all on function %s from public', grants.signature);
    execute format('grant execute on function %s to %s', grants.signature, grants.grantees);
    execute format('alter function %s owner to neuraform_gate', grants.signature);
  end loop;
  revoke create on schema app from neuraform_gate;
end $$;
--> statement-breakpoint
alter table public.retired_tokens force row level security;
--> statement-breakpoint
grant select, insert, update on public.retired_tokens to neuraform_gate;
--> statement-breakpoint
grant delete on public.identities to neuraform_gate;
--> statement-breakpoint
grant select (location) on public.user_sessions to neuraform_user;
--> statement-breakpoint
comment on table public.retired_tokens is
  'Session tokens that were replaced, by their SHA-256: each opens its session for a while, and after that gives a thief away.';
