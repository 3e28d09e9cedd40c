-- Memories are drawn, go with what they were drawn from, and are forgotten for good.
do $$
begin
  grant create on schema app to neuraform_gate;
  set local role neuraform_gate;

  create function app.memories_for(
    in_conversation_id uuid, edit_of uuid, most integer, out is_remembered boolean, out is_shared boolean, out memories jsonb
  ) language plpgsql stable security invoker set search_path = '' as $body$
  declare spoken record;
  begin
    memories := '[]';
    select u.is_remembered, u.is_memory_shared into is_remembered, is_shared from public.users u where u.id = app.current_user_id();
    select c.persona_id, c.is_temporary into spoken from public.conversations c where c.id = in_conversation_id;
    is_shared := coalesce(is_shared, false);
    if not coalesce(is_remembered and not spoken.is_temporary, false) then
      is_remembered := false;
      return;
    end if;
    memories := coalesce((
      select jsonb_agg(jsonb_build_object('id', r.id, 'content', encode(r.content, 'hex'), 'persona_id', r.persona_id, 'sources', (
          select coalesce(jsonb_agg(s.message_id), '[]') from public.memory_sources s where s.memory_id = r.id)) order by r.id desc)
        from (
          select m.id, m.content, m.persona_id from public.memories m
            where (m.persona_id is null or m.persona_id = spoken.persona_id)
              -- Words that are about to be edited are as good as not said.
              and (edit_of is null or not exists (
                select from public.memory_sources s where s.memory_id = m.id and s.message_id = edit_of))
            order by m.id desc limit most
        ) r), '[]');
    -- Of a companion that is gone only what all remember is told, and nothing is drawn for it.
    is_remembered := is_shared or spoken.persona_id is not null;
  end $body$;
  comment on function app.memories_for(uuid, uuid, integer) is
    'Whether what is said in a conversation is to be remembered, whether by all companions, and what its companion may remember in it, newest first, but for what comes from words that are edited: nothing where its person has that switched off, or it is temporary. Planned once for a connection, where a statement is planned each time.';

  create function app.words_to_draw_from(looked uuid[], in_conversation_id uuid) returns uuid[]
    language sql stable security invoker set search_path = '' as $body$
    select coalesce(array_agg(m.id), '{}')
      from public.messages m join public.users u on u.id = m.user_id
      where m.id = any (looked) and m.conversation_id = in_conversation_id and m.user_id = app.current_user_id() and m.role = 'user'
        and m.is_recallable and not m.is_drawn and m.created_at > coalesce(u.memories_forgotten_at, '-infinity')
        and not exists (
          select from public.messages n
            where n.conversation_id = m.conversation_id and n.role = 'user' and n.seq > m.seq
              and case when m.parent_id is null then n.parent_id is null else n.parent_id = m.parent_id end)
  $body$;
  comment on function app.words_to_draw_from(uuid[], uuid) is
    'Those of these messages from which something may be drawn: they are the person''s, were not looked through before, have no newer version, and nobody had them forgotten.';

  create function app.keep_memories(told_in uuid, looked uuid[], known uuid[], most integer, drawn jsonb) returns integer
    language plpgsql volatile security definer set search_path = '' as $body$
  declare
    held record; wish record; one record; told uuid[]; inherited uuid[]; replaced uuid[]; of_persona uuid; had integer; gone integer;
    kept integer := 0;
  begin
    if app.current_user_id() is null then
      raise exception 'nobody is acting' using errcode = 'NF401';
    end if;
    -- The person before their conversations, as an erasure does; whoever has everything forgotten waits, or is waited for.
    select u.is_remembered, u.is_memory_shared into wish from public.users u where u.id = app.current_user_id() for share;
    -- All of them first and in one order, so that whoever edits the words of another conversation waits, and nobody for ever.
    perform from public.conversations c
      where c.user_id = app.current_user_id() and (c.id = told_in or c.id in (
        select s.conversation_id from public.memory_sources s where s.user_id = app.current_user_id() and s.memory_id in (
          select r.id::uuid from jsonb_array_elements(drawn) d, jsonb_array_elements_text(d -> 'replaces') r (id))))
      order by c.id for no key update;
    select c.persona_id into held from public.conversations c
      where c.id = told_in and c.user_id = app.current_user_id() and not c.is_temporary;
    if not found then
      return 0;
    end if;
    -- Of a companion that is gone nobody else is told.
    if not wish.is_remembered or (held.persona_id is null and not wish.is_memory_shared) then
      return 0;
    end if;
    of_persona := case when wish.is_memory_shared then null else held.persona_id end;
    -- What was forgotten while it was drawn may be in what was drawn.
    if exists (
      select from unnest(known) k (id) where not exists (
        select from public.memories r where r.id = k.id and r.user_id = app.current_user_id())
    ) then
      return 0;
    end if;
    told := app.words_to_draw_from(looked, told_in);
    update public.messages m set is_drawn = true where m.id = any (told);
    for one in select * from jsonb_to_recordset(drawn) as d (id uuid, content text, sources uuid[], replaces uuid[]) loop
      continue when coalesce(cardinality(one.sources), 0) = 0 or not one.sources <@ told;
      -- What takes the place of something was drawn from its sources, too, and is known to nobody else.
      replaced := array(
        select r.id from public.memories r
          where r.id = any (one.replaces) and r.user_id = app.current_user_id() and r.origin = 'companion' and r.edited_at is null
            and r.persona_id is not distinct from of_persona
          order by r.id for update);
      continue when not one.replaces <@ replaced;
      inherited := array(select distinct s.message_id from public.memory_sources s where s.memory_id = any (replaced));
      delete from public.memories r where r.id = any (replaced);
      -- The oldest of what companions keep makes room.
      select count(*) into had from public.memories a where a.user_id = app.current_user_id();
      delete from public.memories r where r.id in (
        select o.id from public.memories o
          where o.user_id = app.current_user_id() and o.origin = 'companion' and o.edited_at is null
          order by o.id limit greatest(0, had + 1 - most));
      get diagnostics gone = row_count;
      continue when had - gone >= most;
      insert into public.memories (id, user_id, persona_id, content, origin)
        values (one.id, app.current_user_id(), of_persona, decode(one.content, 'hex'), 'companion');
      insert into public.memory_sources (memory_id, message_id, user_id, conversation_id)
        select one.id, m.id, m.user_id, m.conversation_id from public.messages m
          where m.user_id = app.current_user_id() and m.id = any (one.sources || inherited);
      kept := kept + 1;
    end loop;
    return kept;
  end $body$;
  comment on function app.keep_memories(uuid, uuid[], uuid[], integer, jsonb) is
    'Keeps what was drawn from words of a conversation that were looked through, each with its sources and in place of what it replaces; how many. Nothing where it is temporary, its person is not to be remembered, or something that was known is forgotten.';

  create function app.forget_memories(one_id uuid, of_persona uuid) returns integer
    language plpgsql volatile security definer set search_path = '' as $body$
  declare forgotten uuid[];
  begin
    if app.current_user_id() is null then
      raise exception 'nobody is acting' using errcode = 'NF401';
    end if;
    if one_id is null and of_persona is null then
      update public.users u set memories_forgotten_at = now() where u.id = app.current_user_id();
    end if;
    forgotten := array(
      select r.id from public.memories r
        where r.user_id = app.current_user_id() and (one_id is null or r.id = one_id) and (of_persona is null or r.persona_id = of_persona)
        order by r.id for update);
    -- It is not to be drawn from the same words once more.
    update public.messages m set is_recallable = false
      where m.user_id = app.current_user_id() and m.id in (
        select s.message_id from public.memory_sources s where s.memory_id = any (forgotten));
    delete from public.memories r where r.id = any (forgotten);
    return coalesce(cardinality(forgotten), 0);
  end $body$;
  comment on function app.forget_memories(uuid, uuid) is
    'Has one memory of the person of this transaction forgotten, or all of one companion, or all: then nothing is drawn either from what was said until now. How many. Their sources are drawn from no more.';

  create function app.require_room_for_memory(most integer) returns void
    language plpgsql volatile security definer set search_path = '' as $body$
  begin
    -- Whoever makes one at once waits here, and then sees it.
    perform from public.users u where u.id = app.current_user_id() for no key update;
    if (select count(*) from public.memories r where r.user_id = app.current_user_id()) >= most then
      raise exception 'as much is remembered as may be' using errcode = 'NF409';
    end if;
  end $body$;
  comment on function app.require_room_for_memory(integer) is
    'NF409 where the person of this transaction has as many memories as they may, so that nothing is claimed for another one.';

  create function app.require_visible_persona() returns trigger
    language plpgsql stable security invoker set search_path = '' as $body$
  begin
    if new.persona_id is not null and not exists (select from public.personas p where p.id = new.persona_id) then
      raise exception 'no such companion' using errcode = '23503', constraint = 'memories_persona_id_fkey';
    end if;
    return new;
  end $body$;
  comment on function app.require_visible_persona() is 'A memory goes to no companion that whoever gives it may not see.';

  create function app.keep_correction() returns trigger
    language plpgsql volatile security definer set search_path = '' as $body$
  begin
    update public.messages m set is_recallable = false
      where m.user_id = new.user_id and m.id in (select s.message_id from public.memory_sources s where s.memory_id = new.id);
    return null;
  end $body$;
  comment on function app.keep_correction() is 'What a person has corrected is not drawn from the same words once more.';

  create function app.forget_with_source() returns trigger
    language plpgsql volatile security definer set search_path = '' as $body$
  begin
    if exists (select from public.memories r where r.id = old.memory_id) then
      -- What else it was drawn from is looked through again.
      update public.messages m set is_drawn = false
        from public.memory_sources s where s.memory_id = old.memory_id and m.id = s.message_id and m.id <> old.message_id;
      delete from public.memories r where r.id = old.memory_id;
    end if;
    return null;
  end $body$;
  comment on function app.forget_with_source() is 'A memory goes with the first of its sources that goes.';

  create function app.forget_edited() returns trigger
    language plpgsql volatile security definer set search_path = '' as $body$
  declare versions uuid[];
  begin
    -- Mostly nothing was drawn here.
    if not exists (select from public.memory_sources s where s.conversation_id = new.conversation_id) then
      return null;
    end if;
    -- By its parent, since that has few: one expression for both would be no place in an index.
    if new.parent_id is null then
      versions := array(select m.id from public.messages m
        where m.parent_id is null and m.conversation_id = new.conversation_id and m.role = 'user' and m.id <> new.id);
    else
      versions := array(select m.id from public.messages m
        where m.parent_id = new.parent_id and m.conversation_id = new.conversation_id and m.role = 'user' and m.id <> new.id);
    end if;
    if versions <> '{}' then
      delete from public.memory_sources s where s.message_id = any (versions) and s.conversation_id = new.conversation_id;
    end if;
    return null;
  end $body$;
  comment on function app.forget_edited() is 'What was drawn from words goes when another version of them is said.';

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
    -- Nor is it remembered once that is wished again.
    if new.role = 'user' and exists (select from public.users u where u.id = new.user_id and not u.is_remembered) then
      new.is_recallable := false;
    end if;
    return new;
  end $body$;

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
          model = coalesce(reply_model, m.model), latency_ms = coalesce(reply_latency_ms, m.latency_ms), memory_ids = answered.memory_ids
      where m.id = answered.reply_message_id and m.user_id = answered.user_id;
    if found then
      update public.conversations c set updated_at = now() where c.id = answered.conversation_id;
      return;
    end if;
    -- Words that were hidden are not stored: the reply follows what was said last.
    select m.id into words_id from public.messages m where m.id = answered.user_message_id and m.user_id = answered.user_id;
    is_first := words_id is not null and not exists (
      select from public.messages m left join public.turns t on t.id = m.turn_id
        where m.parent_id = words_id and m.conversation_id = answered.conversation_id and m.origin in ('companion', 'imported')
          -- One that was copied or imported has no turn; one of other words only stands here.
          and (t.id is null or t.user_message_id = words_id));
    -- Whoever has said something since goes on from there.
    is_last := words_id is null or leaf_id = words_id or not is_first and not exists (
      select from public.messages m where m.id = leaf_id and m.created_at > answered.started_at);
    insert into public.messages (id, user_id, conversation_id, parent_id, turn_id, role, origin, content, words, status, tokens,
        model, latency_ms, memory_ids)
      values (answered.reply_message_id, answered.user_id, answered.conversation_id, words_id, answered.id, 'assistant',
        'companion', reply_content, reply_words, reply_status, reply_tokens, reply_model, reply_latency_ms, answered.memory_ids);
    -- What was said while the companion spoke follows its reply.
    if is_first then
      update public.messages m set parent_id = answered.reply_message_id
        where m.parent_id = words_id and m.conversation_id = answered.conversation_id and m.id <> answered.reply_message_id;
    end if;
    if is_last then
      update public.conversations c set leaf_message_id = answered.reply_message_id where c.id = answered.conversation_id;
    end if;
  end $body$;

  create or replace function app.copy_messages(target_id uuid, source_ids uuid[], new_ids uuid[], contents bytea[]) returns void
    language plpgsql volatile security definer set search_path = '' as $body$
  declare place integer; parent uuid;
  begin
    if app.current_session_id() is null then
      raise exception 'no session' using errcode = 'NF401';
    end if;
    for place in 1..coalesce(array_length(source_ids, 1), 0) loop
      -- What is to be remembered of it was drawn from where it was said.
      insert into public.messages (id, user_id, conversation_id, parent_id, role, origin, content, words, content_type, metadata, status,
          tokens, model, latency_ms, feedback, memory_ids, is_recallable, created_at)
        select new_ids[place], m.user_id, target_id, coalesce(parent, new_ids[place]), m.role, m.origin, contents[place], m.words,
            m.content_type, m.metadata, m.status, m.tokens, m.model, m.latency_ms, m.feedback, m.memory_ids, false, m.created_at
          from public.messages m where m.id = source_ids[place] and m.user_id = app.current_user_id();
      if not found then
        raise exception 'no such message' using errcode = 'NF404';
      end if;
      parent := new_ids[place];
    end loop;
    update public.conversations c set leaf_message_id = parent where c.id = target_id and c.user_id = app.current_user_id();
  end $body$;

  create or replace function app.freeze_persona() returns trigger
    language plpgsql volatile security definer set search_path = '' as $body$
  declare copy_id uuid := gen_random_uuid();
  begin
    if exists (select from public.conversations c where c.persona_id = old.id and c.user_id <> old.owner_id) then
      insert into public.personas (id, owner_id, display_name, description, system_prompt, greeting, example_dialogue, lorebook,
          personality_config, voice_config, vrm_model_path, expressions, rating, is_active, frozen_at)
        values (copy_id, null, old.display_name, old.description, old.system_prompt, old.greeting, old.example_dialogue, old.lorebook,
          old.personality_config, old.voice_config,
          -- What lies with its author may go with them.
          case when old.vrm_model_path like 'https://%' then null else old.vrm_model_path end, old.expressions, old.rating, false, now());
      insert into public.user_persona_preferences (user_id, persona_id, is_favorite, custom_settings, interaction_count, last_interaction_at)
        select p.user_id, copy_id, p.is_favorite, p.custom_settings, p.interaction_count, p.last_interaction_at
          from public.user_persona_preferences p where p.persona_id = old.id and p.user_id <> old.owner_id
            and exists (select from public.conversations c where c.persona_id = old.id and c.user_id = p.user_id);
      update public.memories r set persona_id = copy_id
        where r.persona_id = old.id and r.user_id <> old.owner_id
          and exists (select from public.conversations c where c.persona_id = old.id and c.user_id = r.user_id);
      update public.conversations c set persona_id = copy_id, updated_at = now()
        where c.persona_id = old.id and c.user_id <> old.owner_id;
    end if;
    if tg_op = 'DELETE' then
      return old;
    end if;
    return new;
  end $body$;

  create or replace function app.require_data_key() returns trigger
    language plpgsql volatile security definer set search_path = '' as $body$
  declare
    owner uuid;
    cells bytea[];
    cell bytea;
  begin
    -- What stays as it was is not written, so that a broken cell keeps none of its neighbours from being changed.
    case tg_table_name
      when 'users' then
        owner := new.id;
        cells := array[nullif(new.first_name, old.first_name), nullif(new.last_name, old.last_name), nullif(new.email, old.email),
          nullif(new.birthdate, old.birthdate)];
      when 'identities' then
        owner := new.user_id;
        cells := array[nullif(new.email, old.email), nullif(new.refresh_token, old.refresh_token)];
      when 'user_sessions' then
        owner := new.user_id;
        cells := array[nullif(new.device_info, old.device_info), nullif(new.ip_prefix, old.ip_prefix),
          nullif(new.user_agent, old.user_agent), nullif(new.location, old.location)];
      when 'conversations' then
        owner := new.user_id;
        cells := array[nullif(new.title, old.title), nullif(new.summary, old.summary)];
      when 'turns' then
        owner := new.user_id;
        cells := array[nullif(new.checkpoint, old.checkpoint)];
      when 'messages' then
        owner := new.user_id;
        cells := array[nullif(new.content, old.content)];
      when 'memories' then
        owner := new.user_id;
        cells := array[nullif(new.content, old.content)];
    end case;
    foreach cell in array cells loop
      if length(cell) >= 3 then
        -- Whoever retires this key waits until the writer has committed, and looks at what was written.
        perform from public.user_keys k
          where k.user_id = owner and k.version = get_byte(cell, 1) * 256 + get_byte(cell, 2) for key share;
        if not found then
          raise exception 'a cell is sealed under a data key that is not there' using errcode = 'NF423';
        end if;
      end if;
    end loop;
    return new;
  end $body$;

  create or replace function app.sealed_columns() returns table (place integer, table_name text, column_name text, owner_column text)
    language sql immutable set search_path = '' as $body$
    values (1, 'users', 'first_name', 'id'), (2, 'users', 'last_name', 'id'), (3, 'users', 'email', 'id'), (4, 'users', 'birthdate', 'id'),
      (5, 'identities', 'email', 'user_id'), (6, 'identities', 'refresh_token', 'user_id'),
      (7, 'user_sessions', 'device_info', 'user_id'), (8, 'user_sessions', 'ip_prefix', 'user_id'),
      (9, 'user_sessions', 'user_agent', 'user_id'), (10, 'conversations', 'title', 'user_id'),
      (11, 'conversations', 'summary', 'user_id'), (12, 'turns', 'checkpoint', 'user_id'), (13, 'messages', 'content', 'user_id'),
      (14, 'user_sessions', 'location', 'user_id'), (15, 'memories', 'content', 'user_id')
  $body$;

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
      select 'what a companion remembers was drawn from something', r.id::text from public.memories r
        where r.origin = 'companion' and not exists (select from public.memory_sources s where s.memory_id = r.id)
      union all
      select 'a memory is drawn from a person''s own words', s.memory_id::text from public.memory_sources s
        join public.messages m on m.id = s.message_id where m.role <> 'user' or m.user_id <> s.user_id
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

  revoke all on function app.memories_for(uuid, uuid, integer), app.words_to_draw_from(uuid[], uuid),
    app.keep_memories(uuid, uuid[], uuid[], integer, jsonb), app.forget_memories(uuid, uuid), app.require_room_for_memory(integer),
    app.require_visible_persona(), app.keep_correction(), app.forget_with_source(), app.forget_edited() from public;
  grant execute on function app.memories_for(uuid, uuid, integer), app.keep_memories(uuid, uuid[], uuid[], integer, jsonb),
    app.forget_memories(uuid, uuid), app.require_room_for_memory(integer) to neuraform_user;

  -- Who makes a trigger must be allowed to call its function.
  grant execute on function app.require_data_key(), app.require_visible_persona(), app.keep_correction(), app.forget_with_source(),
    app.forget_edited() to neuraform_owner;
  set local role neuraform_owner;
  create trigger memories_data_key before insert or update of content on public.memories
    for each row execute function app.require_data_key();
  create trigger memories_persona before update of persona_id on public.memories
    for each row when (new.persona_id is distinct from old.persona_id) execute function app.require_visible_persona();
  create trigger memories_corrected after update of edited_at on public.memories
    for each row execute function app.keep_correction();
  create trigger memory_sources_gone after delete on public.memory_sources
    for each row execute function app.forget_with_source();
  create trigger messages_edited after insert on public.messages
    for each row when (new.role = 'user') execute function app.forget_edited();
  set local role neuraform_gate;
  revoke execute on function app.require_data_key(), app.require_visible_persona(), app.keep_correction(), app.forget_with_source(),
    app.forget_edited() from neuraform_owner;

  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
