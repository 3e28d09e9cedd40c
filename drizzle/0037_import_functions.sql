-- What a file says that was said is stored by the service, a companion's words marked as such; a reply may stand beside them.
do $$
begin
  grant create on schema app to neuraform_gate;
  set local role neuraform_gate;

  create function app.import_messages(target_id uuid, entries jsonb, from_leaf uuid, to_leaf uuid) returns void
    language plpgsql volatile security definer set search_path = '' as $body$
  declare held record; added integer;
  begin
    if app.current_session_id() is null then
      raise exception 'no session' using errcode = 'NF401';
    end if;
    -- Whoever writes to this conversation has written when it is looked for what is there.
    select c.leaf_message_id, c.last_message_at into held from public.conversations c
      where c.id = target_id and c.user_id = app.current_user_id() and not c.is_temporary
      for no key update;
    if not found then
      raise exception 'no such conversation' using errcode = 'NF404';
    end if;
    insert into public.messages (id, user_id, conversation_id, parent_id, role, origin, content, words, content_type, metadata, status,
        tokens, model, latency_ms, feedback, created_at)
      -- One that follows nothing names itself: without a parent it would follow what was said last.
      select e.id, app.current_user_id(), target_id, coalesce(e.parent_id, e.id), e.role,
          case when e.role = 'user' then 'person' else 'imported' end, decode(e.content, 'base64'), e.words, e.content_type,
          e.metadata, e.status, e.tokens, e.model, e.latency_ms, e.feedback, least(coalesce(e.created_at, now()), now())
        from rows from (jsonb_to_recordset(entries) as (id uuid, parent_id uuid, role text, content text, words bigint[],
          content_type text, metadata jsonb, status text, tokens integer, model text, latency_ms integer, feedback text,
          created_at timestamptz)) with ordinality as e (id, parent_id, role, content, words, content_type, metadata, status, tokens,
          model, latency_ms, feedback, created_at, place)
        where not exists (select from public.messages m where m.id = e.id and m.conversation_id = target_id)
        order by e.place;
    get diagnostics added = row_count;
    if added = 0 then
      return;
    end if;
    -- Whoever has gone on here stays where they are.
    update public.conversations c
      set leaf_message_id = case when held.leaf_message_id is distinct from from_leaf then held.leaf_message_id else to_leaf end,
          last_message_at = greatest(held.last_message_at, (
            select max(m.created_at) from public.messages m
              where m.conversation_id = target_id and m.id in (select (e ->> 'id')::uuid from jsonb_array_elements(entries) e)))
      where c.id = target_id;
  end $body$;
  comment on function app.import_messages(uuid, jsonb, uuid, uuid) is
    'Adds those messages of a file that a conversation of the person of this transaction lacks, each behind the one that it follows, and leads the path to their end where it ended at from_leaf; NF404 for a conversation that is not theirs.';

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
        where m.parent_id = words_id and m.conversation_id = answered.conversation_id and m.origin in ('companion', 'imported')
          -- One that was copied or imported has no turn; one of other words only stands here.
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

  revoke all on function app.import_messages(uuid, jsonb, uuid, uuid) from public;
  grant execute on function app.import_messages(uuid, jsonb, uuid, uuid) to neuraform_user;

  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
