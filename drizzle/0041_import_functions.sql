-- What a file says that was said is stored by the service, a companion's words marked as such.
do $$
begin
  grant create on schema app to neuraform_gate;
  set local role neuraform_gate;

  create function app.import_messages(target_id uuid, entries jsonb, from_leaf uuid, to_leaf uuid, out added integer, out bytes integer)
    language plpgsql volatile security definer set search_path = '' as $body$
  declare held record; stored uuid[]; leaf uuid;
  begin
    if app.current_session_id() is null then
      raise exception 'no session' using errcode = 'NF401';
    end if;
    -- Whoever writes to this conversation has written when it is looked for what is there.
    select c.leaf_message_id, c.last_message_at, c.summary, c.summary_seq into held from public.conversations c
      where c.id = target_id and c.user_id = app.current_user_id() and not c.is_temporary
      for no key update;
    if not found then
      raise exception 'no such conversation' using errcode = 'NF404';
    end if;
    with given as (
      select e.* from rows from (jsonb_to_recordset(entries) as (id uuid, parent_id uuid, role text, content text, words bigint[],
        content_type text, metadata jsonb, status text, tokens integer, model text, latency_ms integer, feedback text,
        created_at timestamptz)) with ordinality as e (id, parent_id, role, content, words, content_type, metadata, status, tokens,
        model, latency_ms, feedback, created_at, place)
    ), made as (
      insert into public.messages (id, user_id, conversation_id, parent_id, role, origin, content, words, content_type, metadata, status,
          tokens, model, latency_ms, feedback, is_recallable, created_at)
        -- One that follows nothing names itself: without a parent it would follow what was said last.
        select e.id, app.current_user_id(), target_id, coalesce(e.parent_id, e.id), e.role,
            case when e.role = 'user' then 'person' else 'imported' end, decode(e.content, 'base64'), e.words, e.content_type,
            e.metadata, e.status, e.tokens, e.model, e.latency_ms, e.feedback,
            -- A file may hold what was forgotten here, what others said, and what was played.
            false, least(coalesce(e.created_at, now()), now())
          from given e
          where not exists (select from public.messages m where m.id = e.id and m.user_id = app.current_user_id())
          order by e.place
        returning id
    ) select coalesce(array_agg(m.id), '{}') into stored from made m;
    added := cardinality(stored);
    bytes := coalesce((select sum(e.bytes) from jsonb_to_recordset(entries) as e (id uuid, bytes integer) where e.id = any (stored)), 0);
    if added = 0 then
      return;
    end if;
    -- Whoever has gone on here stays where they are, and what is summed up of their path is so still.
    leaf := case when held.leaf_message_id is distinct from from_leaf
        or not exists (select from public.messages m where m.id = to_leaf and m.conversation_id = target_id)
      then held.leaf_message_id else to_leaf end;
    update public.conversations c
      set leaf_message_id = coalesce(leaf, c.leaf_message_id),
          summary = case when leaf = held.leaf_message_id then held.summary else c.summary end,
          summary_seq = case when leaf = held.leaf_message_id then held.summary_seq else c.summary_seq end,
          last_message_at = greatest(held.last_message_at, (select max(m.created_at) from public.messages m where m.id = any (stored)))
      where c.id = target_id;
  end $body$;
  comment on function app.import_messages(uuid, jsonb, uuid, uuid) is
    'Adds those messages of a file that the person of this transaction lacks to a conversation of theirs, each behind the one that it follows, and leads the path to their end where it ended at from_leaf; how many, and their bytes as the entries say. NF404 for a conversation that is not theirs.';

  revoke all on function app.import_messages(uuid, jsonb, uuid, uuid) from public;
  grant execute on function app.import_messages(uuid, jsonb, uuid, uuid) to neuraform_user;

  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
