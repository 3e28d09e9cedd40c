-- Entries are linked and hashed where they are inserted, so that no writer can fork a chain, leave a gap or choose a hash.
alter table public.audit_chains force row level security;
--> statement-breakpoint
alter table public.audit_log force row level security;
--> statement-breakpoint
comment on table public.audit_chains is 'The head of each chain of audit entries, and whose it is until they leave.';
--> statement-breakpoint
comment on table public.audit_log is 'What happened. Insert-only for every role; each entry holds the hash of the one before it.';
--> statement-breakpoint
grant select, insert, update on public.audit_chains to neuraform_gate;
--> statement-breakpoint
grant select, insert on public.audit_log to neuraform_gate;
--> statement-breakpoint
grant select on public.audit_chains, public.audit_log to neuraform_user;
--> statement-breakpoint
create function app.canonical_json(value jsonb) returns text
  language sql immutable strict parallel safe set search_path = '' as $$
  select case jsonb_typeof(value)
    when 'object' then (
      select '{' || coalesce(string_agg(to_json(e.key)::text || ':' || app.canonical_json(e.value), ',' order by e.key collate "C"), '') || '}'
      from jsonb_each(value) e)
    when 'array' then (
      select '[' || coalesce(string_agg(app.canonical_json(e.value), ',' order by e.position), '') || ']'
      from jsonb_array_elements(value) with ordinality e (value, position))
    else value::text
  end
$$;
--> statement-breakpoint
comment on function app.canonical_json(jsonb) is 'RFC 8785, for ASCII text, integers, booleans and null.';
--> statement-breakpoint
create function app.audit_hash(entry public.audit_log) returns bytea
  language sql stable set search_path = '' as $$
  select sha256(convert_to(app.canonical_json(jsonb_build_object(
    'chain_id', entry.chain_id, 'seq', entry.seq, 'action', entry.action, 'target', entry.target, 'details', entry.details,
    'request_id', entry.request_id, 'previous_hash', encode(entry.previous_hash, 'hex'),
    'occurred_at', to_char(entry.occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))), 'UTF8'))
$$;
--> statement-breakpoint
comment on function app.audit_hash(public.audit_log) is 'SHA-256 of the canonical JSON of everything in an entry but its hash.';
--> statement-breakpoint
create function app.link_entry() returns trigger
  language plpgsql volatile security definer set search_path = '' as $$
declare head record;
begin
  -- The chain's row is the lock that writers wait for until the one before them has committed.
  select c.head_seq, c.head_hash into head from public.audit_chains c where c.chain_id = new.chain_id for update;
  new.seq := head.head_seq + 1;
  new.previous_hash := head.head_hash;
  new.occurred_at := date_trunc('milliseconds', clock_timestamp());
  new.hash := app.audit_hash(new);
  update public.audit_chains c set head_seq = new.seq, head_hash = new.hash where c.chain_id = new.chain_id;
  return new;
end $$;
--> statement-breakpoint
comment on function app.link_entry() is 'Gives an entry its place, time and hash, whatever its writer said, and moves the chain''s head.';
--> statement-breakpoint
create trigger audit_log_link before insert on public.audit_log for each row execute function app.link_entry();
--> statement-breakpoint
create function app.refuse_change() returns trigger
  language plpgsql volatile set search_path = '' as $$
begin
  raise exception 'entries are never changed' using errcode = '42501';
end $$;
--> statement-breakpoint
comment on function app.refuse_change() is 'Refuses UPDATE, DELETE and TRUNCATE, to the owner too.';
--> statement-breakpoint
create trigger audit_log_refuse_change before update or delete on public.audit_log
  for each row execute function app.refuse_change();
--> statement-breakpoint
create trigger audit_log_refuse_truncate before truncate on public.audit_log
  for each statement execute function app.refuse_change();
--> statement-breakpoint
create function app.chain_of(person uuid) returns uuid
  language plpgsql volatile set search_path = '' as $$
declare found_chain uuid;
begin
  if person is null then
    found_chain := '00000000-0000-4000-8000-000000000000';
    insert into public.audit_chains (chain_id) values (found_chain) on conflict do nothing;
    return found_chain;
  end if;
  select c.chain_id into found_chain from public.audit_chains c where c.user_id = person;
  if found_chain is null then
    insert into public.audit_chains (user_id) values (person) on conflict do nothing;
    select c.chain_id into found_chain from public.audit_chains c where c.user_id = person;
  end if;
  return found_chain;
