-- The sign-in path: neuraform_auth holds no grant on a table and works only through these functions.
create function app.find_identity(presented_issuer text, presented_subject text, presented_subject_hash bytea)
  returns table (
    is_refused boolean, identity_id uuid, user_id uuid, is_active boolean, data_keys jsonb,
    first_name bytea, last_name bytea, email bytea, avatar_url text, timezone text, language_preference text,
    notification_preferences jsonb, ui_preferences jsonb, terms_accepted_at timestamptz,
    privacy_policy_accepted_at timestamptz, created_at timestamptz, updated_at timestamptz
  )
  language sql stable security definer set search_path = '' as $$
  select
    exists (
      select from public.login_tickets t
      where t.subject_hash = presented_subject_hash and t.kind = 'age_refusal' and t.expires_at > now()
    ),
    i.id, u.id, u.is_active,
    (select jsonb_agg(jsonb_build_object(
        'version', k.version, 'key_encryption_key_id', k.key_encryption_key_id, 'wrapped_key', encode(k.wrapped_key, 'hex')
      ) order by k.version) from public.user_keys k where k.user_id = u.id),
    u.first_name, u.last_name, u.email, u.avatar_url, u.timezone, u.language_preference,
    u.notification_preferences, u.ui_preferences, u.terms_accepted_at, u.privacy_policy_accepted_at, u.created_at, u.updated_at
  from (values (true)) as always_one_row
  left join public.identities i on i.issuer = presented_issuer and i.subject = presented_subject
  left join public.users u on u.id = i.user_id
$$;
--> statement-breakpoint
comment on function app.find_identity(text, text, bytea) is
  'One row: whether the subject was refused for age, and the account of (issuer, subject) if there is one.';
--> statement-breakpoint
create function app.claim_registration(ticket_id uuid, ticket_expires_at timestamptz, presented_subject_hash bytea) returns void
  language plpgsql volatile security definer set search_path = '' as $$
begin
  insert into public.login_tickets (id, kind, expires_at) values (ticket_id, 'registration', ticket_expires_at + interval '1 hour');
  if exists (
    select from public.login_tickets t
    where t.subject_hash = presented_subject_hash and t.kind = 'age_refusal' and t.expires_at > now()
  ) then
    raise exception 'registration refused' using errcode = 'NF403', detail = 'registration_refused';
  end if;
end $$;
--> statement-breakpoint
comment on function app.claim_registration(uuid, timestamptz, bytea) is
  'Spends a registration ticket once (23505 on login_tickets_pkey afterwards); NF403 while the subject is refused for age.';
--> statement-breakpoint
create function app.refuse_registration(ticket_id uuid, ticket_expires_at timestamptz, refusal_id uuid, presented_subject_hash bytea)
  returns void language plpgsql volatile security definer set search_path = '' as $$
begin
  insert into public.login_tickets (id, kind, expires_at) values (ticket_id, 'registration', ticket_expires_at + interval '1 hour');
  insert into public.login_tickets (id, kind, subject_hash, expires_at)
    values (refusal_id, 'age_refusal', presented_subject_hash, now() + interval '24 hours');
end $$;
--> statement-breakpoint
comment on function app.refuse_registration(uuid, timestamptz, uuid, bytea) is
  'Spends the ticket and refuses the subject for a day; nothing about the person is kept but a keyed hash.';
--> statement-breakpoint
create function app.create_account(
  new_user_id uuid, new_first_name bytea, new_last_name bytea, new_email bytea, new_email_index bytea, new_is_email_verified boolean,
  new_birthdate bytea, new_opens_16_on date, new_opens_18_on date, new_country text, new_avatar_url text, new_timezone text,
  new_language_preference text, new_terms_version text, new_privacy_version text,
  new_key_encryption_key_id text, new_wrapped_key bytea,
  new_identity_id uuid, new_provider text, new_issuer text, new_subject text, new_identity_email bytea
) returns table (created_at timestamptz)
  language plpgsql volatile security definer set search_path = '' as $$
