-- What may be written to the audit log, by which door; sessions that a sign-in ends are written to it too; and checks that
-- see what somebody who may write to the tables could do: put entries before the first, move a mark or a number, or hang
-- a chain to nobody.
create type app.user_action as enum ('account.erasure_requested', 'session.revoked');
--> statement-breakpoint
comment on type app.user_action is 'What app.record_event takes: src/audit/record-event.ts says the same.';
--> statement-breakpoint
create type app.service_action as enum ('account.registered', 'data_key.rotated', 'key_encryption_key.rotated',
  'registration.refused', 'sign_in.refused', 'sign_in.succeeded');
--> statement-breakpoint
comment on type app.service_action is 'What app.record_service_event takes: src/audit/record-event.ts says the same.';
--> statement-breakpoint
do $$
begin
  grant create on schema app to neuraform_gate;
  set local role neuraform_gate;

  create function app.append_event(person uuid, event_action text, event_target text, event_details jsonb, event_request_id uuid)
    returns void language plpgsql volatile set search_path = '' as $body$
  begin
    if concat(event_target, ' ', event_details) ~ '@|\mnf_' or length(event_details::text) > 400
      or jsonb_typeof(event_details) <> 'object'
      or jsonb_path_exists(event_details, 'strict $.* ? (@.type() == "object" || @.type() == "array")') then
      raise exception 'details that no entry may hold' using errcode = '23514', constraint = 'audit_log_details_check';
    end if;
    insert into public.audit_log (chain_id, action, target, details, request_id)
      values (app.chain_of(person), event_action, event_target, event_details, event_request_id);
  end $body$;
  comment on function app.append_event(uuid, text, text, jsonb, uuid) is
    'Writes an entry to a person''s chain, or the service''s. 23514 for details that are nested or long, or like an address or a token.';

  create or replace function app.record_event(event_action text, event_target text, event_details jsonb, event_request_id uuid)
    returns void language plpgsql volatile security definer set search_path = '' as $body$
  begin
    if app.current_user_id() is null then
      raise exception 'nobody is acting' using errcode = 'NF401';
    end if;
    if not event_action = any (enum_range(null::app.user_action)::text[]) then
      raise exception 'no action of a person''s' using errcode = '23514', constraint = 'audit_log_action_check';
    end if;
    perform app.append_event(app.current_user_id(), event_action, event_target, event_details, event_request_id);
  end $body$;
  comment on function app.record_event(text, text, jsonb, uuid) is
    'Writes one of app.user_action to the chain of the person of this transaction; 23514 for anything else.';

  create or replace function app.record_service_event(
    person uuid, event_action text, event_target text, event_details jsonb, event_request_id uuid
  ) returns void language plpgsql volatile security definer set search_path = '' as $body$
  begin
    if not event_action = any (enum_range(null::app.service_action)::text[]) then
      raise exception 'no action of the service''s' using errcode = '23514', constraint = 'audit_log_action_check';
    end if;
    perform app.append_event(person, event_action, event_target, event_details, event_request_id);
  end $body$;
  comment on function app.record_service_event(uuid, text, text, jsonb, uuid) is
    'Writes one of app.service_action to a person''s chain, or to the service''s own where there is nobody; 23514 for anything else.';

  create or replace function app.erase_rows(erasure_id uuid) returns bytea[]
    language plpgsql volatile security definer set search_path = '' as $body$
  declare
    leaving uuid;
    too_new bytea[];
  begin
    -- Whoever still writes for this person holds a lock on this row until their transaction ends.
    select u.id into leaving from public.users u join public.erasures e on e.user_id = u.id
      where e.id = erasure_id and not u.is_active for update of u;
    if leaving is not null then
      select array_agg(v.cache_key) into too_new from public.voice_data v
        where v.user_id = leaving and v.cache_key is not null and v.created_at > now() - interval '10 minutes';
      update public.erasures e set cache_keys = too_new where e.user_id = leaving and e.completed_at is null;
      perform app.append_event(leaving, 'account.erased', 'erasure:' || erasure_id, '{}', null);
      delete from public.users u where u.id = leaving;
    end if;
    return (select e.cache_keys from public.erasures e where e.id = erasure_id);
  end $body$;

  drop function app.start_session(uuid, uuid, uuid, bytea, bytea, bytea, bytea, integer, integer, bytea, integer);
  create function app.start_session(
    new_session_id uuid, owner_id uuid, owner_identity_id uuid, new_token_hash bytea, new_device_info bytea, new_ip_prefix bytea,
    new_user_agent bytea, idle_seconds integer, absolute_seconds integer, presented_token_hash bytea, live_limit integer,
    event_request_id uuid default null
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
      where s.token_hash = presented_token_hash and s.revoked_at is null returning s.id
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
      insert into public.user_sessions (id, user_id, identity_id, token_hash, device_info, ip_prefix, user_agent,
          idle_lifetime_seconds, expires_at, absolute_expires_at)
        values (new_session_id, owner_id, owner_identity_id, new_token_hash, new_device_info, new_ip_prefix, new_user_agent, idle_seconds,
          now() + make_interval(secs => least(idle_seconds, absolute_seconds)), now() + make_interval(secs => absolute_seconds))
        returning user_sessions.expires_at::timestamptz;
  end $body$;
  comment on function app.start_session(uuid, uuid, uuid, bytea, bytea, bytea, bytea, integer, integer, bytea, integer, uuid) is
    'Starts a session, ends the one whose token was presented, and keeps at most live_limit live ones (the least used go). Each that ends is an entry of its own person''s chain. NF401: no live account.';

  create or replace function app.audit_hash(entry public.audit_log) returns bytea
    language sql stable set search_path = '' as $body$
    select sha256(convert_to(concat('{"action":', to_json(entry.action), ',"chain_id":"', entry.chain_id, '","details":',
      case when jsonb_typeof(entry.details) <> 'object' then app.canonical_json(entry.details)
      else concat('{', (
        select string_agg(concat(to_json(d.key), ':',
            case when jsonb_typeof(d.value) in ('object', 'array') then app.canonical_json(d.value) else d.value::text end),
          ',' order by d.key collate "C") from jsonb_each(entry.details) d), '}') end,
      ',"occurred_at":', coalesce(to_json(to_char(entry.occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))::text, 'null'),
      ',"previous_hash":"', encode(entry.previous_hash, 'hex'), '","request_id":', coalesce(to_json(entry.request_id)::text, 'null'),
      ',"seq":', entry.seq, ',"target":', coalesce(to_json(entry.target)::text, 'null'), '}'), 'UTF8'))
  $body$;
  comment on function app.audit_hash(public.audit_log) is
    'SHA-256 of the canonical JSON of everything in an entry but its hash, its keys written out in order.';

  create or replace function app.own_chain() returns table (chain_id uuid, head_seq bigint, head_hash bytea, broken_at bigint)
    language sql stable security definer set search_path = '' as $body$
    with chain as (
      select c.chain_id, c.head_seq, c.head_hash, greatest(c.head_seq - 500, 0) as before
      from public.audit_chains c where c.user_id = app.current_user_id()
    ), entries as (
      select c.before + row_number() over in_order as position, l.seq, l.hash, app.audit_hash(l) as right_hash, l.previous_hash,
        lag(l.hash, 1, case when c.before = 0 then decode(repeat('00', 32), 'hex')
          else (select e.hash from public.audit_log e where e.chain_id = c.chain_id and e.seq = c.before) end) over in_order as hash_before
      from chain c join public.audit_log l on l.chain_id = c.chain_id and l.seq > c.before
      window in_order as (order by l.seq)
    )
    select c.chain_id, c.head_seq, c.head_hash, least(
      (select min(l.seq) from public.audit_log l where l.chain_id = c.chain_id and l.seq < 1),
      case when not exists (select from public.audit_log l
        where l.chain_id = c.chain_id and l.seq = 1 and l.action = 'account.registered') then 1 end,
      (select min(least(e.position, e.seq)) from (
        select * from entries
        union all
        -- What would come next: it must follow the head, and the head the last entry.
        select c.before + 1 + (select count(*) from entries), least(c.head_seq, 9223372036854775806) + 1, c.head_hash, c.head_hash,
          c.head_hash, coalesce((select l.hash from entries l order by l.seq desc limit 1), decode(repeat('00', 32), 'hex'))
      ) e where e.seq <> e.position or e.hash is distinct from e.right_hash or e.previous_hash is distinct from e.hash_before)
    ) from chain c
  $body$;
  comment on function app.own_chain() is
    'The caller''s chain: its head, and the first place where it does not begin with the registration, has an entry before the first, or does not fit together among its newest 500; null for none. No row where they have no chain.';

  create function app.heads_to_anchor(last_chain_id uuid, most integer) returns table (chain_id uuid, seq bigint, hash bytea)
    language sql stable security definer set search_path = '' as $body$
    select c.chain_id, c.head_seq, c.head_hash from public.audit_chains c
    where c.chain_id in (
        select m.chain_id from public.audit_chains m where m.anchored_seq < m.head_seq
        union
        select l.chain_id from public.audit_log l where l.occurred_at > now() - interval '48 hours')
      and (last_chain_id is null or c.chain_id > last_chain_id)
      -- What is larger is no number in JavaScript, and no place that entries lead to.
      and c.head_seq <= 9007199254740991
    order by c.chain_id limit most
  $body$;
  comment on function app.heads_to_anchor(uuid, integer) is
    'Heads of chains that have an entry of the last 48 hours, whatever their mark says, and of those whose mark is behind.';
  comment on function app.unanchored_heads(integer) is
    'For a Worker that does not know app.heads_to_anchor: heads of chains whose mark is behind.';

  drop function app.audit_chains_after(uuid, integer);
  create function app.audit_chains_after(last_chain_id uuid, most integer)
    returns table (chain_id uuid, head_seq bigint, head_hash bytea, anchored_seq bigint)
    language sql stable security definer set search_path = '' as $body$
    select c.chain_id, c.head_seq, c.head_hash, c.anchored_seq from public.audit_chains c
    where last_chain_id is null or c.chain_id > last_chain_id order by c.chain_id limit most
  $body$;
  comment on function app.audit_chains_after(uuid, integer) is
    'The heads of all chains and how far each was copied out, for whoever verifies them; they name nobody.';

  create or replace function app.audit_entries_after(of_chain_id uuid, last_seq bigint, most integer)
    returns table (seq bigint, action text, target text, details jsonb, request_id uuid, occurred_at timestamptz, previous_hash bytea, hash bytea)
    language sql stable security definer set search_path = '' as $body$
    select l.seq, l.action, l.target, l.details, l.request_id, l.occurred_at::timestamptz, l.previous_hash, l.hash
    from public.audit_log l
    where l.chain_id = of_chain_id and l.seq >= coalesce(last_seq, -9223372036854775808) and l.seq is distinct from last_seq
    order by l.seq limit most
  $body$;
  comment on function app.audit_entries_after(uuid, bigint, integer) is
    'The entries of a chain in order, for whoever verifies it; from the smallest place there is where last_seq is null.';

  create or replace function app.broken_invariants(most integer) returns table (invariant text, subject text)
    language sql stable security definer set search_path = '' as $body$
    select b.invariant, b.subject from (select a.invariant, a.subject, row_number() over (partition by a.invariant) as place from (
      select 'a message is of its conversation''s person' as invariant, m.id::text as subject
        from public.messages m join public.conversations c on c.id = m.conversation_id where c.user_id <> m.user_id
      union all
      select 'no turn streams for longer than 20 minutes', t.id::text
        from public.turns t where t.state = 'streaming' and t.started_at < now() - interval '20 minutes'
      union all
      select 'a complete turn has its reply', t.id::text from public.turns t
        where t.state = 'complete' and not exists (
          select from public.messages m where m.id = t.reply_message_id and m.conversation_id = t.conversation_id)
          and exists (select from public.messages m where m.id = t.user_message_id)
      union all
      select 'a conversation counts its messages', c.id::text from public.conversations c
        left join (select m.conversation_id, count(*) as messages, max(m.seq) as last_seq from public.messages m group by 1) s
          on s.conversation_id = c.id
        where c.message_count <> coalesce(s.messages, 0) or c.last_seq < coalesce(s.last_seq, 0)
      union all
      select 'a person has an identity', u.id::text from public.users u
        where u.is_active and not exists (select from public.identities i where i.user_id = u.id)
      union all
      select 'a person has a data key', u.id::text from public.users u
        where not exists (select from public.user_keys k where k.user_id = u.id)
      union all
      select 'an account that has ended has no live session', s.id::text from public.user_sessions s
        join public.users u on u.id = s.user_id where not u.is_active and s.revoked_at is null
      union all
      select 'an erasure is finished within an hour', e.id::text from public.erasures e
        where e.completed_at is null and e.requested_at < now() - interval '1 hour'
      union all
      select 'an account that has ended has an erasure', u.id::text from public.users u
        where not u.is_active and not exists (select from public.erasures e where e.user_id = u.id)
      union all
      select 'a chain''s head is its last entry', c.chain_id::text from public.audit_chains c
        where c.head_seq <> (select coalesce(max(l.seq), 0) from public.audit_log l where l.chain_id = c.chain_id)
      union all
      select 'a live account has one chain, which begins with its registration', u.id::text from public.users u
        where u.is_active and (
          select array_agg(l.action) from public.audit_chains c left join public.audit_log l on l.chain_id = c.chain_id and l.seq = 1
          where c.user_id = u.id) is distinct from '{account.registered}'
      union all
      select 'a chain of nobody''s ends with an erasure', c.chain_id::text from public.audit_chains c
        where c.user_id is null and c.chain_id <> '00000000-0000-4000-8000-000000000000' and not exists (
          select from public.audit_log l where l.chain_id = c.chain_id and l.seq = c.head_seq and l.action = 'account.erased')
      union all
      select 'an entry about a session is on its person''s chain', s.id::text
        from public.user_sessions s join public.audit_log l on l.target = 'session:' || s.id
        join public.audit_chains c on c.chain_id = l.chain_id where c.user_id is distinct from s.user_id
    ) a) b where b.place <= most
  $body$;
  comment on function app.broken_invariants(integer) is
    'Rows that break what must hold, each with what it breaks, at most so many of each invariant. It reads whole tables.';

  revoke all on function app.append_event(uuid, text, text, jsonb, uuid), app.heads_to_anchor(uuid, integer),
    app.audit_chains_after(uuid, integer),
    app.start_session(uuid, uuid, uuid, bytea, bytea, bytea, bytea, integer, integer, bytea, integer, uuid) from public;
  grant execute on function app.heads_to_anchor(uuid, integer), app.audit_chains_after(uuid, integer) to neuraform_jobs;
  grant execute on function
    app.start_session(uuid, uuid, uuid, bytea, bytea, bytea, bytea, integer, integer, bytea, integer, uuid) to neuraform_auth;

  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
