-- What every flight asks, at less cost: a function in SQL that is not inlined is planned each time that it is called, one in
-- PL/pgSQL once for a connection; and a session is found, set and returned by one statement instead of three.
create or replace function app.current_user_id() returns uuid
  language plpgsql stable parallel safe set search_path = '' as $$
begin
  return nullif(current_setting('app.user_id', true), '')::uuid;
end $$;
--> statement-breakpoint
create or replace function app.current_session_id() returns uuid
  language plpgsql stable parallel safe set search_path = '' as $$
begin
  return nullif(current_setting('app.session_id', true), '')::uuid;
end $$;
--> statement-breakpoint
create or replace function app.current_turn_id() returns uuid
  language plpgsql stable parallel safe set search_path = '' as $$
begin
  return nullif(current_setting('app.turn_id', true), '')::uuid;
end $$;
--> statement-breakpoint
create or replace function app.admitted_ratings() returns text[]
  language plpgsql stable parallel safe set search_path = '' as $$
begin
  return coalesce(nullif(current_setting('app.admitted_ratings', true), ''), '{everyone}')::text[];
end $$;
--> statement-breakpoint
do $$
begin
  grant create on schema app to neuraform_gate;
  set local role neuraform_gate;

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
    if not found then
      raise exception 'invalid session' using errcode = 'NF401';
    end if;
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

  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
