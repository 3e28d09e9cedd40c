-- What is said follows what was said last, on the path that was chosen; upstream calls are paid from a day's budget.
do $$
begin
  grant create on schema app to neuraform_gate;
  set local role neuraform_gate;

  create function app.settle_entry(entry_id uuid, owner_id uuid, amount integer) returns void
    language plpgsql volatile security invoker set search_path = '' as $body$
  declare entry public.usage_ledger;
  begin
    update public.usage_ledger l set spent = greatest(amount, 0), settled_at = now()
      where l.id = entry_id and l.user_id = owner_id and l.spent is null
      returning l.* into entry;
    if found then
      update public.usage_days d set reserved = d.reserved - entry.reserved, spent = d.spent + entry.spent
        where d.user_id = owner_id and d.day = entry.day and d.kind = entry.kind;
    end if;
  end $body$;
  comment on function app.settle_entry(uuid, uuid, integer) is
    'Says what an upstream call took, in place of what was set aside for it; a second time nothing.';

  create function app.reserve_usage(entry_id uuid, entry_kind text, amount integer, daily_limit bigint) returns void
    language plpgsql volatile security definer set search_path = '' as $body$
  declare today date := (now() at time zone 'utc')::date;
  begin
    if exists (select from public.usage_ledger l where l.id = entry_id and l.user_id = app.current_user_id()) then
      return;
    end if;
    -- Whoever reserves at once waits here for the row, and then sees what the others have taken.
    insert into public.usage_days as d (user_id, day, kind, reserved)
      select app.current_user_id(), today, entry_kind, amount where amount <= daily_limit
      on conflict (user_id, day, kind) do update set reserved = d.reserved + excluded.reserved
        where d.spent + d.reserved + excluded.reserved <= daily_limit;
    if not found then
      raise exception 'the day''s budget is spent' using errcode = 'NF429', detail = 'quota_exceeded';
    end if;
    insert into public.usage_ledger (id, user_id, day, kind, reserved)
      values (entry_id, app.current_user_id(), today, entry_kind, amount);
  end $body$;
  comment on function app.reserve_usage(uuid, text, integer, bigint) is
    'Sets something aside of what the person of this transaction may use in a day, before an upstream call; NF429 where it does not fit. A second time nothing.';

  create function app.settle_usage(entry_id uuid, amount integer) returns void
    language sql volatile security definer set search_path = '' as $body$
    select app.settle_entry(entry_id, app.current_user_id(), amount)
  $body$;
  comment on function app.settle_usage(uuid, integer) is
    'Says what an upstream call of the person of this transaction took.';

  create function app.reserve_turn(answered_id uuid, presented bytea, entry_id uuid, amount integer, daily_limit bigint) returns void
    language plpgsql volatile security definer set search_path = '' as $body$
  declare answered public.turns;
  begin
    select t.* into answered from public.turns t
      where t.id = answered_id and t.user_id = app.current_user_id() and t.key_hash = presented and t.state = 'streaming'
        and t.usage_id is distinct from entry_id;
    if not found then
      return;
    end if;
    -- Of a Worker that died nobody will say what it took.
    perform app.settle_entry(answered.usage_id, answered.user_id, 0), app.reserve_usage(entry_id, 'llm_tokens', amount, daily_limit);
    update public.turns t set usage_id = entry_id where t.id = answered_id;
  end $body$;
  comment on function app.reserve_turn(uuid, bytea, uuid, integer, bigint) is
    'Sets tokens aside for a turn that whoever presents this key answers; NF429 where they do not fit into the day. Nothing for a turn that is another''s to answer.';

  create function app.release_usage(seconds integer) returns integer
    language plpgsql volatile security definer set search_path = '' as $body$
  declare entry record; released integer := 0;
  begin
    for entry in
      select l.id, l.user_id from public.usage_ledger l
        where l.spent is null and l.created_at < now() - make_interval(secs => seconds)
        order by l.created_at limit 1000 for update skip locked
    loop
      perform app.settle_entry(entry.id, entry.user_id, 0);
      released := released + 1;
    end loop;
    return released;
  end $body$;
  comment on function app.release_usage(integer) is
    'Gives back what was set aside so many seconds ago and that nobody has settled, up to 1000 times; how often it did.';

  create function app.require_message(required_id uuid, required_conversation_id uuid, required_role text) returns void
    language plpgsql volatile security invoker set search_path = '' as $body$
  begin
    if required_id is not null and not exists (
      select from public.messages m
        where m.id = required_id and m.conversation_id = required_conversation_id and m.role = required_role
          and m.origin <> 'external' and (m.role = 'user' or exists (
            select from public.messages w where w.id = m.parent_id and w.role = 'user'))
    ) then
      raise exception 'no such message' using errcode = 'NF404';
    end if;
  end $body$;
  comment on function app.require_message(uuid, uuid, text) is
    'NF404 where neither these words of the person are there nor, of the companion, a reply to words; so nothing is claimed for it either.';

  create function app.beginning_of_turn(turn_id uuid, in_conversation_id uuid, edit_of uuid) returns uuid
    language plpgsql stable security invoker set search_path = '' as $body$
  declare words_id uuid; before_id uuid;
  begin
    select t.user_message_id into words_id from public.turns t where t.id = turn_id;
    select m.parent_id into before_id from public.messages m where m.id = words_id;
    if not found and edit_of is not null then
      select m.parent_id into before_id from public.messages m where m.id = edit_of;
    elsif not found then
      select c.leaf_message_id into before_id from public.conversations c where c.id = in_conversation_id;
    end if;
    return before_id;
  end $body$;
  comment on function app.beginning_of_turn(uuid, uuid, uuid) is
    'The message that the words of a turn follow: as they are stored, or as they will be.';

  create function app.path_from(start_id uuid, in_conversation_id uuid, most integer) returns table (id uuid, depth integer)
    language plpgsql stable rows 40 security invoker set search_path = '' as $body$
  begin
    return query
      with recursive path (id, parent_id, depth) as (
        select m.id, m.parent_id, 1 from public.messages m where m.id = start_id and m.conversation_id = in_conversation_id
        union all
        -- One by one, by its key: as a join, all that a person ever said may be read instead.
        select n.id, n.parent_id, p.depth + 1
          from path p cross join lateral (select m.id, m.parent_id from public.messages m where m.id = p.parent_id limit 1) n
          where p.depth < most
      ) select p.id, p.depth from path p;
  end $body$;
  comment on function app.path_from(uuid, uuid, integer) is
    'A message of a conversation and what it follows, up to the first one, so many at the most. Planned once for a connection, where a statement is planned each time.';

  create or replace function app.place_message() returns trigger
    language plpgsql volatile security definer set search_path = '' as $body$
  declare held record; leaf_id uuid; is_aside boolean := new.parent_id is not null;
  begin
    select c.is_temporary, c.last_seq, c.summary_seq, c.leaf_message_id into held from public.conversations c
      where c.id = new.conversation_id and c.user_id = new.user_id
      for no key update;
    if not found then
      raise exception 'no such conversation' using errcode = '23503', constraint = 'messages_conversation_id_user_id_fkey';
    end if;
    -- By a statement of its own: whoever has waited for the row sees only now what the other one wrote.
    select m.id into leaf_id from public.messages m where m.id = held.leaf_message_id and m.conversation_id = new.conversation_id;
    new.seq := held.last_seq + 1;
    -- One that names itself has no parent: it begins the conversation anew.
    new.parent_id := case when new.parent_id = new.id then null else coalesce(new.parent_id, leaf_id) end;
    -- A summary of what this does not follow is of another path.
    is_aside := is_aside and held.summary_seq > coalesce((select p.seq from public.messages p where p.id = new.parent_id), 0);
    update public.conversations c
      set last_seq = new.seq, message_count = c.message_count + 1, last_message_at = now(), updated_at = now(),
          leaf_message_id = case when new.origin = 'companion' then c.leaf_message_id else new.id end,
          summary = case when is_aside then null else c.summary end,
          summary_seq = case when is_aside then 0 else c.summary_seq end
      where c.id = new.conversation_id;
    if held.is_temporary then
      new.words := '{}';
    end if;
    return new;
  end $body$;
  comment on function app.place_message() is
    'Numbers a new message of a conversation, hangs it behind what was said last unless it names its parent, and counts it.';

  create or replace function app.store_reply(
    answered public.turns, reply_content bytea, reply_words bigint[], reply_status text, reply_tokens integer, reply_model text,
    reply_latency_ms integer
  ) returns void language plpgsql volatile security invoker set search_path = '' as $body$
  declare words_id uuid; leaf_id uuid; is_first boolean; is_last boolean;
  begin
    -- Whoever writes to this conversation waits here.
    select c.leaf_message_id into leaf_id from public.conversations c where c.id = answered.conversation_id for no key update;
    update public.messages m
      set content = reply_content, words = reply_words, status = reply_status, tokens = coalesce(reply_tokens, m.tokens),
          model = coalesce(reply_model, m.model), latency_ms = coalesce(reply_latency_ms, m.latency_ms)
      where m.id = answered.reply_message_id and m.user_id = answered.user_id;
    if found then
      update public.conversations c set updated_at = now() where c.id = answered.conversation_id;
      return;
    end if;
    -- Words that were hidden are not stored: the reply follows what was said last.
    select m.id into words_id from public.messages m where m.id = answered.user_message_id and m.user_id = answered.user_id;
    is_first := words_id is not null and not exists (
      select from public.messages m left join public.turns t on t.id = m.turn_id
        where m.parent_id = words_id and m.conversation_id = answered.conversation_id and m.origin = 'companion'
          -- One that was copied has no turn; one of other words only stands here.
          and (t.id is null or t.user_message_id = words_id));
    -- Whoever has said something since goes on from there.
    is_last := words_id is null or leaf_id = words_id or not is_first and not exists (
      select from public.messages m where m.id = leaf_id and m.created_at > answered.started_at);
    insert into public.messages (id, user_id, conversation_id, parent_id, turn_id, role, origin, content, words, status, tokens,
        model, latency_ms)
      values (answered.reply_message_id, answered.user_id, answered.conversation_id, words_id, answered.id, 'assistant',
        'companion', reply_content, reply_words, reply_status, reply_tokens, reply_model, reply_latency_ms);
    -- What was said while the companion spoke follows its reply.
    if is_first then
      update public.messages m set parent_id = answered.reply_message_id
        where m.parent_id = words_id and m.conversation_id = answered.conversation_id and m.id <> answered.reply_message_id;
    end if;
    if is_last then
      update public.conversations c set leaf_message_id = answered.reply_message_id where c.id = answered.conversation_id;
    end if;
  end $body$;
  comment on function app.store_reply(public.turns, bytea, bigint[], text, integer, text, integer) is
    'Stores the reply of a turn, in place of what it had before; a new one goes between the words that it answers and what was said since.';

  drop function app.finish_turn(text, bytea, text, integer, integer, integer, bigint[]);
  create function app.finish_turn(
    final_state text, reply_content bytea, reply_model text, reply_latency_ms integer, used_prompt_tokens integer,
    used_completion_tokens integer, reply_words bigint[] default '{}', spent_tokens integer default 0
  ) returns void language plpgsql volatile security definer set search_path = '' as $body$
  declare ended public.turns;
  begin
    update public.turns t
      set state = final_state, ended_at = now(), checkpoint = null, prompt_tokens = used_prompt_tokens,
          completion_tokens = used_completion_tokens
      where t.id = app.current_turn_id() and t.user_id = app.current_user_id() and t.state = 'streaming'
      returning t.* into ended;
    if not found then
      if exists (
        select from public.turns t where t.id = app.current_turn_id() and t.state = final_state and (
          reply_content is null or exists (select from public.messages m where m.id = t.reply_message_id and m.user_id = t.user_id))
      ) then
        return;
      end if;
      raise exception 'the turn has ended' using errcode = 'NF409', detail = 'turn_ended';
    end if;
    perform app.settle_entry(ended.usage_id, ended.user_id, spent_tokens);
    if reply_content is not null then
      perform app.store_reply(ended, reply_content, reply_words,
        case when final_state = 'complete' then 'complete' else 'interrupted' end, used_completion_tokens, reply_model, reply_latency_ms);
    end if;
  end $body$;
  comment on function app.finish_turn(text, bytea, text, integer, integer, integer, bigint[], integer) is
    'Ends the turn of this transaction, says what it took of the day''s tokens and stores its reply, if it has one; a second time nothing. NF409 when it has ended otherwise.';

  create or replace function app.end_stuck_turn(stuck_id uuid, stuck_since timestamptz, said_content bytea, said_words bigint[]) returns void
    language plpgsql volatile security definer set search_path = '' as $body$
  declare ended public.turns;
  begin
    update public.turns t
      set state = case when said_content is not null or exists (select from public.messages m where m.id = t.reply_message_id)
            then 'interrupted' else 'failed' end, ended_at = now(), checkpoint = null
      where t.id = stuck_id and t.state = 'streaming' and t.checked_at = stuck_since
      returning t.* into ended;
    if not found then
      return;
    end if;
    perform app.settle_entry(ended.usage_id, ended.user_id, 0);
    if said_content is not null then
      perform app.store_reply(ended, said_content, said_words, 'interrupted', null, null, null);
    end if;
  end $body$;

  create function app.copy_messages(target_id uuid, source_ids uuid[], new_ids uuid[], contents bytea[]) returns void
    language plpgsql volatile security definer set search_path = '' as $body$
  declare place integer; parent uuid;
  begin
    if app.current_session_id() is null then
      raise exception 'no session' using errcode = 'NF401';
    end if;
    for place in 1..coalesce(array_length(source_ids, 1), 0) loop
      insert into public.messages (id, user_id, conversation_id, parent_id, role, origin, content, words, content_type, metadata, status,
          tokens, model, latency_ms, feedback, created_at)
        select new_ids[place], m.user_id, target_id, coalesce(parent, new_ids[place]), m.role, m.origin, contents[place], m.words,
            m.content_type, m.metadata, m.status, m.tokens, m.model, m.latency_ms, m.feedback, m.created_at
          from public.messages m where m.id = source_ids[place] and m.user_id = app.current_user_id();
      if not found then
        raise exception 'no such message' using errcode = 'NF404';
      end if;
      parent := new_ids[place];
    end loop;
    update public.conversations c set leaf_message_id = parent where c.id = target_id and c.user_id = app.current_user_id();
  end $body$;
  comment on function app.copy_messages(uuid, uuid[], uuid[], bytea[]) is
    'Copies messages of the person of this transaction into another conversation of theirs, one behind the other, with their contents sealed anew; NF404 where one is not theirs.';

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
      select 'a conversation ends with one of its messages', c.id::text from public.conversations c
        where c.leaf_message_id is not null and not exists (
          select from public.messages m where m.id = c.leaf_message_id and m.conversation_id = c.id)
      union all
      -- The ledger is kept for a year, the sums for good.
      select 'a day''s sums are those of its ledger', coalesce(d.user_id, l.user_id) || ' ' || coalesce(d.day, l.day) || ' ' || coalesce(d.kind, l.kind)
        from (select * from public.usage_days where day > now() - interval '300 days') d
        full join (
          select user_id, day, kind, sum(reserved) filter (where spent is null) as reserved, sum(spent) as spent
          from public.usage_ledger where day > now() - interval '300 days' group by 1, 2, 3) l using (user_id, day, kind)
        where d.reserved is distinct from coalesce(l.reserved, 0) or d.spent is distinct from coalesce(l.spent, 0)
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

  revoke all on function app.settle_entry(uuid, uuid, integer), app.reserve_usage(uuid, text, integer, bigint),
    app.settle_usage(uuid, integer), app.reserve_turn(uuid, bytea, uuid, integer, bigint), app.release_usage(integer),
    app.require_message(uuid, uuid, text), app.beginning_of_turn(uuid, uuid, uuid), app.path_from(uuid, uuid, integer),
    app.finish_turn(text, bytea, text, integer, integer, integer, bigint[], integer), app.copy_messages(uuid, uuid[], uuid[], bytea[])
    from public;
  grant execute on function app.reserve_usage(uuid, text, integer, bigint), app.settle_usage(uuid, integer),
    app.reserve_turn(uuid, bytea, uuid, integer, bigint), app.require_message(uuid, uuid, text),
    app.beginning_of_turn(uuid, uuid, uuid), app.path_from(uuid, uuid, integer),
    app.finish_turn(text, bytea, text, integer, integer, integer, bigint[], integer), app.copy_messages(uuid, uuid[], uuid[], bytea[])
    to neuraform_user;
  grant execute on function app.release_usage(integer) to neuraform_jobs;

  -- What was said before there were paths: each message follows the one before it, and of several replies the newest.
  update public.messages m set parent_id = (
      select p.id from public.messages p
        where p.conversation_id = m.conversation_id and p.seq < m.seq
        -- A reply that was made once more stands where the first one did.
        order by coalesce((
          select min(v.seq) from public.messages v
            where p.role = 'assistant' and v.role = 'assistant' and v.parent_id = p.parent_id and v.conversation_id = p.conversation_id
          ), p.seq) desc, p.seq desc limit 1)
    where m.parent_id is null;
  update public.conversations c set leaf_message_id = (
      select m.id from public.messages m where m.conversation_id = c.id
        order by coalesce((
          select min(v.seq) from public.messages v
            where m.role = 'assistant' and v.role = 'assistant' and v.parent_id = m.parent_id and v.conversation_id = m.conversation_id
          ), m.seq) desc, m.seq desc limit 1)
    where c.leaf_message_id is null and c.last_seq > 0;

  create function app.note_deletion() returns trigger
    language plpgsql volatile security definer set search_path = '' as $body$
  begin
    -- Of somebody who goes altogether nothing is kept.
    insert into public.conversation_deletions (gone_id, user_id)
      select old.id, old.user_id from public.users u where u.id = old.user_id and u.is_active;
    return null;
  end $body$;
  comment on function app.note_deletion() is 'Keeps that a conversation is gone, for the other devices of its person.';
  revoke all on function app.note_deletion() from public;

  -- Who makes a trigger must be allowed to call its function.
  grant execute on function app.note_deletion() to neuraform_owner;
  set local role neuraform_owner;
  create trigger conversations_deletion after delete on public.conversations for each row execute function app.note_deletion();
  set local role neuraform_gate;
  revoke execute on function app.note_deletion() from neuraform_owner;

  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