begin
  -- Registrations of one identity wait for each other, so that the later ones hear of the identity, not of its address.
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(new_issuer || E'\n' || new_subject, 0));
  if exists (select from public.identities i where i.issuer = new_issuer and i.subject = new_subject) then
    raise exception 'the identity has an account' using errcode = '23505', constraint = 'identities_issuer_subject_key';
  end if;
  insert into public.users (id, first_name, last_name, email, email_index, is_email_verified, birthdate, opens_16_on, opens_18_on,
      country, avatar_url, timezone, language_preference, terms_version, privacy_version)
    values (new_user_id, new_first_name, new_last_name, new_email, new_email_index, new_is_email_verified, new_birthdate,
      new_opens_16_on, new_opens_18_on, new_country, new_avatar_url, new_timezone, new_language_preference, new_terms_version,
      new_privacy_version);
  insert into public.user_keys (user_id, version, key_encryption_key_id, wrapped_key)
    values (new_user_id, 1, new_key_encryption_key_id, new_wrapped_key);
  insert into public.identities (id, user_id, provider, issuer, subject, email)
    values (new_identity_id, new_user_id, new_provider, new_issuer, new_subject, new_identity_email);
  return query select u.created_at::timestamptz from public.users u where u.id = new_user_id;
end $$;
--> statement-breakpoint
comment on function app.create_account(uuid, bytea, bytea, bytea, bytea, boolean, bytea, date, date, text, text, text, text, text, text,
  text, bytea, uuid, text, text, text, bytea) is
  'A person with their wrapped data key and first identity. 23505 names identities_issuer_subject_key or users_email_index_key.';
--> statement-breakpoint
create function app.start_session(
  new_session_id uuid, owner_id uuid, owner_identity_id uuid, new_token_hash bytea, new_device_info bytea, new_ip_prefix bytea,
  new_user_agent bytea, idle_seconds integer, absolute_seconds integer, presented_token_hash bytea, live_limit integer
) returns table (expires_at timestamptz)
  language plpgsql volatile security definer set search_path = '' as $$
begin
  -- The person's row is the lock that keeps parallel sign-ins from passing the limit together.
  perform 1 from public.users u where u.id = owner_id and u.is_active for update;
  if not found then
    raise exception 'no live account' using errcode = 'NF401';
  end if;
  update public.user_sessions s set revoked_at = now(), revoked_reason = 'signed_in_again'
    where s.token_hash = presented_token_hash and s.revoked_at is null;
  update public.user_sessions s set revoked_at = now(), revoked_reason = 'too_many_sessions'
    where s.id in (
      select l.id from public.user_sessions l
      where l.user_id = owner_id and l.revoked_at is null and l.expires_at > now()
      order by l.last_active_at desc, l.id desc offset live_limit - 1
    );
  update public.identities i set last_login_at = now() where i.id = owner_identity_id;
  return query
    insert into public.user_sessions (id, user_id, identity_id, token_hash, device_info, ip_prefix, user_agent,
        idle_lifetime_seconds, expires_at, absolute_expires_at)
      values (new_session_id, owner_id, owner_identity_id, new_token_hash, new_device_info, new_ip_prefix, new_user_agent, idle_seconds,
        now() + make_interval(secs => least(idle_seconds, absolute_seconds)), now() + make_interval(secs => absolute_seconds))
      returning user_sessions.expires_at::timestamptz;
end $$;
--> statement-breakpoint
comment on function app.start_session(uuid, uuid, uuid, bytea, bytea, bytea, bytea, integer, integer, bytea, integer) is
  'Starts a session, ends the one whose token was presented, and keeps at most live_limit live ones (the least used go). NF401: no live account.';
--> statement-breakpoint
do $$
declare signature text;
begin
  grant create on schema app to neuraform_gate;
  foreach signature in array array[
    'app.find_identity(text, text, bytea)',
    'app.claim_registration(uuid, timestamptz, bytea)',
    'app.refuse_registration(uuid, timestamptz, uuid, bytea)',
    'app.create_account(uuid, bytea, bytea, bytea, bytea, boolean, bytea, date, date, text, text, text, text, text, text, text, bytea, uuid, text, text, text, bytea)',
    'app.start_session(uuid, uuid, uuid, bytea, bytea, bytea, bytea, integer, integer, bytea, integer)'
  ] loop
    execute format('revoke all on function %s from public', signature);
    execute format('grant execute on function %s to neuraform_auth', signature);
    execute format('alter function %s owner to neuraform_gate', signature);
  end loop;
  revoke create on schema app from neuraform_gate;
end $$;
