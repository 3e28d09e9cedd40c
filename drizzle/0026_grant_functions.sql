-- Grants are taken out of an account before its keys go, and given back; a redirect that links outlives a new session token.
do $$
begin
  grant create on schema app to neuraform_gate;
  set local role neuraform_gate;

  create function app.own_grant(own_identity_id uuid) returns table (provider text, issuer text, subject text, grant_sealed bytea)
    language sql stable security definer set search_path = '' as $body$
    select i.provider, i.issuer, i.subject, i.refresh_token from public.identities i
      where i.id = own_identity_id and i.user_id = app.current_user_id() and app.current_session_id() is not null
  $body$;
  comment on function app.own_grant(uuid) is
    'What the provider of an identity of the person of this transaction gave, sealed under their key, and whose it is there.';

  create function app.grants_of_leaving(leaving_id uuid)
    returns table (identity_id uuid, provider text, issuer text, subject text, grant_sealed bytea, data_keys jsonb)
    language sql stable security definer set search_path = '' as $body$
    select i.id, i.provider, i.issuer, i.subject, i.refresh_token, (select jsonb_agg(jsonb_build_object(
        'version', k.version, 'key_encryption_key_id', k.key_encryption_key_id, 'wrapped_key', encode(k.wrapped_key, 'hex')
      ) order by k.version) from public.user_keys k where k.user_id = u.id)
    from public.identities i join public.users u on u.id = i.user_id
    where u.id = leaving_id and not u.is_active
  $body$;
  comment on function app.grants_of_leaving(uuid) is
    'The identities of somebody who is leaving, what their providers gave, and the keys that it is sealed under; nothing of anybody else.';

  create function app.queue_revocation(
    leaving_identity_id uuid, grant_provider text, grant_subject_hash bytea, grant_sealed text, grant_due_at timestamptz
  ) returns void language sql volatile security definer set search_path = '' as $body$
    insert into public.grants_to_revoke (id, provider, subject_hash, sealed_grant, due_at)
      select i.id, grant_provider, grant_subject_hash, grant_sealed, grant_due_at
      from public.identities i join public.users u on u.id = i.user_id
      where i.id = leaving_identity_id and (i.user_id = app.current_user_id() or not u.is_active)
      on conflict (id) do nothing
  $body$;
  comment on function app.queue_revocation(uuid, text, bytea, text, timestamptz) is
    'Keeps what the provider of an identity that is about to go is to get back: one of the person of this transaction, or of somebody who is leaving. Nothing where it has gone.';

  create function app.queue_revocation_unless_known(
    grant_id uuid, grant_provider text, grant_subject_hash bytea, grant_sealed text, grant_due_at timestamptz, presented_issuer text,
    presented_subject text
  ) returns void language plpgsql volatile security definer set search_path = '' as $body$
  begin
    -- As in create_account and link_identity: who comes to have an account at once is seen here, or sees this.
    perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(presented_issuer || E'\n' || presented_subject, 0));
    if exists (select from public.identities i where i.issuer = presented_issuer and i.subject = presented_subject) then
      return;
    end if;
    -- A provider takes back all at once: nothing of this subject's may go before the newest offer has ended.
    update public.grants_to_revoke g set due_at = greatest(g.due_at, grant_due_at) where g.subject_hash = grant_subject_hash;
    insert into public.grants_to_revoke (id, provider, subject_hash, sealed_grant, due_at)
      values (grant_id, grant_provider, grant_subject_hash, grant_sealed, grant_due_at);
  end $body$;
  comment on function app.queue_revocation_unless_known(uuid, text, bytea, text, timestamptz, text, text) is
    'Keeps what the provider of a subject without an account is to get back, from that moment on.';

  create function app.keep_grants(kept_subject_hash bytea, is_replaced boolean) returns void
    language plpgsql volatile security definer set search_path = '' as $body$
  begin
    if is_replaced then
      delete from public.grants_to_revoke g where g.subject_hash = kept_subject_hash;
    else
      update public.grants_to_revoke g set due_at = 'infinity' where g.subject_hash = kept_subject_hash;
    end if;
  end $body$;
  comment on function app.keep_grants(bytea, boolean) is
    'Gives nothing back of a subject who has an account now: a new grant takes the place of what is queued, and without one that stays for the day on which the identity goes.';

  create function app.return_grants(leaving_subject_hash bytea) returns void
    language sql volatile security definer set search_path = '' as $body$
    update public.grants_to_revoke g set due_at = now() where g.subject_hash = leaving_subject_hash and g.due_at = 'infinity'
  $body$;
  comment on function app.return_grants(bytea) is 'Gives back what stayed queued for a subject whose identity goes.';

  create function app.live_token(presented bytea, seconds integer) returns bytea
    language sql stable security definer set search_path = '' as $body$
    select s.token_hash from public.user_sessions s
      where s.token_hash = presented or s.id = (
        select r.session_id from public.retired_tokens r join public.user_sessions o on o.id = r.session_id
          where r.token_hash = presented and r.retired_at > now() - make_interval(secs => seconds)
            -- A sign-in that was renewed since ended every token of before, for one of them may be in other hands.
            and o.authenticated_at < r.retired_at)
  $body$;
  comment on function app.live_token(bytea, integer) is
    'The hash of the token that a session has now, by that or by one that a refresh replaced within so many seconds.';

  revoke all on function app.own_grant(uuid), app.grants_of_leaving(uuid),
    app.queue_revocation(uuid, text, bytea, text, timestamptz),
    app.queue_revocation_unless_known(uuid, text, bytea, text, timestamptz, text, text), app.keep_grants(bytea, boolean),
    app.return_grants(bytea), app.live_token(bytea, integer) from public;
  grant execute on function app.own_grant(uuid) to neuraform_user;
  grant execute on function app.grants_of_leaving(uuid) to neuraform_jobs;
  grant execute on function app.queue_revocation(uuid, text, bytea, text, timestamptz), app.return_grants(bytea)
    to neuraform_jobs, neuraform_user;
  grant execute on function app.queue_revocation_unless_known(uuid, text, bytea, text, timestamptz, text, text) to neuraform_auth;
  grant execute on function app.keep_grants(bytea, boolean) to neuraform_auth, neuraform_user;
  grant execute on function app.live_token(bytea, integer) to neuraform_auth;

  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
--> statement-breakpoint
alter table public.grants_to_revoke force row level security;
--> statement-breakpoint
grant select, insert, update (due_at), delete on public.grants_to_revoke to neuraform_gate;
--> statement-breakpoint
grant select, delete on public.grants_to_revoke to neuraform_jobs;
--> statement-breakpoint
grant update (attempts, due_at) on public.grants_to_revoke to neuraform_jobs;
--> statement-breakpoint
comment on table public.grants_to_revoke is
  'What providers gave and are to get back, sealed by the service: of accounts that have gone, and of registrations that nobody ended.';
