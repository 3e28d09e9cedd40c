-- Two checks that grew with what they look at: a person's own chain is worked out over its newest entries, and data keys that
-- nobody can unwrap do not stand in the way of the others.
do $$
begin
  grant create on schema app to neuraform_gate;
  set local role neuraform_gate;

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
    select c.chain_id, c.head_seq, c.head_hash, (
      select min(least(e.position, e.seq)) from (
        select * from entries
        union all
        -- What would come next: it must follow the head, and the head the last entry.
        select c.before + 1 + (select count(*) from entries), c.head_seq + 1, c.head_hash, c.head_hash, c.head_hash,
          coalesce((select l.hash from entries l order by l.seq desc limit 1), decode(repeat('00', 32), 'hex'))
      ) e where e.seq <> e.position or e.hash <> e.right_hash or e.previous_hash is distinct from e.hash_before
    ) from chain c
  $body$;
  comment on function app.own_chain() is
    'The caller''s chain: its head, and the first place among its newest 500 entries where they do not fit together; null where all do.';

  drop function app.keys_to_rewrap(text, integer);
  create function app.keys_to_rewrap(current_id text, among text[], most integer)
    returns table (user_id uuid, version integer, key_encryption_key_id text, wrapped_key bytea)
    language plpgsql stable security definer set search_path = '' as $body$
  begin
    if among is not null then
      return query select k.user_id, k.version, k.key_encryption_key_id, k.wrapped_key from public.user_keys k
        where k.key_encryption_key_id = any (among) and k.key_encryption_key_id <> current_id limit most;
    else
      -- Two ranges, so that the index tells at once when there is none.
      return query select k.user_id, k.version, k.key_encryption_key_id, k.wrapped_key from public.user_keys k
        where k.key_encryption_key_id < current_id or k.key_encryption_key_id > current_id limit most;
    end if;
  end $body$;
  comment on function app.keys_to_rewrap(text, text[], integer) is
    'Data keys that are wrapped under another key-encryption key than the current one: under one of those named, or under any.';
  revoke all on function app.keys_to_rewrap(text, text[], integer) from public;
  grant execute on function app.keys_to_rewrap(text, text[], integer) to neuraform_jobs;

  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