end $$;
--> statement-breakpoint
comment on function app.chain_of(uuid) is 'The chain of a person, or of the service; made when it is first asked for.';
--> statement-breakpoint
create function app.record_event(event_action text, event_target text, event_details jsonb, event_request_id uuid) returns void
  language plpgsql volatile security definer set search_path = '' as $$
begin
  if app.current_user_id() is null then
    raise exception 'nobody is acting' using errcode = 'NF401';
  end if;
  insert into public.audit_log (chain_id, action, target, details, request_id)
    values (app.chain_of(app.current_user_id()), event_action, event_target, event_details, event_request_id);
end $$;
--> statement-breakpoint
comment on function app.record_event(text, text, jsonb, uuid) is 'Writes an entry to the chain of the person of this transaction.';
--> statement-breakpoint
create function app.record_service_event(
  person uuid, event_action text, event_target text, event_details jsonb, event_request_id uuid
) returns void language plpgsql volatile security definer set search_path = '' as $$
begin
  insert into public.audit_log (chain_id, action, target, details, request_id)
    values (app.chain_of(person), event_action, event_target, event_details, event_request_id);
end $$;
--> statement-breakpoint
comment on function app.record_service_event(uuid, text, text, jsonb, uuid) is
  'Writes an entry to a person''s chain, or to the service''s own where there is nobody.';
--> statement-breakpoint
create function app.record_broken_seals(targets text[], event_request_id uuid) returns void
  language plpgsql volatile security definer set search_path = '' as $$
begin
  if app.current_user_id() is null then
    raise exception 'nobody is acting' using errcode = 'NF401';
  end if;
  insert into public.audit_log (chain_id, action, target, request_id)
    select app.chain_of(app.current_user_id()), 'seal.broken', broken, event_request_id
    from unnest(targets) broken
    where not exists (
      select from public.audit_log l join public.audit_chains c on c.chain_id = l.chain_id
      where c.user_id = app.current_user_id() and l.action = 'seal.broken' and l.target = broken);
end $$;
--> statement-breakpoint
comment on function app.record_broken_seals(text[], uuid) is
  'Writes one entry for each cell of the person''s that could not be opened and that no entry names yet.';
--> statement-breakpoint
create function app.own_chain() returns table (chain_id uuid, head_seq bigint, head_hash bytea, broken_at bigint)
  language sql stable security definer set search_path = '' as $$
  select c.chain_id, c.head_seq, c.head_hash, (
      select min(least(e.position, e.seq)) from (
        select row_number() over in_order as position, l.seq, l.hash, app.audit_hash(l) as right_hash, l.previous_hash,
          lag(l.hash, 1, decode(repeat('00', 32), 'hex')) over in_order as hash_before
        from public.audit_log l where l.chain_id = c.chain_id window in_order as (order by l.seq)
        union all
        -- What would come next: it must follow the head, and the head the last entry.
        select (select count(*) + 1 from public.audit_log l where l.chain_id = c.chain_id), c.head_seq + 1, c.head_hash, c.head_hash,
          c.head_hash, coalesce((select l.hash from public.audit_log l where l.chain_id = c.chain_id order by l.seq desc limit 1),
            decode(repeat('00', 32), 'hex'))
      ) e where e.seq <> e.position or e.hash <> e.right_hash or e.previous_hash <> e.hash_before
    )
  from public.audit_chains c where c.user_id = app.current_user_id()
$$;
--> statement-breakpoint
comment on function app.own_chain() is
  'The caller''s chain: its head, and the first place where its entries do not fit together; null where all do.';
--> statement-breakpoint
create function app.unanchored_heads(most integer) returns table (chain_id uuid, seq bigint, hash bytea)
  language sql stable security definer set search_path = '' as $$
  select c.chain_id, c.head_seq, c.head_hash from public.audit_chains c
  where c.anchored_seq < c.head_seq order by c.chain_id limit most
$$;
--> statement-breakpoint
comment on function app.unanchored_heads(integer) is 'Heads of chains that have grown since they were anchored.';
--> statement-breakpoint
create function app.mark_anchored(chain_ids uuid[], seqs bigint[]) returns void
  language sql volatile security definer set search_path = '' as $$
  update public.audit_chains c set anchored_seq = greatest(c.anchored_seq, a.seq)
  from unnest(chain_ids, seqs) a (chain_id, seq) where c.chain_id = a.chain_id and a.seq <= c.head_seq
