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
    where u.id = leaving_id and not u.is_active and i.refresh_token is not null
  $body$;
  comment on function app.grants_of_leaving(uuid) is
    'What the providers of somebody who is leaving gave, and the keys that it is sealed under; nothing of anybody else.';

  create function app.queue_revocation(
    grant_id uuid, grant_provider text, grant_subject_hash bytea, grant_sealed text, grant_due_at timestamptz
  ) returns void language sql volatile security definer set search_path = '' as $body$
    insert into public.grants_to_revoke (id, provider, subject_hash, sealed_grant, due_at)
      values (grant_id, grant_provider, grant_subject_hash, grant_sealed, grant_due_at) on conflict (id) do nothing
  $body$;
  comment on function app.queue_revocation(uuid, text, bytea, text, timestamptz) is
    'Keeps what a provider is to get back, from that moment on; again under the same id it does nothing.';

  create function app.queue_revocation_unless_known(
    grant_id uuid, grant_provider text, grant_subject_hash bytea, grant_sealed text, grant_due_at timestamptz, presented_issuer text,
    presented_subject text
  ) returns void language sql volatile security definer set search_path = '' as $body$
    insert into public.grants_to_revoke (id, provider, subject_hash, sealed_grant, due_at)
      select grant_id, grant_provider, grant_subject_hash, grant_sealed, grant_due_at
      where not exists (select from public.identities i where i.issuer = presented_issuer and i.subject = presented_subject)
  $body$;
  comment on function app.queue_revocation_unless_known(uuid, text, bytea, text, timestamptz, text, text) is
    'As queue_revocation, where the subject has no account: nobody may ever end the registration that is offered to them.';

  create function app.keep_grants(kept_subject_hash bytea) returns void
    language sql volatile security definer set search_path = '' as $body$
    delete from public.grants_to_revoke g where g.subject_hash = kept_subject_hash
  $body$;
  comment on function app.keep_grants(bytea) is
    'Gives nothing back of a subject who has an account: a provider would take the new grant along with the old one.';

  create function app.live_token(presented bytea, seconds integer) returns bytea
    language sql stable security definer set search_path = '' as $body$
    select s.token_hash from public.user_sessions s
      where s.token_hash = presented or s.id = (
        select r.session_id from public.retired_tokens r
          where r.token_hash = presented and r.retired_at > now() - make_interval(secs => seconds))
  $body$;
  comment on function app.live_token(bytea, integer) is
    'The hash of the token that a session has now, by that or by one that was replaced within so many seconds.';

  revoke all on function app.own_grant(uuid), app.grants_of_leaving(uuid),
    app.queue_revocation(uuid, text, bytea, text, timestamptz),
    app.queue_revocation_unless_known(uuid, text, bytea, text, timestamptz, text, text), app.keep_grants(bytea), app.live_token(bytea, integer) from public;
  grant execute on function app.own_grant(uuid) to neuraform_user;
  grant execute on function app.grants_of_leaving(uuid) to neuraform_jobs;
  grant execute on function app.queue_revocation(uuid, text, bytea, text, timestamptz) to neuraform_auth, neuraform_jobs, neuraform_user;
  grant execute on function app.queue_revocation_unless_known(uuid, text, bytea, text, timestamptz, text, text) to neuraform_auth;
  grant execute on function app.keep_grants(bytea) to neuraform_auth, neuraform_user;
  grant execute on function app.live_token(bytea, integer) to neuraform_auth;

  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
--> statement-breakpoint
alter table public.grants_to_revoke force row level security;
--> statement-breakpoint
grant select, insert, delete on public.grants_to_revoke to neuraform_gate;
--> statement-breakpoint
grant select, delete on public.grants_to_revoke to neuraform_jobs;
--> statement-breakpoint
grant update (attempts, due_at) on public.grants_to_revoke to neuraform_jobs;
--> statement-breakpoint
comment on table public.grants_to_revoke is
  'What providers gave and are to get back, sealed by the service: of accounts that have gone, and of registrations that nobody ended.';
