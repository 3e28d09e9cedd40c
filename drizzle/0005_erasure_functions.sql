-- Leaving: the account dies at once, its rows go when its blobs are gone, and a receipt stays.
create function app.begin_erasure(erasure_id uuid) returns void
  language plpgsql volatile security definer set search_path = '' as $$
declare leaving uuid := app.current_user_id();
begin
  if app.current_session_id() is null then
    raise exception 'no session' using errcode = 'NF401';
  end if;
  update public.users u set is_active = false, updated_at = now() where u.id = leaving;
  update public.user_sessions s set revoked_at = now(), revoked_reason = 'account_erased' where s.user_id = leaving and s.revoked_at is null;
  insert into public.erasures (id, user_id) values (erasure_id, leaving);
end $$;
--> statement-breakpoint
comment on function app.begin_erasure(uuid) is 'Ends the caller''s account and every session of it, and writes the receipt.';
--> statement-breakpoint
create function app.pending_erasures() returns table (erasure_id uuid, user_id uuid)
  language sql volatile security definer set search_path = '' as $$
  select e.id, e.user_id from public.erasures e where e.completed_at is null order by random() limit 20
$$;
--> statement-breakpoint
comment on function app.pending_erasures() is
  'Some erasures that have not ended, in no order, so that none that fails for ever stands in the way of the others.';
--> statement-breakpoint
create function app.finish_erasure(erasure_id uuid) returns table (cache_key bytea)
  language plpgsql volatile security definer set search_path = '' as $$
declare leaving uuid;
begin
  -- Whoever still writes for this person holds a lock on this row until their transaction ends.
  select u.id into leaving from public.users u join public.erasures e on e.user_id = u.id
    where e.id = erasure_id and not u.is_active for update of u;
  return query select v.cache_key from public.voice_data v
    where v.user_id = leaving and v.cache_key is not null and v.created_at > now() - interval '10 minutes';
  delete from public.users u where u.id = leaving;
  update public.erasures e set completed_at = now(), user_id = null where e.id = erasure_id and e.completed_at is null;
end $$;
--> statement-breakpoint
comment on function app.finish_erasure(uuid) is
  'Deletes the account''s rows (every table follows by its foreign keys) and completes the receipt; a second call does nothing. Returns the names of lines so new that a listing of KV may not show them yet.';
--> statement-breakpoint
create function app.find_erasure(erasure_id uuid) returns table (requested_at timestamptz, completed_at timestamptz)
  language sql stable security definer set search_path = '' as $$
  select e.requested_at::timestamptz, e.completed_at::timestamptz from public.erasures e where e.id = erasure_id
$$;
--> statement-breakpoint
comment on function app.find_erasure(uuid) is 'The state of an erasure, for whoever holds its id; it names nobody.';
--> statement-breakpoint
do $$
declare grants record;
begin
  grant create on schema app to neuraform_gate;
  for grants in select * from (values
    ('app.begin_erasure(uuid)', 'neuraform_user'),
    ('app.pending_erasures()', 'neuraform_jobs'),
    ('app.finish_erasure(uuid)', 'neuraform_jobs'),
    ('app.find_erasure(uuid)', 'neuraform_visitor')
  ) as g (signature, grantee) loop
    execute format('revoke all on function %s from public', grants.signature);
    execute format('grant execute on function %s to %I', grants.signature, grants.grantee);
    execute format('alter function %s owner to neuraform_gate', grants.signature);
  end loop;
  revoke create on schema app from neuraform_gate;
end $$;