$$;
--> statement-breakpoint
comment on function app.mark_anchored(uuid[], bigint[]) is 'Remembers how far each chain''s head has been copied out of the database.';
--> statement-breakpoint
create function app.audit_chains_after(last_chain_id uuid, most integer)
  returns table (chain_id uuid, head_seq bigint, head_hash bytea)
  language sql stable security definer set search_path = '' as $$
  select c.chain_id, c.head_seq, c.head_hash from public.audit_chains c
  where last_chain_id is null or c.chain_id > last_chain_id order by c.chain_id limit most
$$;
--> statement-breakpoint
comment on function app.audit_chains_after(uuid, integer) is 'The heads of all chains, for whoever verifies them; they name nobody.';
--> statement-breakpoint
create function app.audit_entries_after(of_chain_id uuid, last_seq bigint, most integer)
  returns table (seq bigint, action text, target text, details jsonb, request_id uuid, occurred_at timestamptz, previous_hash bytea, hash bytea)
  language sql stable security definer set search_path = '' as $$
  select l.seq, l.action, l.target, l.details, l.request_id, l.occurred_at::timestamptz, l.previous_hash, l.hash
  from public.audit_log l where l.chain_id = of_chain_id and l.seq > last_seq order by l.seq limit most
$$;
--> statement-breakpoint
comment on function app.audit_entries_after(uuid, bigint, integer) is 'The entries of a chain in order, for whoever verifies it.';
--> statement-breakpoint
do $$
declare grants record;
begin
  grant create on schema app to neuraform_gate;
  for grants in select * from (values
    ('app.canonical_json(jsonb)', null),
    ('app.audit_hash(public.audit_log)', null),
    ('app.link_entry()', null),
    ('app.refuse_change()', null),
    ('app.chain_of(uuid)', null),
    ('app.record_event(text, text, jsonb, uuid)', 'neuraform_user'),
    ('app.record_broken_seals(text[], uuid)', 'neuraform_user'),
    ('app.own_chain()', 'neuraform_user'),
    ('app.record_service_event(uuid, text, text, jsonb, uuid)', 'neuraform_auth, neuraform_jobs'),
    ('app.unanchored_heads(integer)', 'neuraform_jobs'),
    ('app.mark_anchored(uuid[], bigint[])', 'neuraform_jobs'),
    ('app.audit_chains_after(uuid, integer)', 'neuraform_jobs'),
    ('app.audit_entries_after(uuid, bigint, integer)', 'neuraform_jobs')
  ) as g (signature, grantees) loop
    execute format('revoke all on function %s from public', grants.signature);
    if grants.grantees is not null then
      execute format('grant execute on function %s to %s', grants.signature, grants.grantees);
    end if;
    execute format('alter function %s owner to neuraform_gate', grants.signature);
  end loop;
  set local role neuraform_gate;
  -- The second of two that leave at once hears that the session has ended; no entry is written for somebody who is gone.
  create or replace function app.begin_erasure(erasure_id uuid) returns void
    language plpgsql volatile security definer set search_path = '' as $body$
  declare leaving uuid := app.current_user_id();
  begin
    update public.users u set is_active = false, updated_at = now()
      where u.id = leaving and u.is_active and app.current_session_id() is not null;
    if not found then
      raise exception 'no session' using errcode = 'NF401';
    end if;
    update public.user_sessions s set revoked_at = now(), revoked_reason = 'account_erased' where s.user_id = leaving and s.revoked_at is null;
    insert into public.erasures (id, user_id) values (erasure_id, leaving);
  end $body$;
  create or replace function app.finish_erasure(erasure_id uuid) returns table (cache_key bytea)
    language plpgsql volatile security definer set search_path = '' as $body$
  declare leaving uuid;
  begin
    -- Whoever still writes for this person holds a lock on this row until their transaction ends.
    select u.id into leaving from public.users u join public.erasures e on e.user_id = u.id
      where e.id = erasure_id and not u.is_active for update of u;
    return query select v.cache_key from public.voice_data v
      where v.user_id = leaving and v.cache_key is not null and v.created_at > now() - interval '10 minutes';
    if leaving is not null then
      perform app.record_service_event(leaving, 'account.erased', 'erasure:' || erasure_id, '{}', null);
    end if;
    delete from public.users u where u.id = leaving;
    update public.erasures e set completed_at = now(), user_id = null where e.id = erasure_id and e.completed_at is null;
  end $body$;
  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
