-- A refresh with a token that was replaced twice says so, and an address that the provider relays is known for one.
do $$
begin
  grant create on schema app to neuraform_gate;
  set local role neuraform_gate;

  create or replace function app.refresh_session(presented bytea, new_token_hash bytea, grace_seconds integer, request_id uuid)
    returns table (outcome text, expires_at timestamptz)
    language plpgsql volatile security definer set search_path = '' as $body$
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
    select s.id, s.user_id, s.expires_at, s.token_hash, r.good_until into held
      from public.retired_tokens r
      join public.user_sessions s on s.id = r.session_id
      join public.users u on u.id = s.user_id
      where r.token_hash = presented and s.revoked_at is null and s.expires_at > now() and u.is_active
      for update of s;
    if not found then
      return query select 'unknown'::text, null::timestamptz;
    elsif held.good_until > now() then
      return query select case when held.token_hash = new_token_hash then 'refreshed_before' else 'superseded' end,
        held.expires_at::timestamptz;
    else
      update public.user_sessions s set revoked_at = now(), revoked_reason = 'token_reused' where s.id = held.id;
      perform app.append_event(
        held.user_id, 'session.revoked', 'session:' || held.id, '{"reason": "token_reused"}', request_id);
      return query select 'reused'::text, null::timestamptz;
    end if;
  end $body$;

  -- Where a session began is sealed anew with the rest.
  create or replace function app.sealed_columns() returns table (place integer, table_name text, column_name text, owner_column text)
    language sql immutable set search_path = '' as $body$
    values (1, 'users', 'first_name', 'id'), (2, 'users', 'last_name', 'id'), (3, 'users', 'email', 'id'), (4, 'users', 'birthdate', 'id'),
      (5, 'identities', 'email', 'user_id'), (6, 'identities', 'refresh_token', 'user_id'),
      (7, 'user_sessions', 'device_info', 'user_id'), (8, 'user_sessions', 'ip_prefix', 'user_id'),
      (9, 'user_sessions', 'user_agent', 'user_id'), (10, 'conversations', 'title', 'user_id'),
      (11, 'conversations', 'summary', 'user_id'), (12, 'turns', 'checkpoint', 'user_id'), (13, 'messages', 'content', 'user_id'),
      (14, 'user_sessions', 'location', 'user_id')
  $body$;

  create function app.keep_private_email(owner_id uuid, owner_identity_id uuid) returns void
    language sql volatile security definer set search_path = '' as $body$
    update public.identities i set is_private_email = true where i.id = owner_identity_id and i.user_id = owner_id
  $body$;
  comment on function app.keep_private_email(uuid, uuid) is
    'Notes of an identity that its address is a relay of the provider''s.';
  revoke all on function app.keep_private_email(uuid, uuid) from public;
  grant execute on function app.keep_private_email(uuid, uuid) to neuraform_auth;

  -- Its owner alone can take it from everybody: 0023 asked as another role, which PostgreSQL answers with a warning.
  revoke all on function
    app.start_session(uuid, uuid, uuid, bytea, bytea, bytea, bytea, integer, integer, bytea, integer, uuid, bytea, boolean) from public;
  grant execute on function
    app.start_session(uuid, uuid, uuid, bytea, bytea, bytea, bytea, integer, integer, bytea, integer, uuid, bytea, boolean)
    to neuraform_auth;

  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
