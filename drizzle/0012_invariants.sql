-- What must hold between rows and no constraint says, and what of it does not: for `npm run db:check`.
do $$
begin
  grant create on schema app to neuraform_gate;
  set local role neuraform_gate;

  create function app.broken_invariants(most integer) returns table (invariant text, subject text)
    language sql stable security definer set search_path = '' as $body$
    select b.invariant, b.subject from (
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
    ) b limit most
  $body$;
  comment on function app.broken_invariants(integer) is 'Rows that break what must hold, each with what it breaks. It reads whole tables.';

  create function app.voice_objects(after_id uuid, most integer) returns table (id uuid, r2_key text)
    language sql stable security definer set search_path = '' as $body$
    select v.id, v.r2_key from public.voice_data v where after_id is null or v.id > after_id order by v.id limit most
  $body$;
  comment on function app.voice_objects(uuid, integer) is 'Where the audio of each row lies, to be compared with what the bucket holds.';

  revoke all on function app.broken_invariants(integer), app.voice_objects(uuid, integer) from public;
  grant execute on function app.broken_invariants(integer), app.voice_objects(uuid, integer) to neuraform_jobs;

  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
--> statement-breakpoint
grant select (seq) on public.messages to neuraform_gate;
