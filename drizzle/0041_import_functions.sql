-- What a file says that was said is stored by the service, a companion's words marked as such.
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

  revoke all on function app.import_messages(uuid, jsonb, uuid, uuid) from public;
  grant execute on function app.import_messages(uuid, jsonb, uuid, uuid) to neuraform_user;

  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
